"""Maps computed from others: the difference of two, chosen in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QWidget

from engine.saliency.derived import Normalisation, difference_name, title
from viewer.actions import Actions
from viewer.dialogs import accept_or_cancel
from viewer.state import AppState
from viewer.state.analysis import is_derived
from viewer.widgets.wrapped import Wrapped

if TYPE_CHECKING:
    from viewer.window import Window

UNITS: tuple[tuple[Normalisation, str, str], ...] = (
    (
        "share",
        "its share of all relevance",
        "Each map is divided by its own sum. 1 is the average of a pixel: the difference says "
        "where one map spends more of its relevance.",
    ),
    (
        "peak",
        "its strongest value",
        "Each map is divided by its own strongest value.",
    ),
    (
        "rank",
        "the rank of its values",
        "Each value counts by its place in its map's order, 0 to 1: only the order is compared.",
    ),
)
NEEDS_TWO = "A difference takes an image and a model with two maps."


class DifferenceDialog(QDialog):
    """Which map minus which, and in what unit; ``name`` is the difference's key."""

    def __init__(self, names: list[str], first: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Difference of two maps")
        self.first, self.second, self.unit = QComboBox(), QComboBox(), QComboBox()
        for box in (self.first, self.second):
            for name in names:
                box.addItem(title(name), name)
        self.first.setCurrentIndex(max(self.first.findData(first), 0))
        self.second.setCurrentIndex(1 if self.first.currentIndex() == 0 else 0)
        for key, text, _ in UNITS:
            self.unit.addItem(text, key)
        self._says = Wrapped("", "secondary")
        self._buttons = accept_or_cancel(self)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Show")
        form = QFormLayout(self)
        form.addRow("&Map", self.first)
        form.addRow("m&inus", self.second)
        form.addRow("each &by", self.unit)
        form.addRow(self._says)
        form.addRow(self._buttons)
        self.setMinimumWidth(360)
        for box in (self.first, self.second, self.unit):
            box.currentIndexChanged.connect(self._follow)
        self._follow()

    @property
    def name(self) -> str:
        """The key of the difference chosen."""
        unit: Normalisation = self.unit.currentData()
        return difference_name(self.first.currentData(), self.second.currentData(), unit)

    def _follow(self, *_: object) -> None:
        same = self.first.currentData() == self.second.currentData()
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not same)
        self._says.setText(
            "A map minus itself is nothing; choose another."
            if same
            else UNITS[self.unit.currentIndex()][2]
        )


def install(actions: Actions, state: AppState) -> None:
    """Make the action that asks for a difference, and connect what the panels ask for."""
    window = cast("Window", actions.parent())

    def ask() -> None:
        names = [name for name in state.analysis.map_names if not is_derived(name)]
        if state.image is None or len(names) < 2:
            state.notice.emit(NEEDS_TWO, "info")
            return
        now = state.overlays[state.active_view].map_name or ""
        dialog = DifferenceDialog(names, now, window)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            show(state, dialog.name)
        dialog.deleteLater()

    actions.make(
        "difference",
        "&Difference of two maps…",
        ask,
        tip="One map minus another, each by its share of all relevance, as a map of its own",
    )
    _connect(window)


def _connect(window: Window) -> None:
    """Connect what the panels ask for: the dialog, and the mirror axis marked in the views.

    The axis is of the image and frame being read: views that show others have none.
    """
    views, panel = window.views, window.answers.mirror
    window.answers.overlay.differenceRequested.connect(window.actions_["difference"].trigger)

    def mark(col: float | None) -> None:
        state = window.state
        for view in views.views:
            here = view.image is state.image and view.frame == state.frame
            view.set_mirror_axis(col if here else None)

    panel.axisShown.connect(mark)


def show(state: AppState, name: str) -> None:
    """Lay a map that is computed from others over the active view."""
    state.analysis.derive(name)
    state.overlays.show(state.active_view, name)
