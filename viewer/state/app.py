"""The state of the program: what is open, and who must be told when it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.errors import SaliscopeError
from engine.images.case import Case, ScanResult, Series
from engine.images.image import Image
from engine.progress import Progress
from viewer.jobs import Jobs
from viewer.measure.book import MeasureBook
from viewer.settings import Settings
from viewer.state.analysis import Analysis
from viewer.state.cases import CaseList
from viewer.state.contents import Contents
from viewer.state.honesty import Honesty
from viewer.state.masks import Masks
from viewer.state.overlay import VIEWS, Overlays
from viewer.state.privacy import Privacy
from viewer.state.scores import Scores
from viewer.state.steps import Steppable, Steps
from viewer.state.storage import References, Storage

if TYPE_CHECKING:
    from engine.masks.change import Change
    from engine.masks.shapes import Box
    from engine.measure.document import MeasureDocument
    from engine.saliency.map import SaliencyMap


class AppState(QObject):
    """One per window. Parts keep their own concern; this one keeps them in step.

    Panels, views and tools read from here and listen; they never talk to one another.
    """

    seriesOpening = Signal(object)  # Series
    seriesOpened = Signal(object)  # Image
    seriesFailed = Signal(str)
    seriesClosed = Signal()
    frameChanged = Signal(int)
    activeViewChanged = Signal(int)
    viewsChanged = Signal(int)
    notice = Signal(str, str)  # sentence, tone: "info", "good" or "warning"
    pathsGiven = Signal()  # the user opens something: what was said before is out of date

    def __init__(self, settings: Settings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self.jobs = Jobs(self)
        self.jobs.failed.connect(lambda sentence: self.notice.emit(sentence, "warning"))
        self.cases = CaseList(self)
        self.privacy = Privacy(self.settings, self.cases, self)
        self.overlays = Overlays(self)
        self.contents = Contents(self)
        self.analysis = Analysis(self.jobs, self)
        self.masks = Masks(self.settings, self)
        self.measures = MeasureBook(self)
        self.measures.failed.connect(lambda sentence: self.notice.emit(sentence, "warning"))
        self.steps = Steps(self._documents)
        self.scores = Scores(self.jobs, lambda: self.masks.compared_pixels(self.frame), self)
        self.honesty = Honesty(self)
        self.case: Case | None = None
        self.series: Series | None = None
        self.opening: Series | None = None
        self.image: Image | None = None
        self.acquired: Image | None = None  # the image as its file holds it, whatever the axis
        self.axis = 0
        self.frame = 0
        self.first_frame = 0  # of the next image, as the command line asks
        self.grid = (1, 2)  # rows and columns of views
        self.views = 2
        self.active_view = 1
        self._measured: Image | None = None
        self._storage: Storage | None = None
        self._counts: dict[Series, int] = {}
        self._guests: dict[str, SaliencyMap] = {}
        self._asked = True  # whether the reader has chosen maps; else the fusion's is shown

        self.analysis.mapChanged.connect(self._follow_maps)
        self.analysis.mapsChanged.connect(self._follow_maps)
        self.analysis.sessionChanged.connect(self._first_overlay)
        self.masks.changed.connect(self._count_masks)
        self.masks.comparedPixels.connect(self._follow_stroke)
        self.masks.comparedReset.connect(self.scores.reset)
        self.frameChanged.connect(self.analysis.set_frame)

    # Opening

    def open_paths(self, paths: list[Path], *, show: bool = True, demo: bool = False) -> None:
        """Scan files and folders, list what is in them and show the first image."""

        def work(progress: Progress) -> ScanResult:
            from engine.images.scan import scan

            return scan(paths, progress)

        def done(result: ScanResult) -> None:
            if demo:
                self.cases.set_demo(result)
                first = result.cases[0] if result.cases else None
            else:
                first = self.cases.add(result)
                self._say_problems(result, "info" if first is not None else "warning")
                self.settings.add_recent(paths)
            if first is not None and show:
                new = [case for case in result.cases if case in self.cases.opened.cases]
                others = [(case, series) for case in new for series in case.series]
                self._open_first([(first, s) for s in first.series] + others)
            elif first is None and not result.problems:
                self.notice.emit("There are no images in what was opened.", "warning")

        if not demo:
            self.pathsGiven.emit()
        self.jobs.start("Reading files", work, done, key="demo" if demo else "scan")

    def _open_first(self, found: list[tuple[Case, Series]]) -> None:
        """Show the first series that can be read, and say why one before it cannot."""
        (case, series), *others = found
        left = [(c, s) for c, s in others if s is not series]
        self.open_series(case, series, otherwise=left)

    def _say_problems(self, result: ScanResult, tone: str) -> None:
        if len(result.problems) == 1:
            self.notice.emit(self.privacy.problem(result.problems[0]), tone)
        elif result.problems:
            self.notice.emit(
                f"{len(result.problems)} files could not be read; "
                "the list on the left says which and why.",
                tone,
            )

    def open_series(
        self,
        case: Case,
        series: Series,
        axis: int = 0,
        *,
        otherwise: Sequence[tuple[Case, Series]] = (),
    ) -> None:
        """Load a series off the GUI thread and show it; the latest wins.

        axis: of the acquired stack, along which its slices are cut (``reslice``). Masks belong to
        one way of cutting: those of another come back with it.
        otherwise: what is shown instead where the series cannot be read: the first that can.
        """
        self.opening = series

        def work(progress: Progress) -> tuple[Image, References]:
            image = series.load(progress)
            given = series
            if axis:
                from engine.images.reslice import reslice

                image = reslice(image, axis)
                given = replace(series, reference_masks=())
            image.key  # noqa: B018  a digest of all pixels, kept by the image: not on the GUI thread
            import engine.masks.autosave
            import engine.masks.document  # noqa: F401  the first image's masks wait for neither

            return image, References(given)

        def done(result: tuple[Image, References]) -> None:
            if not axis:
                self.acquired = result[0]
            self.axis = axis
            self._show(case, series, *result)

        def failed(sentence: str) -> None:
            self.opening = None
            self.notice.emit(sentence, "warning")
            self.seriesFailed.emit(sentence)
            if otherwise:
                self._open_first(list(otherwise))

        self.seriesOpening.emit(series)
        self.jobs.start(
            f"Opening {self.privacy.series(series)}", work, done, key="open", failed=failed
        )

    def _show(self, case: Case, series: Series, image: Image, references: References) -> None:
        self._close_masks()
        self.opening = None
        self.case, self.series, self.image = case, series, image
        self.frame, self.first_frame = min(max(self.first_frame, 0), image.frames - 1), 0
        self._guests = {}
        self.scores.set_maps({})
        self.analysis.set_image(image, self.frame, series.modality)
        self.seriesOpened.emit(image)
        self.say_left_out(series, image)
        storage = self._storage = Storage(image, references, self)
        storage.message.connect(lambda sentence: self.notice.emit(sentence, "warning"))
        self.masks.set_document(image, storage.document)
        self._follow_maps()
        self.settings.set_open_paths(list(series.paths))
        self.settings.set_open_image(image.key, image.frames, *image.shape)
        for sentence, tone in storage.notes:
            self.notice.emit(sentence, tone)

    def say_left_out(self, series: Series, image: Image) -> None:
        """Say in the strip, and in the list for good, which slices could not be read."""
        new = self.cases.know(series, image)
        known = self.cases.incomplete(series)
        if known is not None and (new is not None or series is self.series):
            self.notice.emit(known.unnamed if self.privacy.hidden else known.sentence, "warning")

    def list_case(self, case: Case) -> None:
        """Put a case that is shown beside another one into the list, unless it is there."""
        if all(case not in group.cases for group in self.cases.groups):
            self.cases.add(ScanResult((case,)))

    def _close_masks(self) -> None:
        self._count_masks()
        self.masks.set_document(None, None)
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def close_case(self) -> None:
        """Take the case on screen off the list; its masks stay saved."""
        case = self.case
        if case is None:
            return
        self.jobs.cancel("open")
        self._close_masks()
        self.case = self.series = self.image = self.opening = None
        self._guests = {}
        self.scores.set_maps({})
        self.analysis.set_image(None)
        self.settings.set_open_paths([])
        self.cases.close(case)
        self.seriesClosed.emit()

    def close(self) -> None:
        """Write what is left of the masks and stop all work; the program ends."""
        self._close_masks()
        self.measures.save()
        self.jobs.shut_down()

    @property
    def measured(self) -> Image | None:
        """The image that is measured: the active view's, which may be one shown beside."""
        return self._measured if self.image is not None and self._measured else self.image

    def set_measured(self, image: Image | None) -> None:
        """Turn the list, undo and Delete to the measurements of another image."""
        if image is not self._measured:
            self._measured = image
            self.measures.changed.emit()

    @property
    def measurements(self) -> MeasureDocument | None:
        """The measurements and covers of the image that is measured."""
        return None if self.measured is None else self.measures.of(self.measured)

    def covers(self, image: Image) -> tuple[Box, ...]:
        """Return what is to be black in every exported picture of an image, as (rows, cols) boxes.

        ``engine.measure.covers.black_out`` does it to pixels.
        """
        return self.measures.covers(image)

    def study_series(self, places: int = 9) -> tuple[Series, ...]:
        """Return which series of the study on screen to hang in so many views, in order."""
        from engine.images.hanging import hanging

        return () if self.case is None else hanging(self.case, places)

    def _documents(self) -> list[Steppable]:
        return [d for d in (self.masks.document, self.measurements) if d is not None]

    def mask_count(self, series: Series) -> int:
        """Return how many masks a series has, of those opened since the program started."""
        return self._counts.get(series, 0)

    def _count_masks(self) -> None:
        if self.series is not None and self.masks.document is not None:
            self._counts[self.series] = sum(not mask.is_empty for mask in self.masks.all)

    def attempt(self, act: Callable[[], object]) -> bool:
        """Do something that may refuse with a sentence; show it, and return whether it went."""
        try:
            act()
        except SaliscopeError as error:
            self.notice.emit(str(error), "warning")
            return False
        return True

    # Showing

    def set_frame(self, frame: int) -> None:
        """Show another frame (clamped to those there are)."""
        if self.image is None:
            return
        frame = min(max(frame, 0), self.image.frames - 1)
        if frame != self.frame:
            self.frame = frame
            self.scores.reset()
            self.frameChanged.emit(frame)

    def set_axis(self, axis: int) -> None:
        """Cut the stack on screen along another of its axes; 0 is as acquired."""
        if self.case is not None and self.series is not None and axis != self.axis:
            self.open_series(self.case, self.series, axis)

    def set_active_view(self, view: int) -> None:
        """Make a view the one that panels and shortcuts speak of."""
        if view != self.active_view and 0 <= view < self.views:
            self.active_view = view
            self.activeViewChanged.emit(view)

    def set_views(self, count: int) -> None:
        """Show one view or two; ``set_grid`` knows more."""
        if count != self.views:
            self.set_grid(1, count)

    def set_grid(self, rows: int, cols: int) -> None:
        """Show rows by cols views, up to 3 by 3; the active one stays among them."""
        if not (1 <= rows <= 3 and 1 <= cols <= 3) or (rows, cols) == self.grid:
            return
        self.grid, self.views = (rows, cols), rows * cols
        if self.active_view >= self.views:
            self.overlays.swap(0, self.active_view)
            self.contents.swap(0, self.active_view)
            self.set_active_view(0)
        self.viewsChanged.emit(self.views)

    def is_here(self, view: int) -> bool:
        """Whether a view shows the image being read, and not another beside it."""
        content = self.contents[view]
        if content.empty:
            return False
        return content.series is None or (content.series is self.series and self.axis == 0)

    def score_also(self, maps: dict[str, SaliencyMap]) -> None:
        """Score maps of other models, of the frame on screen, beside those of the one in use."""
        if maps != self._guests:
            self._guests = maps
            self._follow_maps()

    # Keeping in step

    def _follow_maps(self, *_: object) -> None:
        self.scores.set_maps({**self.analysis.maps, **self._guests})

    def _follow_stroke(self, change: Change) -> None:
        if change.frame == self.frame:
            self.scores.update(change.added, change.removed)

    def _first_overlay(self) -> None:
        """Lay the fusion's map over the active view once a model is there."""
        names = self.analysis.map_names
        if not names:
            return
        for view in range(VIEWS):
            if self.contents[view].checkpoint is not None:
                continue
            if self.overlays[view].map_name not in (None, *names):
                self.overlays.show(view, self.analysis.fusion or names[0])
        if self._asked and all(self.overlays[v].map_name is None for v in range(VIEWS)):
            self.overlays.show(self.active_view, self.analysis.fusion or names[0])
        self._asked = False
