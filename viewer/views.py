"""The views in the middle: a grid of one to nine, linked, each with what it has been given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QStackedLayout, QWidget

from engine.saliency.map import SaliencyMap
from viewer.canvas.correspondence import beyond
from viewer.canvas.links import Links
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.readout import CursorReading
from viewer.canvas.view import ImageView
from viewer.compare import scales, showing
from viewer.compare.board import Board, Subject
from viewer.compare.veil import Veil
from viewer.grid import Grid
from viewer.panels.no_image import NoImage
from viewer.state import AppState
from viewer.state.contents import ALL_MASKS, NO_MASKS, READ_ONLY
from viewer.tools.base import Tool


class Views(QWidget):
    """Follows the state; reports cursor and requests back to it.

    ``views``: those made so far; the first ``state.views`` of them are in the grid.
    """

    cursorMoved = Signal(object)  # CursorReading or None
    viewMade = Signal(object)  # ImageView: the grid has never been as large before
    menuRequested = Signal(int, object)  # the view, and the QMenu of its title to be filled

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("views")
        self._state = state
        self.board = Board(state, self)
        self.views: list[ImageView] = []
        self._veils: list[Veil] = []
        self.subjects: list[Subject] = []
        self.links = Links()
        self.links.same_patient = self._same_patient
        self._tool: Tool | None = None
        self._masks_shown = True
        self._refreshing = False
        self._joining: set[ImageView] = set()  # are in the grid again, and not yet with the others
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self.grid = Grid(state, self.views, self)
        self.no_image = NoImage(state, self)
        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        self._pages.addWidget(self.no_image)
        self._pages.addWidget(self.grid)
        state.seriesOpening.connect(self._turn_page)
        state.seriesFailed.connect(self._turn_page)
        state.seriesOpened.connect(self._open)
        state.seriesClosed.connect(self._open)
        state.frameChanged.connect(self._frame)
        state.activeViewChanged.connect(self._activate)
        state.viewsChanged.connect(self._arrange)
        state.contents.changed.connect(self.refresh)
        state.overlays.changed.connect(self.refresh)
        state.privacy.changed.connect(self.refresh)
        state.analysis.mapsChanged.connect(self.refresh)
        state.analysis.mapChanged.connect(self.refresh)
        state.masks.documentChanged.connect(self.refresh)
        state.masks.changed.connect(self._soon.start)
        state.scores.changed.connect(self._show_scores)
        self.board.changed.connect(self._soon.start)
        self.links.changed.connect(self._soon.start)
        self._arrange()
        self._turn_page()

    @property
    def active(self) -> ImageView:
        """The view that shortcuts speak of."""
        return self.views[self._state.active_view]

    @property
    def shown(self) -> list[ImageView]:
        """The views of the grid."""
        return self.views[: self._state.views]

    @property
    def reading(self) -> ImageView:
        """The view of the image being read: the active one if it shows that, else the first."""
        lead = self._lead()
        return self.views[lead] if lead is not None else self.active

    def subject(self, view: int) -> Subject:
        """Return what a view of the grid shows, as far as it is there."""
        return self.subjects[view]

    def veil(self, view: int) -> Veil:
        """Return what a view says while it cannot show what it should."""
        return self._veils[view]

    def set_tool(self, tool: Tool) -> None:
        """Give every view a tool."""
        self._tool = tool
        for view in self.views:
            view.set_tool(tool)

    def set_masks_shown(self, shown: bool) -> None:
        """Hide all masks for a look at what lies under them."""
        self._masks_shown = shown
        self.refresh()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Show what has changed once, at the end, where much changes together."""
        before, self._refreshing = self._refreshing, True
        try:
            yield
        finally:
            self._refreshing = before
        self.refresh()

    def read_here(self, view: int) -> None:
        """Make another image that a view shows the one being read."""
        content = self._state.contents[view]
        if content.case is not None and content.series is not None:
            self._state.list_case(content.case)
            self._state.open_series(content.case, content.series)

    def refuse_drawing(self) -> bool:
        """Say why masks cannot be changed where the active view shows another image."""
        refused = bool(self.active.read_only)
        if refused:
            self._state.notice.emit(self.active.read_only, "warning")
        return refused

    # Within

    def _make(self) -> None:
        number, state = len(self.views), self._state
        view = ImageView()
        view.setMinimumWidth(120)
        view.cursorMoved.connect(partial(self._pointed, number))
        view.frameChanged.connect(partial(self._framed, number))
        view.notice.connect(lambda sentence: state.notice.emit(sentence, "warning"))
        view.activated.connect(partial(state.set_active_view, number))
        view.header.touched.connect(partial(state.set_active_view, number))
        view.header.enlargeRequested.connect(partial(self.grid.toggle_enlarged, number))
        menu = QMenu(view.header)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(lambda: self.menuRequested.emit(number, menu))
        view.header.set_menu(menu)
        if self._tool is not None:
            view.set_tool(self._tool)
        self.views.append(view)
        self._veils.append(Veil(view.surface))
        self.viewMade.emit(view)

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self.no_image.refresh()
        for view in self.views:
            view.header.retheme()
            view.update()

    def _turn_page(self, *_: object) -> None:
        self._pages.setCurrentWidget(self.no_image if self._state.image is None else self.grid)

    # Following the state

    def _open(self, *_: object) -> None:
        self._turn_page()
        self.grid.place()
        self.refresh()

    def _frame(self, frame: int) -> None:
        lead = self._lead()
        if lead is not None and self.views[lead].image is self._state.image:
            self.views[lead].set_frame(frame)  # and those linked to it follow
        self.refresh()

    def _activate(self, number: int) -> None:
        self.grid.mark_active()
        if self.grid.enlarged:
            self.grid.place()
        if self.board.is_here(number) and self.active.image is self._state.image:
            self._state.set_frame(self.active.frame)

    def _framed(self, number: int, frame: int) -> None:
        """A view shows another frame: of the image being read, the leading view's is read."""
        if self._refreshing or number >= self._state.views:
            return
        here = self.board.is_here(number) and self.views[number].image is self._state.image
        if here and number == self._lead():
            self._state.set_frame(frame)
        self._soon.start()

    def _lead(self) -> int | None:
        """Return the view whose frame is the one being read, None if no view shows the image."""
        state = self._state
        here = [number for number in range(state.views) if self.board.is_here(number)]
        if state.active_view in here:
            return state.active_view
        linked = [n for n in here if self.links.is_linked(self.views[n], "frame")]
        return next(iter(linked or here), None)

    def _pointed(self, number: int, reading: CursorReading | None) -> None:
        if reading is not None and number < len(self.subjects):
            # While images are exchanged under the mouse, the maps at hand are the last one's.
            elsewhere = self._refreshing or not self.subjects[number].now
            reading = replace(reading, elsewhere=elsewhere)
        self.cursorMoved.emit(reading)

    def _same_patient(self, one: ImageView, other: ImageView) -> bool:
        shown = self.shown
        if one not in shown or other not in shown:
            return False
        cases = [self.board.case(shown.index(view)) for view in (one, other)]
        return cases[0] is not None and cases[0] is cases[1]

    # The grid

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the arrangement anew."""
        super().resizeEvent(event)
        self.grid.place()

    def _arrange(self, *_: object) -> None:
        while len(self.views) < self._state.views:
            self._make()
        self.grid.enlarged = False
        for index, view in enumerate(self.views):
            known = view in self.links.views
            if index < self._state.views and not known:
                with self.links.held():
                    self.links.add(view)
                self._joining.add(view)
            elif index >= self._state.views and known:
                self.links.remove(view)
                view.set_image(None)  # what no one sees takes no memory
        self.grid.place()
        self._activate(self._state.active_view)
        self.refresh()

    # What they show

    def refresh(self, *_: object) -> None:
        """Show in every view what it has been given, as far as it is there."""
        if self._refreshing:
            return
        self._soon.stop()
        self._refreshing = True
        try:
            self._show_images()
            frames = [view.frame for view in self.shown]
            self.subjects = self.board.look(frames)
            for number, subject in enumerate(self.subjects):
                self._show(number, subject)
        finally:
            self._refreshing = False
        self._show_scores()

    def _show_images(self) -> None:
        """Give the views their images and masks, then bring the linked ones together."""
        state, fresh = self._state, []
        for number, view in enumerate(self.shown):
            subject = self.board.subject(number)
            if view.image is not subject.image:
                frame = state.frame if subject.here else subject.content.frame or 0
                with self.links.held():
                    view.set_image(subject.image, frame)
                self._joining.add(view)
            if view in self._joining and subject.image is not None:
                self._joining.discard(view)
                fresh.append(view)
            view.read_only = "" if subject.here or subject.image is None else READ_ONLY
            view.set_document(subject.document)
            masks = subject.content.masks
            view.set_masks_shown(self._masks_shown and masks != NO_MASKS)
            view.set_only_mask("" if masks in (ALL_MASKS, NO_MASKS) else masks)
        if not fresh:
            return
        lead = self._lead()
        leader = self.views[lead] if lead is not None else None
        if leader is None or not self.links.is_linked(leader):
            linked = [v for v in self.shown if self.links.is_linked(v) and v.image is not None]
            leader = next((v for v in linked if v not in fresh), next(iter(linked), None))
        if leader is not None:
            for view in self.shown if leader in fresh else fresh:
                if view.image is not None and self.links.is_linked(view):
                    self.links.align(view, leader)
        self.links.refresh()

    def _show(self, number: int, subject: Subject) -> None:
        view, state = self.views[number], self._state
        found = subject.entry.map if subject.entry is not None else None
        overlay = Overlay(found, self.style_of(found)) if found is not None else None
        showing.show_overlay(view, overlay)
        far = self._beyond(view, subject)
        showing.show_header(view, subject, self.subjects, far, state)
        showing.show_veil(self._veils[number], subject, self.board, state.privacy)

    def _beyond(self, view: ImageView, subject: Subject) -> str:
        """Say where a linked stack ends before the slice being read."""
        lead = self._lead()
        image = subject.image
        if lead is None or subject.here or image is None or not self.links.is_linked(view, "frame"):
            return ""
        leader = self.views[lead]
        if leader.image is None:
            return ""
        gap = beyond(leader.image, leader.frame, image, self._same_patient(leader, view))
        return f"nearest slice, {gap:.0f} mm away" if gap is not None else ""

    def _show_scores(self) -> None:
        for view, subject in zip(self.shown, self.subjects, strict=False):
            showing.show_score(view, subject, self.board)

    def style_of(self, found: SaliencyMap) -> OverlayStyle:
        """Return how a map is coloured, by the reader's choice."""
        entries = [subject.entry for subject in self.subjects if subject.entry is not None]
        shown = [entry.map for entry in entries if entry.map is not None]
        return scales.style_of(found, self._state.overlays.style, shown)
