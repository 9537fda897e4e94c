"""Operations on the active mask: at once on one frame, off the GUI thread on many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from engine.progress import Progress
from viewer.state import AppState
from viewer.state.contents import READ_ONLY
from viewer.tools.region import GrowRequest

if TYPE_CHECKING:
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask

Frames = dict[int, NDArray[np.bool_]]
Operation = Callable[["Mask", Progress], Frames]

Plane = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]

KEY = "mask-work"
#: Frames of more pixels than this are worked on off the GUI thread.
LARGE = 1_500_000
_HAND_MS = 50


class MaskWork(QObject):
    """One long operation at a time; the hand may draw on meanwhile."""

    def __init__(self, state: AppState, refuse: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._refuse = refuse  # says why not, where the active view shows another image
        self._waiting = False  # for the hand to come up: a result is there
        state.masks.documentChanged.connect(self._stop)

    @property
    def busy(self) -> bool:
        """Whether an operation is at work, or its result not yet in the mask."""
        return self._waiting or self._state.jobs.has(KEY)

    def beside(
        self,
        work: Callable[[], object],
        done: Callable[[Any], None],
        ended: Callable[[bool], None],
    ) -> None:
        """Prepare something for a tool off the GUI thread; the latest supersedes.

        ended: called where nothing came of it, with whether it failed; the tool says so itself.
        """
        job = self._state.jobs.start(
            "Finding edges",
            lambda _: work(),
            done,
            key="tool-edges",
            failed=lambda _: ended(True),
            shown=False,
        )
        job.ended.connect(lambda: ended(False))

    def ready(self) -> MaskDocument | None:
        """Return the document if its active mask can be worked on; else say why not."""
        if self._refuse():
            return None
        document = self._state.masks.document
        active = document.active if document is not None else None
        if not self._state.is_here(self._state.active_view):
            self._say(READ_ONLY)
        elif document is None or active is None:
            self._say("There is no mask yet: draw one first.")
        elif active.locked:
            self._say(f"The mask “{active.label}” is locked against changes; unlock it first.")
        elif active.is_empty:
            self._say(f"The mask “{active.label}” is empty: draw something first.")
        else:
            return document
        return None

    def run(self, title: str, name: str, operation: Operation, nothing: str) -> None:
        """Do an operation on many frames of the active mask, off the GUI thread, as one step.

        name: of the step. nothing: what to say where it changes nothing.
        """
        document = self.ready()
        if document is None or document.active is None:
            return
        document.end_stroke()
        before = document.active.copy(id=document.active.id)
        self._start(title, name, document, before, lambda p: operation(before, p), nothing)

    def on_frame(self, name: str, plane: Plane, nothing: str) -> None:
        """Do an operation on the frame shown: at once, or off the GUI thread where it is large."""
        document = self.ready()
        if document is None or document.active is None:
            return
        index = self._state.frame
        if document.shape[0] * document.shape[1] > LARGE:
            self.run(name, name, lambda mask, _: {index: plane(mask.frame(index))}, nothing)
            return
        after = plane(document.active.frame(index))
        done: list[bool] = []
        self._state.attempt(lambda: done.append(document.set_frame(index, after, name)))
        if done == [False]:
            self._say(nothing)

    def grow_through(self, request: GrowRequest) -> None:
        """Grow a region through the slices into the active mask."""
        document = request.document
        if document is not self._state.masks.document:
            return
        if document.active is None:
            document.add_mask()
        assert document.active is not None
        before = document.active.copy(id=document.active.id)

        def work(progress: Progress) -> Frames:
            from engine.masks.region import region_through

            found = region_through(request.image, request.seed, request.low, request.high, progress)
            if request.erase:
                return {i: before.frame(i) & ~pixels for i, pixels in found.items()}
            return {i: before.frame(i) | pixels for i, pixels in found.items()}

        name = "Erase region" if request.erase else "Region growing"
        self._start(
            "Growing a region",
            name,
            document,
            before,
            work,
            "All of this region is marked already.",
        )

    def _start(
        self,
        title: str,
        name: str,
        document: MaskDocument,
        before: Mask,
        work: Callable[[Progress], Frames],
        nothing: str,
    ) -> None:
        state = self._state
        if self.busy:
            self._say("Another operation is still at work on a mask; wait for it, or cancel it.")
            return

        def done(frames: Frames) -> None:
            self._waiting = False
            if state.masks.document is not document:
                return
            if document.is_drawing:  # a step now would end the stroke under the hand
                self._waiting = True
                QTimer.singleShot(_HAND_MS, self, lambda: done(frames))
                return
            changed: list[bool] = []
            state.attempt(lambda: changed.append(document.merge(before, frames, name)))
            if changed == [False]:
                self._say(nothing)

        state.jobs.start(title, work, done, key=KEY)

    def _stop(self, *_: object) -> None:
        if self.busy:
            self._state.jobs.cancel(KEY)
            self._waiting = False
            self._say("An operation on a mask was stopped, because its image is no longer shown.")

    def _say(self, sentence: str) -> None:
        self._state.notice.emit(sentence, "info")
