"""Runs batches: collects what is on screen, starts the work, and says how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.errors import SaliscopeError
from engine.images.case import Case, Series
from engine.images.image import Image
from engine.progress import Progress
from viewer.export.dialog import BatchDialog
from viewer.state.opened import Opened

if TYPE_CHECKING:
    from engine.export.batch import Chooser, Item
    from engine.export.wanted import Summary, Wanted
    from engine.session import Session
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
        session, choose = self._models()
        inner: list[Progress] = []
        own = self._progress = Progress()

        def work(outer: Progress) -> Summary:
            from engine.export.batch import export

            # Stopped by its own button it still tells what it wrote; by the status bar it is gone.
            told = Progress(outer.report)
            inner.append(told)
            if own.cancelled:
                told.cancel()
            return export(items, folder, wanted, session=session, choose=choose, progress=told)

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

    @property
    def has_model(self) -> bool:
        """Whether there is one to ask, or some to choose from."""
        analysis = self._state.analysis
        return analysis.session is not None or (analysis.automatic and analysis.loading)

    def _models(self) -> tuple[Session | None, Chooser | None]:
        """Return the model in use; where each image has its own, what chooses it as well."""
        analysis = self._state.analysis
        if not analysis.automatic:
            return analysis.session, None
        device, precision = analysis.device, analysis.precision
        opened = Opened()  # of its own: the window's is for the thread of the model's lane

        def choose(image: Image, modality: str) -> tuple[Session, str]:
            choice, _, session = opened.choose(image, modality, device, precision)
            return session, "" if choice.fits else choice.reason

        return None, choose

    def _item(self, case: Case, series: Series) -> Item:
        from engine.export.batch import Item

        state, view = self._state, self._window.views.reading
        if series is not state.series or state.image is None:
            return Item(case, series)
        compared = state.masks.compared
        return Item(
            case,
            series,
            image=state.image if state.axis == 0 else state.acquired,
            axis=state.axis,
            masks=tuple(mask.copy(id=mask.id) for mask in state.masks.all),
            compared=compared.id if compared is not None else "",
            frame=state.frame if state.axis == 0 else None,
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
        if wanted.needs_model and not self.has_model:
            return "Maps and scores need a model; load a checkpoint first, or leave them out."
        return ""
