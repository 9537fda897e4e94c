"""Theme, size of the interface, panels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QPushButton, QRadioButton, QWidget

from viewer import scaling, theme
from viewer.actions import Actions
from viewer.preferences.page import Page
from viewer.settings import Settings


class AppearancePage(Page):
    """``set_theme`` dresses the window; ``restart`` starts the program again."""

    title = "Appearance"

    def __init__(
        self,
        settings: Settings,
        actions: Actions,
        set_theme: Callable[[str], object],
        restart: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._actions = actions
        self.head("Theme")
        self.themes: dict[str, QRadioButton] = {}
        group = QButtonGroup(self)
        for name, text in (("dark", "Dark, for a reading room"), ("light", "Light")):
            button = QRadioButton(text)
            button.toggled.connect(lambda on, name=name: set_theme(name) if on else None)
            group.addButton(button)
            self.themes[name] = button
        self.row(*self.themes.values())
        self.explain("Images stand on black in both: a bright surround takes contrast from them.")

        self.head("Size of the interface")
        self.scale = QComboBox()
        self.scale.setAccessibleName("Size of the interface")
        for percent in scaling.CHOICES:
            self.scale.addItem(f"{percent} %", percent)
        self.scale.currentIndexChanged.connect(self._choose_scale)
        self.restart = QPushButton("Restart now")
        self.restart.setToolTip("Start again with the same files open; masks are saved")
        self.restart.clicked.connect(restart)
        self.row(self.scale, self.restart)
        self._scale_says = self.explain("")

        self.head("Panels")
        self.cases = self._mirror("cases", "Cases, on the left")
        self.answers = self._mirror("answers", "Answers, on the right")
        self.row(self.cases)
        self.row(self.answers)
        self.explain("Sections of the answers fold by their headings, and stay as you leave them.")
        self.end()
        self.refresh()

    def refresh(self) -> None:
        """Show what holds now."""
        self.themes[theme.current().name].setChecked(True)
        self.scale.blockSignals(True)
        self.scale.setCurrentIndex(scaling.CHOICES.index(scaling.chosen(self._settings)))
        self.scale.blockSignals(False)
        for box, name in ((self.cases, "cases"), (self.answers, "answers")):
            box.setChecked(self._actions[name].isChecked())
        self._say_scale()

    def _mirror(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text)
        action = self._actions[name]
        box.clicked.connect(lambda on: action.trigger() if on != action.isChecked() else None)
        action.toggled.connect(box.setChecked)
        return box

    def _choose_scale(self) -> None:
        scaling.choose(self._settings, self.scale.currentData())
        self._say_scale()

    def _say_scale(self) -> None:
        percent = self.scale.currentData()
        now = scaling.in_force()
        self.restart.setVisible(percent != now)
        screen = self.screen().availableGeometry()
        if percent > 100 and not scaling.fits(percent, now, (screen.width(), screen.height())):
            text = (
                f"At {percent} % the window is larger than this screen; "
                "hide a panel or choose a smaller size."
            )
        elif percent != now:
            text = f"Now {now} %. The new size holds from the next start on."
        else:
            text = "On top of what your system asks of all programs."
        self._scale_says.setText(text)
