"""What a radiologist does to an image before saying anything about it, as actions and a menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from viewer.canvas.turn import PLAIN, Turn

if TYPE_CHECKING:
    from viewer.window import Window


class Reading(QObject):
    """Belongs to a window; everything is said to its active view, and links carry it on."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._names: list[str] = []
        self.menu = self._make_menu()
        window.state.seriesOpened.connect(self._follow)
        window.state.seriesClosed.connect(self._follow)
        self._follow()

    def _make_menu(self) -> QMenu:
        make = self._window.actions_.make
        turn = self._turn
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
        turns = self._window.actions_.fill(QMenu("&Turn and flip", self._window), *names)
        return self._window.actions_.menu("&Image", turns)

    def _turn(self, change: Callable[[Turn], Turn]) -> Callable[[], None]:
        def act() -> None:
            view = self._window.views.active
            view.set_turn(change(view.turn))

        return act

    def _follow(self, *_: object) -> None:
        for name in self._names:
            self._window.actions_[name].setEnabled(self._window.state.image is not None)
