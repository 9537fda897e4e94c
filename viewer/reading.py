"""What a radiologist does to an image before saying anything about it, as actions and a menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from engine.images.windowing import auto_window, presets
from viewer.canvas.turn import PLAIN, Turn
from viewer.canvas.view import ImageView
from viewer.cine import Cine
from viewer.panels.slices import SliceBar

if TYPE_CHECKING:
    from viewer.window import Window

#: Window presets that have a number key.
PRESETS = 9
#: What one press of faster or slower multiplies the rate of a loop by.
RATE_STEP = 1.25


class Reading(QObject):
    """Belongs to a window; everything is said to its active view, and links carry it on."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.cine = Cine(window.state, self)
        self.bar = SliceBar(window.state, self.cine)
        self._names: list[str] = []  # actions that need an image
        self._playing: list[str] = []  # actions that need several frames
        self.menu = self._make_menu()
        self._watched: set[ImageView] = set()
        self._watch()
        window.state.viewsChanged.connect(self._watch)
        window.views.viewMade.connect(self._watch)
        self.cine.changed.connect(self._follow)
        window.state.seriesOpened.connect(self._follow)
        window.state.seriesClosed.connect(self._follow)
        self._follow()

    @property
    def _view(self) -> ImageView:
        return self._window.views.active

    def _watch(self, *_: object) -> None:
        for view in self._window.views.views:
            if view not in self._watched:
                self._watched.add(view)
                view.tapped.connect(self.cine.toggle)
                view.activated.connect(self._pressed)

    def _make_menu(self) -> QMenu:
        actions = self._window.actions_
        make, fill = actions.make, actions.fill
        for number in range(1, PRESETS + 1):
            make(
                f"window-{number}",
                f"Window preset &{number}",
                partial(self.use_preset, number),
                str(number),
            )
            self._names.append(f"window-{number}")
        make("auto-window", "A&utomatic window", self._auto, "A", tip="Window from the frame's own")
        make("actual-size", "Act&ual size in mm", self.actual_size, "Ctrl+2")
        make("calibrate", "&Calibrate this screen…", self.calibrate)
        self._names += ["auto-window", "actual-size"]
        return actions.menu(
            "&Image",
            *("auto-window", "actual-size", "calibrate", None),
            fill(QMenu("&Turn and flip", self._window), *self._make_turns()),
            fill(QMenu("&Play", self._window), *self._make_cine()),
        )

    # Windows

    def use_preset(self, number: int) -> None:
        """Show the image in the window of a number key, as the menu of presets lists them."""
        image = self._view.image
        if image is None or image.is_colour:
            return
        found = presets(image, self._view.frame)
        if number <= len(found):
            self._view.set_window(found[number - 1])

    def _auto(self) -> None:
        image = self._view.image
        if image is not None and not image.is_colour:
            self._view.set_window(auto_window(image, self._view.frame))

    # Turns

    def _make_turns(self) -> tuple[str, ...]:
        make, turn = self._window.actions_.make, self._turn
        make("turn-right", "Turn &right 90°", turn(lambda t: t.turned(1)), "Shift+R")
        make("turn-left", "Turn &left 90°", turn(lambda t: t.turned(-1)), "Shift+L")
        make("flip-sideways", "Flip left and rig&ht", turn(lambda t: t.flipped()), "Shift+H")
        make(
            "flip-upright",
            "Flip top and &bottom",
            turn(lambda t: t.flipped(vertically=True)),
            "Shift+V",
        )
        make("turn-reset", "As &stored", turn(lambda _: PLAIN), "Shift+O")
        names = ("turn-right", "turn-left", "flip-sideways", "flip-upright", "turn-reset")
        self._names += names
        return names

    def _turn(self, change: Callable[[Turn], Turn]) -> Callable[[], None]:
        return lambda: self._view.set_turn(change(self._view.turn))

    # Playing

    def _make_cine(self) -> tuple[str | None, ...]:
        make, cine = self._window.actions_.make, self.cine
        make("cine", "&Play or pause", cine.toggle, icon="play", tip="Play or pause (tap Space)")
        make("cine-faster", "&Faster", lambda: cine.set_rate(cine.rate * RATE_STEP), ">")
        make("cine-slower", "&Slower", lambda: cine.set_rate(cine.rate / RATE_STEP), "<")
        group = QActionGroup(self._window)
        for name, text, sweep in (
            ("cine-loop", "&Loop", False),
            ("cine-sweep", "S&weep to and fro", True),
        ):
            action = make(name, text, partial(cine.set_sweep, sweep), checkable=True)
            group.addAction(action)
        self._playing += ["cine", "cine-faster", "cine-slower"]
        return "cine", "cine-faster", "cine-slower", None, "cine-loop", "cine-sweep"

    def _pressed(self) -> None:
        if self._window.tool.draws:
            self.cine.pause()  # nobody draws on a frame that runs away

    # Actual size

    def actual_size(self) -> None:
        """Show the image as large as what it shows, by its spacing and the screen's pixel size."""
        from viewer.screen import pixel_size

        view, window = self._view, self._window
        spacing = view.image.geometry.spacing if view.image is not None else None
        if spacing is None:
            window.state.notice.emit(
                "The file gives no pixel spacing, so its actual size is not known.", "warning"
            )
            return
        size = pixel_size(window.state.settings, window.screen())
        view.set_viewport(view.viewport.at_scale(spacing[1] / size.mm))
        if not size.calibrated:
            window.notice.say(
                "This screen has not been calibrated; the size that it reports was used.",
                "info",
                "Calibrate…",
                self.calibrate,
            )

    def calibrate(self) -> None:
        """Let the reader measure the screen; then show the image in its actual size."""
        from viewer.screen import CalibrationDialog

        dialog = CalibrationDialog(self._window.state.settings, self._window.screen(), self._window)
        dialog.accepted.connect(self._calibrated)
        dialog.open()

    def _calibrated(self) -> None:
        image = self._view.image
        if image is not None and image.geometry.spacing is not None:
            self.actual_size()

    # Following

    def _follow(self, *_: object) -> None:
        actions, there = self._window.actions_, self._window.state.image is not None
        for name in self._names:
            actions[name].setEnabled(there)
        for name in self._playing:
            actions[name].setEnabled(self.cine.possible)
        actions["cine-sweep" if self.cine.sweep else "cine-loop"].setChecked(True)


def stacked(above: QWidget, below: QWidget) -> QVBoxLayout:
    """Return a layout of two widgets, the upper one taking what room there is."""
    layout = QVBoxLayout()
    layout.setSpacing(0)
    layout.addWidget(above, 1)
    layout.addWidget(below)
    return layout
