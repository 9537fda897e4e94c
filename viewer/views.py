"""The views in the middle: one or two, linked, each with its own map over the same image."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from engine.saliency.map import SaliencyMap
from viewer import icons, theme
from viewer.canvas.links import Links
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.view import ImageView
from viewer.state import AppState
from viewer.state.analysis import MapStatus, is_slow, title
from viewer.state.overlay import VIEWS
from viewer.tools.base import Tool
from viewer.widgets.section import label

Arrangement = Literal["automatic", "beside", "stacked"]
_HEADER = 30  # px of a view that are not image
_CLEARLY = 1.15  # comparing is easier side by side: stack only where the image gains by it


class Views(QWidget):
    """Follows the state; reports cursor and requests back to it."""

    cursorMoved = Signal(object)  # CursorReading or None
    openRequested = Signal()
    folderRequested = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("views")
        self._state = state
        self.views = [ImageView() for _ in range(VIEWS)]
        self.links = Links()
        self.arrangement: Arrangement = "automatic"
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(2)
        self._split.setChildrenCollapsible(False)
        for number, view in enumerate(self.views):
            self._split.addWidget(view)
            self._split.setStretchFactor(number, 1)
            view.setMinimumWidth(160)
            view.cursorMoved.connect(self.cursorMoved)
            view.frameRequested.connect(state.set_frame)
            view.notice.connect(lambda sentence: state.notice.emit(sentence, "warning"))
            view.activated.connect(lambda number=number: state.set_active_view(number))
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._split)
        state.seriesOpening.connect(self._opening)
        state.seriesFailed.connect(self._refresh_empty)
        state.seriesOpened.connect(self._open)
        state.seriesClosed.connect(lambda: self._open(None))
        state.frameChanged.connect(self._frame)
        state.activeViewChanged.connect(self._activate)
        state.viewsChanged.connect(self._arrange)
        state.overlays.changed.connect(self.refresh)
        state.analysis.mapsChanged.connect(self.refresh)
        state.analysis.mapChanged.connect(self.refresh)
        state.masks.documentChanged.connect(self._document)
        self._arrange(state.views)
        self._refresh_empty()

    @property
    def active(self) -> ImageView:
        """The view that shortcuts speak of."""
        return self.views[self._state.active_view]

    def set_tool(self, tool: Tool) -> None:
        """Give every view a tool."""
        for view in self.views:
            view.set_tool(tool)

    def set_masks_shown(self, shown: bool) -> None:
        """Hide all masks for a look at what lies under them."""
        for view in self.views:
            view.set_masks_shown(shown)

    # Within

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
            view.update()

    def _opening(self, series: object) -> None:
        self._refresh_empty()

    def _refresh_empty(self, *_: object) -> None:
        state = self._state
        self._stack.setCurrentIndex(0 if state.image is None else 1)
        scale = self.devicePixelRatioF()
        self._picture.setPixmap(icons.pixmap("image", theme.current().secondary, 40, scale))
        if state.opening is not None:
            self._says.setText(f"Opening {state.opening.title}…")
            self._more.setText("")
        else:
            self._says.setText("Drop an image or a folder here")
            self._more.setText("DICOM, NIfTI, PNG, JPEG, TIFF or BMP")
        for button in self._buttons:
            button.setVisible(state.opening is None)

    def _open(self, image: object) -> None:
        state = self._state
        for view in self.views:
            view.set_image(state.image, state.frame)
        self._refresh_empty()
        self._orient()
        self.refresh()

    def _frame(self, frame: int) -> None:
        for view in self.views:
            view.set_frame(frame)
        self.refresh()

    def _document(self, document: object) -> None:
        for view in self.views:
            view.set_document(self._state.masks.document)

    def _activate(self, number: int) -> None:
        for index, view in enumerate(self.views):
            view.set_active(index == number and self._state.views > 1)

    def _arrange(self, count: int) -> None:
        for index, view in enumerate(self.views):
            view.setVisible(index < count)
            self.links.add(view) if index < count else self.links.remove(view)
        self._orient()
        self._activate(self._state.active_view)
        self.refresh()

    def set_arrangement(self, name: Arrangement) -> None:
        """Lay two views side by side or one above the other, or leave it to their size."""
        self.arrangement = name
        self._orient()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the arrangement anew."""
        super().resizeEvent(event)
        self._orient()

    def _orient(self) -> None:
        wanted = Qt.Orientation.Horizontal
        if self.arrangement == "stacked" or (
            self.arrangement == "automatic" and self._larger_when_stacked()
        ):
            wanted = Qt.Orientation.Vertical
        if wanted != self._split.orientation():
            self._split.setOrientation(wanted)
            half = (self.width() if wanted == Qt.Orientation.Horizontal else self.height()) // 2
            self._split.setSizes([half, half])

    def _larger_when_stacked(self) -> bool:
        image = self._state.image
        if image is None or self._state.views < VIEWS:
            return False
        rows, cols = image.shape
        spacing = image.geometry.spacing
        tall = rows * (spacing[0] / spacing[1] if spacing else 1.0)
        width, height = self.width(), self.height()
        beside = min(width / VIEWS / cols, (height - _HEADER) / tall)
        stacked = min(width / cols, (height / VIEWS - _HEADER) / tall)
        return stacked > _CLEARLY * beside

    def refresh(self, *_: object) -> None:
        """Lay the chosen maps over the views, in the chosen colours."""
        for number, view in enumerate(self.views):
            overlay = self._overlay(number)
            now = view.overlay
            same = (
                overlay is now
                if overlay is None or now is None
                else overlay.map is now.map and overlay.style == now.style
            )
            if not same:
                view.set_overlay(overlay)
            view.set_title(*self._title(number))

    def _overlay(self, number: int) -> Overlay | None:
        name = self._state.overlays[number].map_name
        found = self._state.analysis.maps.get(name or "")
        return Overlay(found, self.style_of(found)) if found is not None else None

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
        """Return the range of all shown maps of one kind: signed ones have a scale of their own."""
        state = self._state
        names = {state.overlays[view].map_name for view in range(state.views)}
        ranges = [found.range] + [
            other.range
            for name, other in state.analysis.maps.items()
            if name in names and other.sign == found.sign
        ]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def _title(self, number: int) -> tuple[str, str]:
        state = self._state
        name = state.overlays[number].map_name
        if name is None:
            return "Image", state.image.title if state.image is not None else ""
        entry = state.analysis.entries.get(name)
        if entry is None:
            return title(name), ""
        if entry.status is MapStatus.COMPUTING:
            done = f", {entry.fraction:.0%}".replace("%", " %") if is_slow(name) else ""
            return title(name), f"computing{done}"
        if entry.status is MapStatus.FAILED:
            return title(name), "could not be computed"
        if entry.map is None:
            return title(name), "not computed" if is_slow(name) else ""
        samples = entry.map.provenance.parameters.get("samples")
        if is_slow(name):  # attributed to single pixels: there are no cells
            count = f", {samples} gradients" if samples else ""
            return title(name), entry.map.target_name + count
        rows, cols = entry.map.raw.shape[-2:]
        return title(name), f"{entry.map.target_name}, {cols} × {rows} cells"
