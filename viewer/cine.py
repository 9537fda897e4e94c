"""Playing a stack or a loop: the frame follows the clock, so a slow machine skips, never lags."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QObject, QTimer, Signal

from engine.images.image import Image
from viewer.state import AppState

SLOWEST, FASTEST = 0.5, 120.0
#: Frames a second where the file does not say: moving pictures, and stacks of slices.
MOVING, STACK = 25.0, 10.0
#: Of the time that a frame takes to show, at least this share is left to everything else.
LEFT = 0.25


def frame_at(position: float, frames: int, *, sweep: bool) -> int:
    """Return the frame shown at a position, in frames since frame 0 was.

    A loop begins again after the last frame; a sweep turns round there and at the first.
    """
    if frames < 2:
        return 0
    if not sweep:
        return int(position) % frames
    period = 2 * frames - 2
    place = int(position) % period
    return min(place, period - place)


def moves(image: Image) -> bool:
    """Whether frames follow one another in time; else they are slices, whose rate says nothing."""
    display = image.display
    timed = bool(display.frame_rate) or len(display.frame_times_ms) == image.frames > 1
    return timed or image.identity.modality in ("US", "XA", "RF", "ES")


def own_rate(image: Image) -> float:
    """Return the rate that the file recommends, else what suits its modality."""
    stated = image.display.frame_rate
    rate = stated or (MOVING if image.identity.modality in ("US", "XA", "RF", "ES") else STACK)
    return min(max(rate, SLOWEST), FASTEST)


class Cine(QObject):
    """Plays the image on screen. ``changed``: playing, rate or way have changed."""

    changed = Signal()

    def __init__(
        self,
        state: AppState,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._clock = clock
        self.playing = False
        self.rate = STACK
        self.sweep = state.settings.flag("cine/sweep", False)
        self._began = 0.0
        self._from = 0.0
        self._shown = -1
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        state.seriesOpening.connect(self.pause)
        state.seriesOpened.connect(self._take)
        state.seriesClosed.connect(self.pause)
        state.frameChanged.connect(self._moved)

    @property
    def possible(self) -> bool:
        """Whether there is more than one frame to play."""
        return self._state.image is not None and self._state.image.frames > 1

    def toggle(self) -> None:
        """Play, or pause."""
        self.pause() if self.playing else self.play()

    def play(self) -> None:
        """Play from the frame on screen."""
        if not self.possible or self.playing:
            return
        self.playing = True
        self._restart(self._state.frame)
        self.changed.emit()
        self._tick()

    def pause(self, *_: object) -> None:
        """Stay on the frame on screen."""
        self._timer.stop()
        if self.playing:
            self.playing = False
            self.changed.emit()

    def set_rate(self, rate: float) -> None:
        """Play at so many frames a second, from where it is."""
        rate = min(max(rate, SLOWEST), FASTEST)
        if rate != self.rate:
            position = self._position()
            self.rate = rate
            if self.playing:
                self._restart(position)
            self.changed.emit()

    def set_sweep(self, sweep: bool) -> None:
        """Turn round at the ends, or begin again."""
        if sweep != self.sweep:
            self.sweep = sweep
            self._state.settings.set("cine/sweep", sweep)
            if self.playing:
                self._restart(self._state.frame)
            self.changed.emit()

    def _take(self, image: Image) -> None:
        self.pause()
        self.rate = own_rate(image)
        self.changed.emit()

    def _restart(self, position: float) -> None:
        self._began, self._from = self._clock(), float(position)
        self._shown = self._state.frame

    def _position(self) -> float:
        return self._from + (self._clock() - self._began) * self.rate

    def _moved(self, frame: int) -> None:
        if self.playing and frame != self._shown:
            self.pause()  # the reader has taken the wheel

    def _tick(self) -> None:
        image = self._state.image
        if not self.playing or image is None:
            return
        begun = self._clock()
        position = self._position()
        self._shown = frame_at(position, image.frames, sweep=self.sweep)
        self._state.set_frame(self._shown)
        spent = self._clock() - begun
        due = (1.0 - position % 1.0) / self.rate - spent
        self._timer.start(max(1, ceil(1000 * max(due, LEFT * spent))))
