"""The state of the program: what is open, and who must be told when it changes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.images.case import Case, Series
from engine.images.image import Image
from viewer.jobs import Jobs
from viewer.settings import Settings
from viewer.state.cases import CaseList
from viewer.state.overlay import VIEWS, Overlays


class AppState(QObject):
    """One per window. Parts keep their own concern; this one keeps them in step.

    Panels, views and tools read from here and listen; they never talk to one another.
    """

    seriesOpening = Signal(object)  # Series
    seriesOpened = Signal(object)  # Image
    frameChanged = Signal(int)
    activeViewChanged = Signal(int)
    notice = Signal(str, str)  # sentence, tone: "info", "good" or "warning"

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = Settings()
        self.jobs = Jobs(self)
        self.jobs.failed.connect(lambda sentence: self.notice.emit(sentence, "warning"))
        self.cases = CaseList(self)
        self.overlays = Overlays(self)
        self.case: Case | None = None
        self.series: Series | None = None
        self.image: Image | None = None
        self.frame = 0
        self.active_view = 1

    def open_series(self, case: Case, series: Series) -> None:
        """Load a series off the GUI thread and show it; the latest wins."""
        self.seriesOpening.emit(series)
        self.jobs.start(
            f"Opening {series.title}",
            series.load,
            lambda image: self._opened(case, series, image),
            key="open",
        )

    def _opened(self, case: Case, series: Series, image: Image) -> None:
        self.case, self.series, self.image = case, series, image
        self.frame = 0
        self.seriesOpened.emit(image)

    def set_frame(self, frame: int) -> None:
        """Show another frame (clamped to those there are)."""
        if self.image is None:
            return
        frame = min(max(frame, 0), self.image.frames - 1)
        if frame != self.frame:
            self.frame = frame
            self.frameChanged.emit(frame)

    def set_active_view(self, view: int) -> None:
        """Make a view the one that panels and shortcuts speak of."""
        if view != self.active_view and 0 <= view < VIEWS:
            self.active_view = view
            self.activeViewChanged.emit(view)
