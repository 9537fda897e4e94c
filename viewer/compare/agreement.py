"""How far maps agree with masks where nobody is drawing: other images, other frames."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.saliency.map import SaliencyMap
from viewer.jobs import Jobs

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence, Sign

_KEPT = 64


class Agreement(QObject):
    """Scores from scratch, off the GUI thread; the frame being drawn on has ``Scores``."""

    changed = Signal()

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._scores: OrderedDict[tuple[Any, ...], tuple[SaliencyMap, Coherence | None]] = (
            OrderedDict()
        )

    def get(self, found: SaliencyMap, mask: NDArray[np.bool_], sign: Sign) -> Coherence | None:
        """Return a map's score against a mask (rows, cols); None until it is there."""
        sign = sign if found.sign == "signed" else "positive"
        key = (id(found), hash(np.packbits(mask).tobytes()), sign)
        known = self._scores.get(key)
        if known is not None:
            self._scores.move_to_end(key)
            return known[1]
        # The map is kept with its score, so that no other one takes its id meanwhile.
        self._scores[key] = (found, None)
        while len(self._scores) > _KEPT:
            self._scores.popitem(last=False)
        pixels = mask.copy()

        def work(_: object) -> Coherence:
            from engine.evaluation.coherence import coherence

            return coherence(found.values, pixels, sign)

        def done(score: Coherence) -> None:
            self._scores[key] = (found, score)
            self.changed.emit()

        self._jobs.start("Scoring", work, done, failed=lambda _: None, shown=False)
        return None
