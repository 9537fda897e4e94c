"""The views in the middle: a grid of one to nine, linked, each with what it has been given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from engine.saliency.derived import title
from engine.saliency.map import SaliencyMap
from engine.saliency.scale import is_shut
from viewer import icons, theme
from viewer.canvas.correspondence import beyond
from viewer.canvas.links import Links
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.readout import CursorReading
from viewer.canvas.view import ImageView
from viewer.compare import dragging, titles
from viewer.compare.board import Board, Subject
from viewer.compare.veil import Veil
from viewer.state import AppState
from viewer.state.analysis import MapStatus, is_slow
from viewer.state.contents import ALL_MASKS, NO_MASKS, READ_ONLY, Content
from viewer.tools.base import Tool
from viewer.widgets.section import label

Arrangement = Literal["automatic", "beside", "stacked"]
_HEADER = 30  # px of a view that are not image
_CLEARLY = 1.15  # comparing is easier side by side: stack only where the image gains by it
_GAP = 2
_NARROW = 400  # px; below, the header takes two lines

EMPTY = "Click the title to choose what to show here, or drop a case from the list."


class Views(QWidget):
    """Follows the state; reports cursor and requests back to it.

    ``views``: those made so far; the first ``state.views`` of them are in the grid.
    """

    cursorMoved = Signal(object)  # CursorReading or None
    openRequested = Signal()
    folderRequested = Signal()
    viewMade = Signal(object)  # ImageView: the grid has never been as large before
    menuRequested = Signal(int, object)  # the view, and the QMenu of its title to be filled

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("views")
        self.setAcceptDrops(True)
        self._state = state
        self.board = Board(state, self)
        self.views: list[ImageView] = []
        self._veils: list[Veil] = []
        self.subjects: list[Subject] = []
        self.links = Links()
        self.links.same_patient = self._same_patient
        self.arrangement: Arrangement = "automatic"
        self.enlarged = False
        self._tool: Tool | None = None
        self._masks_shown = True
        self._refreshing = False
        self._joining: set[ImageView] = set()  # are in the grid again, and not yet with the others
        self._placed: tuple[object, ...] = ()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self._room = QWidget()
        self._grid = QGridLayout(self._room)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._room)
        state.seriesOpening.connect(self._refresh_empty)
        state.seriesFailed.connect(self._refresh_empty)
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
        self._refresh_empty()

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

    def enlarge(self, view: int | None) -> None:
        """Give one view all the room, or None to show the grid again."""
        if view is not None:
            self._state.set_active_view(view)
        self.enlarged = view is not None and self._state.views > 1
        self._place()

    def toggle_enlarged(self, view: int) -> None:
        """Give a view all the room, or its place in the grid again."""
        self.enlarge(None if self.enlarged else view)

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
        view.header.enlargeRequested.connect(partial(self.toggle_enlarged, number))
        menu = QMenu(view.header)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(lambda: self.menuRequested.emit(number, menu))
        view.header.set_menu(menu)
        if self._tool is not None:
            view.set_tool(self._tool)
        self.views.append(view)
        self._veils.append(Veil(view.surface))
        self.viewMade.emit(view)

    def _empty(self) -> QWidget:
        empty = QWidget()
        layout = QVBoxLayout(empty)
        layout.setSpacing(12)
        layout.addStretch(1)
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._says = label()
        self._says.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._more = label("", "secondary")
        self._more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        self._buttons: list[QPushButton] = []
        for text, signal in (
            ("Open files…", self.openRequested),
            ("Open folder…", self.folderRequested),
        ):
            button = QPushButton(text)
            button.clicked.connect(signal)
            buttons.addWidget(button)
            self._buttons.append(button)
        buttons.addStretch(1)
        for widget in (self._picture, self._says, self._more):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addStretch(1)
        return empty

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self._refresh_empty()
        for view in self.views:
            view.header.retheme()
            view.update()

    def _refresh_empty(self, *_: object) -> None:
        state = self._state
        self._stack.setCurrentIndex(0 if state.image is None else 1)
        scale = self.devicePixelRatioF()
        self._picture.setPixmap(icons.pixmap("image", theme.current().secondary, 40, scale))
        if state.opening is not None:
            self._says.setText(f"Opening {state.privacy.series(state.opening)}…")
            self._more.setText("")
        else:
            self._says.setText("Drop an image or a folder here")
            self._more.setText("DICOM, NIfTI, PNG, JPEG, TIFF or BMP")
        for button in self._buttons:
            button.setVisible(state.opening is None)

    # Following the state

    def _open(self, *_: object) -> None:
        self._refresh_empty()
        self._place()
        self.refresh()

    def _frame(self, frame: int) -> None:
        lead = self._lead()
        if lead is not None and self.views[lead].image is self._state.image:
            self.views[lead].set_frame(frame)  # and those linked to it follow
        self.refresh()

    def _activate(self, number: int) -> None:
        several = self._state.views > 1 and not self.enlarged
        for index, view in enumerate(self.views):
            view.set_active(index == number and several)
        if self.enlarged:
            self._place()
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

    def set_arrangement(self, name: Arrangement) -> None:
        """Lay two views side by side or one above the other, or leave it to their size."""
        self.arrangement = name
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the arrangement anew."""
        super().resizeEvent(event)
        self._place()

    def _arrange(self, *_: object) -> None:
        while len(self.views) < self._state.views:
            self._make()
        self.enlarged = False
        for index, view in enumerate(self.views):
            known = view in self.links.views
            if index < self._state.views and not known:
                with self.links.held():
                    self.links.add(view)
                self._joining.add(view)
            elif index >= self._state.views and known:
                self.links.remove(view)
                view.set_image(None)  # what no one sees takes no memory
        self._place()
        self._activate(self._state.active_view)
        self.refresh()

    def _place(self) -> None:
        rows, cols = self._shape()
        state = self._state
        placed = (rows, cols, state.views, state.active_view if self.enlarged else None)
        if placed != self._placed:
            self._placed = placed
            for index, view in enumerate(self.views):
                self._grid.removeWidget(view)
                alone = self.enlarged and index != state.active_view
                if index < state.views and not alone:
                    row, col = (0, 0) if self.enlarged else divmod(index, cols)
                    self._grid.addWidget(view, row, col)
                    view.show()
                else:
                    view.hide()
            for at in range(3):
                self._grid.setRowStretch(at, 1 if at < (1 if self.enlarged else rows) else 0)
                self._grid.setColumnStretch(at, 1 if at < (1 if self.enlarged else cols) else 0)
            for index, view in enumerate(self.views):
                several = state.views > 1 and not self.enlarged
                view.set_active(index == state.active_view and several)
        across = 1 if self.enlarged else cols
        narrow = (self.width() - (across - 1) * _GAP) / across < _NARROW
        for view in self.views:
            view.header.set_tall(narrow)

    def _shape(self) -> tuple[int, int]:
        if self._state.views != 2:
            return self._state.grid
        stacked = self.arrangement == "stacked" or (
            self.arrangement == "automatic" and self._larger_when_stacked()
        )
        return (2, 1) if stacked else (1, 2)

    def _larger_when_stacked(self) -> bool:
        image = self._state.image
        if image is None:
            return False
        rows, cols = image.shape
        tall = rows * image.geometry.aspect
        width, height = self.width(), self.height()
        beside = min(width / 2 / cols, (height - _HEADER) / tall)
        stacked = min(width / cols, (height / 2 - _HEADER) / tall)
        return stacked > _CLEARLY * beside

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
        view = self.views[number]
        found = subject.entry.map if subject.entry is not None else None
        overlay = Overlay(found, self.style_of(found)) if found is not None else None
        now = view.overlay
        same = (
            overlay is now
            if overlay is None or now is None
            else overlay.map is now.map and overlay.style == now.style
        )
        if not same:
            view.set_overlay(overlay)
        model = ""
        if subject.session is not None:
            about = subject.session.checkpoint.metadata
            model = f"{about.name} {about.version}"
        brief = view.header.is_tall
        says = titles.subtitle(subject, self.subjects, model, brief=brief)
        far = self._beyond(view, subject)
        clean = self._state.privacy.clean
        says = f"{far} · {says}" if far and says else far or says
        view.set_title(clean(titles.name(subject)), clean(says))
        view.header.set_tag(*map(clean, titles.tag(subject, self._state.case)))
        view.header.set_warning("gate shut" if titles.shut(subject) else "", titles.shut(subject))
        self._veil(number, subject)

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

    def _veil(self, number: int, subject: Subject) -> None:
        veil, board, low = self._veils[number], self.board, subject.image is not None
        slow = subject.entry is not None and is_slow(subject.entry.name)
        if subject.content.empty:
            veil.say(EMPTY, low=False)
        elif subject.problem:
            again = partial(board.again, subject)
            problem = self._state.privacy.sentence(subject.problem)
            veil.say(problem, low=low, button="Try again", act=again)
        elif subject.waiting and (slow or subject.entry is None):
            cancel = partial(board.cancel, subject)
            loading = subject.entry is None and low  # a checkpoint, which cannot say how far it is
            veil.say(
                self._state.privacy.clean(subject.waiting),
                low=low,
                fraction=None if loading else subject.fraction,
                button="" if loading else "Cancel",
                act=cancel,
            )
        elif slow and subject.entry is not None and subject.entry.status is MapStatus.ABSENT:
            compute = partial(board.request, subject)
            veil.say("", low=True, button=f"Compute {title(subject.entry.name)}", act=compute)
        else:
            veil.clear()

    def _show_scores(self) -> None:
        for number, subject in enumerate(self.subjects[: self._state.views]):
            view = self.views[number]
            found = self.board.live(subject)
            brief = view.header.is_tall
            text, tip, weak = titles.score(found, brief=brief)
            view.header.set_score(text, tip, weak=weak)

    def style_of(self, found: SaliencyMap) -> OverlayStyle:
        """Return how a map is coloured, by the reader's choice."""
        choice = self._state.overlays.style
        low: float | None = None
        high: float | None = None
        if choice.scale == "locked":
            low, high = self._locked_range(found)
        return OverlayStyle(
            colours=choice.signed_colours if found.sign == "signed" else choice.colours,
            opacity=choice.opacity,
            threshold=choice.threshold,
            low=low,
            high=high,
            kind=choice.kind,
            levels=choice.levels,
            top=choice.top,
        )

    def _locked_range(self, found: SaliencyMap) -> tuple[float, float]:
        """Return the range of all shown maps of one quantity.

        Sums of features, attention (0 to 1) and SHAP's signed shares of an answer have nothing in
        common that one scale could show.
        """
        shown = [subject.entry.map for subject in self.subjects if subject.entry is not None]
        alike = [found, *(other for other in shown if other and _same_quantity(other, found))]
        # A map of a shut gate has a scale of what it is not; it takes that of those that are open.
        ranges = [one.range for one in [one for one in alike if not is_shut(one)] or alike]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    # Dropping

    def view_at(self, position: QPoint) -> int | None:
        """Return the view of the grid at a position, None beside them."""
        for number, view in enumerate(self.shown):
            corner = view.mapTo(self, QPoint(0, 0)) if view.isVisibleTo(self) else None
            if corner is not None and view.rect().translated(corner).contains(position):
                return number
        return None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take series from the list; files are the window's."""
        if dragging.series_of(event.mimeData(), self._state.cases) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Frame the view that would show it."""
        target = self.view_at(event.position().toPoint())
        self._mark_target(target)
        event.setAccepted(target is not None)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Frame the active view again."""
        self._mark_target(self._state.active_view)

    def dropEvent(self, event: QDropEvent) -> None:
        """Show a series in the view it was dropped on."""
        found = dragging.series_of(event.mimeData(), self._state.cases)
        target = self.view_at(event.position().toPoint())
        self._mark_target(self._state.active_view)
        if found is None or target is None:
            return
        event.acceptProposedAction()
        case, series = found
        self._state.contents.set(target, Content(case, series))
        self._state.set_active_view(target)

    def _mark_target(self, target: int | None) -> None:
        for number, view in enumerate(self.shown):
            view.set_active(number == target)


def _same_quantity(one: SaliencyMap, other: SaliencyMap) -> bool:
    return one.sign == other.sign and one.provenance.method == other.provenance.method
