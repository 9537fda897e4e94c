"""How well each ready map agrees with a mask, kept up to date while the mask is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from viewer.jobs import Jobs

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence, LiveScores, Sign
    from engine.saliency.map import SaliencyMap

_FRAME_MS = 16  # no screen shows more than 60 scores a second

MaskPixels = Callable[[], NDArray[np.bool_] | None]


class Scores(QObject):
    """The scores of all ready maps against one mask. ``changed`` comes once a screen frame."""

    changed = Signal()

    def __init__(self, jobs: Jobs, mask: MaskPixels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._mask = mask
        self._live: LiveScores | None = None
        self._maps: dict[str, SaliencyMap] = {}
        self._stale = True
        self.sign: Sign = "positive"
        self._throttle = QTimer(self)
        self._throttle.setSingleShot(True)
        self._throttle.setInterval(_FRAME_MS)
        self._throttle.timeout.connect(self.changed)

    def set_maps(self, maps: dict[str, SaliencyMap]) -> None:
        """Score these maps from now on; those that are new are ranked off the GUI thread."""
        for name in list(self._maps):
            if maps.get(name) is not self._maps[name]:
                self._jobs.cancel(f"rank:{name}")
                del self._maps[name]
                if self._live is not None:
                    self._live.discard(name)
        if not self._maps:
            self._live = None
        for name, found in maps.items():
            if name not in self._maps:
                self._maps[name] = found
                self._rank(name, found)
        self._soon()

    def set_sign(self, sign: Sign) -> None:
        """Count signed maps by their positive part or by their absolute value."""
        if sign != self.sign:
            self.sign = sign
            for name, found in self._maps.items():
                if found.sign == "signed":
                    self._rank(name, found)

    def reset(self) -> None:
        """Start over from the mask as it is: another mask, another frame."""
        self._stale = True
        self._soon()

    def update(self, added: NDArray[np.int64], removed: NDArray[np.int64]) -> None:
        """Follow a stroke."""
        if self._live is not None and not self._stale:
            self._live.update(added, removed)
        self._soon()

    def all(self) -> dict[str, Coherence]:
        """Return the scores of every map that has been ranked; none without a mask."""
        mask = self._mask()
        if mask is None or self._live is None:
            return {}
        if self._stale:
            self._live.reset(mask)
            self._stale = False
        return self._live.scores()

    def _rank(self, name: str, found: SaliencyMap) -> None:
        sign = self.sign if found.sign == "signed" else "positive"

        def work(_: object) -> Any:
            from engine.evaluation.coherence import LiveScores, RankedMap

            return RankedMap(found.values, sign), LiveScores(found.values.shape)

        def done(result: Any) -> None:
            if self._maps.get(name) is not found:
                return
            ranked, empty = result
            if self._live is None:
                self._live = empty
                self._stale = True
            self._live.add(name, ranked)
            self._soon()

        self._jobs.start("Ranking", work, done, key=f"rank:{name}", shown=False)

    def _soon(self) -> None:
        if not self._throttle.isActive():
            self._throttle.start()
