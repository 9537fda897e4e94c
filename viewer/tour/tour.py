"""Runs the tour; remembers that it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from viewer.settings import Settings
from viewer.tour.spotlight import Spotlight
from viewer.tour.steps import Step, steps

if TYPE_CHECKING:
    from viewer.window import Window

_SEEN = "tour/seen"
_AFTER_MS = 600  # the first image has been painted


def wanted(settings: Settings) -> bool:
    """Whether nobody has seen it or sent it off yet."""
    return not settings.flag(_SEEN, False)


class Tour(QObject):
    """One at a time. Leaving it counts as having seen it."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._light: Spotlight | None = None
        self._steps: list[Step] = []
        self._at = 0

    @property
    def running(self) -> bool:
        """Whether the window is dimmed now."""
        return self._light is not None

    @property
    def light(self) -> Spotlight | None:
        """What covers the window, None while it does not run."""
        return self._light

    @property
    def step(self) -> Step | None:
        """The stop shown."""
        return self._steps[self._at] if self.running else None

    def start_once(self) -> None:
        """Start when the first image is there, unless it has been seen."""
        state = self._window.state
        if not wanted(state.settings):
            return

        def begin(*_: object) -> None:
            state.seriesOpened.disconnect(begin)
            QTimer.singleShot(_AFTER_MS, self.start)

        state.seriesOpened.connect(begin)

    def start(self) -> None:
        """Go through all stops from the first."""
        if self.running or not self._window.isVisible():
            return
        self._steps = steps(self._window)
        self._light = light = Spotlight(self._window)
        light.stepped.connect(self._turn)
        light.left.connect(self.stop)
        light.show()
        light.raise_()
        self._at = 0
        self._show()

    def stop(self) -> None:
        """End it; it will not come again by itself."""
        if self._light is None:
            return
        self._window.state.settings.set(_SEEN, True)
        light, self._light = self._light, None
        self._window.views.active.setFocus(Qt.FocusReason.OtherFocusReason)
        light.end()

    def _turn(self, by: int) -> None:
        self._at += by
        if self._at >= len(self._steps):
            self.stop()
        else:
            self._at = max(self._at, 0)
            self._show()

    def _show(self) -> None:
        if self._light is None:
            return
        step = self._steps[self._at]
        step.prepare()
        layout = self._window.centralWidget().layout()
        if layout is not None:
            layout.activate()
        self._light.point_at(step.target(), step.title, step.text, self._at + 1, len(self._steps))
