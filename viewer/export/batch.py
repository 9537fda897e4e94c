"""Runs batches: collects what is on screen, starts the work, and says how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.errors import SaliscopeError
from engine.images.case import Case, Series
from engine.progress import Progress
from viewer.export.dialog import BatchDialog

if TYPE_CHECKING:
    from engine.export.batch import Item
    from engine.export.wanted import Summary, Wanted
    from viewer.window import Window


class BatchExport(QObject):
    """One batch at a time; its dialog may be closed while it runs."""

    progressed = Signal(float, str)
    finished = Signal(object)  # Summary
    failed = Signal(str)

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._state = window.state
        self._progress: Progress | None = None
        self.dialog: BatchDialog | None = None

    @property
    def running(self) -> bool:
        """Whether a batch is under way."""
        return self._progress is not None

    def ask(self) -> None:
        """Show the dialog: to choose, or where a batch has got to."""
        if self.dialog is None:
            self.dialog = BatchDialog(self._window, self)
        self.dialog.present()

    def start(self, chosen: Sequence[tuple[Case, Series]], folder: Path, wanted: Wanted) -> None:
        """Export series into a folder, off the GUI thread."""
        if self.running:
            return
        self._state.measures.save()
        items = [self._item(case, series) for case, series in chosen]
        session = self._state.analysis.session
        inner: list[Progress] = []
        own = self._progress = Progress()

        def work(outer: Progress) -> Summary:
            from engine.export.batch import export

            # Stopped by its own button it still tells what it wrote; by the status bar it is gone.
            told = Progress(outer.report)
            inner.append(told)
            if own.cancelled:
                told.cancel()
            return export(items, folder, wanted, session=session, progress=told)

        self._inner = inner
        job = self._state.jobs.start(
            "Exporting cases", work, self._done, key="batch-export", failed=self._failed
        )
        job.progressed.connect(self.progressed)
        job.ended.connect(self._ended)

    def stop(self) -> None:
        """End the batch after what is being written now; what is there is kept and told."""
        if self._progress is not None:
            self._progress.cancel()
            for progress in self._inner:
                progress.cancel()

    def _item(self, case: Case, series: Series) -> Item:
        from engine.export.batch import Item

        state, view = self._state, self._window.views.active
        if series is not state.series or state.image is None:
            return Item(case, series)
        compared = state.masks.compared
        return Item(
            case,
            series,
            image=state.image,
            masks=tuple(mask.copy(id=mask.id) for mask in state.masks.all),
            compared=compared.id if compared is not None else "",
            frame=state.frame,
            window=view.grey_window,
            inverted=view.inverted,
            sign=state.scores.sign,
        )

    def _done(self, summary: Any) -> None:
        self._progress = None
        self.finished.emit(summary)
        if self.dialog is None or not self.dialog.isVisible():
            tone = "warning" if summary.failed or summary.stopped else "good"
            self._state.notice.emit(summary.sentence(), tone)

    def _failed(self, sentence: str) -> None:
        self._progress = None
        self.failed.emit(sentence)
        if self.dialog is None or not self.dialog.isVisible():
            self._state.notice.emit(sentence, "warning")

    def _ended(self) -> None:
        if self._progress is not None:  # cancelled in the status bar
            self._progress = None
            self.failed.emit("The export was cancelled; what was written before is kept.")

    def check(self, wanted: Wanted) -> str:
        """Return why a batch cannot be started, "" where it can."""
        try:
            wanted.check()
        except SaliscopeError as error:
            return str(error)
        if wanted.needs_model and self._state.analysis.session is None:
            return "Maps and scores need a model; load a checkpoint first, or leave them out."
        return ""
