"""How many slices a notch of the wheel turns: one, and more when it spins through a long stack."""

from __future__ import annotations

#: Notches closer together than this are one spin, ms.
SPIN_MS = 70
#: Each so many notches of a spin add a slice to the step.
NOTCHES = 3
#: The largest step takes this share of the stack, so that nobody overshoots it all at once.
LARGEST = 1 / 20


class Spin:
    """Remembers when the wheel last turned, and how long it has been spinning."""

    def __init__(self) -> None:
        self._last = 0
        self._length = 0
        self._direction = 0

    def step(self, time_ms: int, direction: int, frames: int) -> int:
        """Return the slices that a notch at a time (ms) in a direction (-1 or 1) turns.

        Events without a time of their own (0, or twice the same) never count as a spin.
        """
        spinning = 0 < time_ms - self._last <= SPIN_MS and direction == self._direction
        self._length = self._length + 1 if spinning else 0
        self._last, self._direction = time_ms, direction
        return min(1 + self._length // NOTCHES, max(1, round(frames * LARGEST)))
