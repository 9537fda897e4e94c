"""A view: one image with its overlay and masks, and a header that says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.images.image import Image, Window
from engine.images.orientation import edge_labels
from engine.images.windowing import default_window
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import Mask
from viewer import theme
from viewer.canvas import axis_line, brush_cursor, numbers, readout
from viewer.canvas.annotations import Annotations
from viewer.canvas.colour_bar import ColourBar
from viewer.canvas.header import Header
from viewer.canvas.image_layer import ImageLayer
from viewer.canvas.interaction import Interaction
from viewer.canvas.mask_layer import MaskLayer
from viewer.canvas.overlay import Overlay
from viewer.canvas.overlay_layer import OverlayLayer
from viewer.canvas.readout import CursorReading
from viewer.canvas.surface import Surface
from viewer.canvas.turn import PLAIN, Turn
from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer, Tool
from viewer.tools.window_level import WindowLevelTool

#: Pixels looked at to learn how far an image's values reach.
SPAN_SAMPLES = 200_000


class ImageView(QWidget):
    """Shows one frame of an image and lets the reader act on it.

    Signals report changes from whatever side they came; a setter that changes nothing emits
    nothing. ``cursorMoved``: a ``CursorReading``, or None when the mouse left. ``frameRequested``:
    the user asked for a frame (the view shows it already). ``viewRectChanged``: a ``Viewport``.
    ``notice``: a sentence why something could not be done. ``tapped``: Space came up again with
    nothing done meanwhile.
    """

    cursorMoved = Signal(object)
    frameRequested = Signal(int)
    frameChanged = Signal(int)
    windowChanged = Signal(object)
    viewRectChanged = Signal(object)
    toolChanged = Signal(object)
    linkToggled = Signal(bool)
    activated = Signal()
    notice = Signal(str)
    tapped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: Image | None = None
        self._frame = 0
        self._window: Window | None = None
        self._inverted = False
        self._pixels_stale = False
        self._span = 1.0
        self._viewport = Viewport()
        self._fitted = True
        self._overlay: Overlay | None = None
        self._overlay_shown = True
        self._mirror_axis: float | None = None
        self._shared_cursor: tuple[float, float] | None = None
        self._pointer: Pointer | None = None
        self._tool: Tool = WindowLevelTool()
        self._active = False
        #: Painted over the masks, under the texts.
        self.decorations: list[Callable[[QPainter, ImageView], None]] = []
        #: Asked, where the tool would be used, whether another takes the press.
        self.grips: list[Callable[[Pointer], Tool | None]] = []
        #: Why the masks cannot be drawn on in this view, a sentence; "" where they can.
        self.read_only = ""

        self.header = Header(self)
        self.header.linkToggled.connect(self.linkToggled)
        self.surface = Surface(self)
        self.setFocusProxy(self.surface)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.surface, 1)

        self._image_layer = ImageLayer()
        self._overlay_layer = OverlayLayer()
        self._mask_layer = MaskLayer()
        self._document: MaskDocument | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._annotations = Annotations()
        self._colour_bar = ColourBar()
        self.interaction = Interaction(self)
        self._tool.changed.connect(self.surface.update)

    # What is shown

    @property
    def image(self) -> Image | None:
        """The image shown."""
        return self._image

    @property
    def frames(self) -> int:
        """The number of frames of the image, 0 without one."""
        return 0 if self._image is None else self._image.frames

    @property
    def frame(self) -> int:
        """The frame shown."""
        return self._frame

    @property
    def grey_window(self) -> Window | None:
        """The grey-scale window; None without an image and for colour images."""
        return self._window

    @property
    def inverted(self) -> bool:
        """Whether low values are white."""
        return self._inverted

    @property
    def value_span(self) -> float:
        """How far the image's values reach, outliers aside; what a drag of the window follows."""
        return self._span

    @property
    def overlay(self) -> Overlay | None:
        """The overlay set, whether or not it fits the frame shown."""
        return self._overlay

    @property
    def visible_overlay(self) -> Overlay | None:
        """The overlay if it belongs to the frame shown and is not hidden."""
        overlay, image = self._overlay, self._image
        if overlay is None or image is None or not self._overlay_shown:
            return None
        fits = overlay.map.values.shape == image.shape
        return overlay if fits and overlay.map.provenance.frame == self._frame else None

    @property
    def visible_masks(self) -> tuple[Mask, ...]:
        """The masks that are drawn in this view."""
        return self._mask_layer.masks

    def set_title(self, name: str, subtitle: str = "") -> None:
        """Say in the header what the view shows."""
        self.header.set_title(name, subtitle)
        self.surface.setAccessibleName(f"{name} {subtitle}".strip())

    def set_linked(self, linked: bool | None, how: str = "") -> None:
        """Show whether the view is linked, and how; None where there is nothing to link to."""
        self.header.set_linked(linked, how)

    def set_active(self, active: bool) -> None:
        """Frame the view in the accent."""
        if active != self._active:
            self._active = active
            self.update()

    def set_image(self, image: Image | None, frame: int = 0) -> None:
        """Show an image, fitted and in its own window; overlay, masks and cursor are forgotten."""
        self.set_document(None)
        self.interaction.abandon()
        self._image = image
        self._overlay = None
        self._shared_cursor = None
        self._inverted = image is not None and image.display.inverted
        self._frame = 0 if image is None else min(max(frame, 0), image.frames - 1)
        self._window = None
        aspect = 1.0
        if image is not None:
            if not image.is_colour:
                self._window = default_window(image, self._frame)
            self._span = value_span(image)
            aspect = image.geometry.aspect
        self._annotations.spacing = (
            image.geometry.spacing[1] if image and image.geometry.spacing else None
        )
        self._viewport = replace(self._viewport, aspect=aspect, turn=PLAIN)
        self._show_pixels()
        self._show_overlay()
        self.fit()
        self.surface.update()
        self.frameChanged.emit(self._frame)
        self.windowChanged.emit(self._window)

    def set_frame(self, frame: int) -> None:
        """Show another frame, clamped to those there are."""
        if self._image is None:
            return
        frame = min(max(frame, 0), self._image.frames - 1)
        if frame == self._frame:
            return
        self.interaction.finish()
        self._frame = frame
        self._mask_layer.show(self._document, frame)
        self._show_pixels()
        self._show_overlay()
        self.surface.update()
        self.frameChanged.emit(frame)
        self._report_cursor()

    def request_frame(self, frame: int) -> None:
        """Show another frame because the user asked for it."""
        if self.interaction.dragging and self._tool.draws and self._tool.busy:
            return  # a finger on the wheel must not tear a stroke
        before = self._frame
        self.set_frame(frame)
        if self._frame != before:
            self.frameRequested.emit(self._frame)

    def set_window(self, window: Window) -> None:
        """Show the image in another grey-scale window; colour images have none."""
        if self._window is None or window == self._window:
            return
        self._window = window
        self._show_pixels()
        self.windowChanged.emit(window)

    def reset_window(self) -> None:
        """Go back to the frame's own window, not inverted unless the file asks for it."""
        if self._image is None:
            return
        self.set_inverted(self._image.display.inverted)
        if self._window is not None:
            self.set_window(default_window(self._image, self._frame))

    def set_inverted(self, inverted: bool) -> None:
        """Show low values white, or black."""
        if inverted != self._inverted:
            self._inverted = inverted
            self._show_pixels()
            self.windowChanged.emit(self._window)

    def invert(self) -> None:
        """Swap black and white."""
        self.set_inverted(not self._inverted)

    def set_overlay(self, overlay: Overlay | None) -> None:
        """Lay a map over the image; it is drawn on the frame that it was made from."""
        self._overlay = overlay
        self._show_overlay()
        self.surface.update()
        self._report_cursor()

    @property
    def document(self) -> MaskDocument | None:
        """The masks that are shown and drawn on."""
        return self._document

    def set_document(self, document: MaskDocument | None) -> None:
        """Show masks and let the tools draw on them; ``ValueError`` if they are of another size."""
        image = self._image
        if document is not None and (
            image is None
            or document.shape != image.shape
            or document.reference.frames != image.frames
        ):
            raise ValueError("these masks are of an image of another size")
        if document is self._document:
            return
        self.interaction.finish()
        self.interaction.abandon()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._document = document
        self._unsubscribe = None if document is None else document.subscribe(self._masks_changed)
        self._mask_layer.show(document, self._frame)
        self.surface.update()

    def set_masks_shown(self, shown: bool) -> None:
        """Hide the masks for a moment, or show them again."""
        if shown != self._mask_layer.shown:
            self._mask_layer.shown = shown
            self.surface.update()

    def set_only_mask(self, mask_id: str) -> None:
        """Show one mask alone, even a hidden one; "" shows all that are visible."""
        if mask_id != self._mask_layer.only:
            self._mask_layer.only = mask_id
            self.surface.update()

    def show_masks_of(self, other: ImageView) -> None:
        """Show the masks that another view of the document shows."""
        self.set_masks_shown(other._mask_layer.shown)
        self.set_only_mask(other._mask_layer.only)

    def _masks_changed(self, change: Change) -> None:
        box = self._mask_layer.change(change)
        if box is None:
            self.surface.update()
        elif not box.is_empty:
            # Outlines reach beyond their pixels by half their width and halo.
            area = self._viewport.to_widget_rect(*box)
            self.surface.refresh(area.adjusted(-3, -3, 3, 3))

    def set_mirror_axis(self, col: float | None) -> None:
        """Mark the column that the image is mirrored at, or None for none."""
        if col != self._mirror_axis:
            self._mirror_axis = col
            self.surface.update()

    def set_overlay_shown(self, shown: bool) -> None:
        """Hide the overlay for a moment, or show it again."""
        if shown != self._overlay_shown:
            self._overlay_shown = shown
            self._show_overlay()
            self.surface.update()

    def set_annotations_shown(self, shown: bool) -> None:
        """Show or hide the texts over the image."""
        self._annotations.shown = shown
        self.surface.update()

    # Where it is shown

    @property
    def viewport(self) -> Viewport:
        """What part of the image is on the canvas."""
        return self._viewport

    def set_viewport(self, viewport: Viewport) -> None:
        """Show another part; size and pixel aspect stay this view's own."""
        self._move(viewport, fitted=False)

    def view_rect(self) -> QRectF:
        """Return the visible part in pixel-edge coordinates (x = columns, y = rows)."""
        return self._viewport.visible()

    def set_view_rect(self, rect: QRectF) -> None:
        """Show at least ``rect`` (pixel-edge coordinates), as large as it goes."""
        centre = rect.center()
        view = self._viewport.centred(centre.y() - 0.5, centre.x() - 0.5)
        self.set_viewport(view.at_scale(view.fit_scale((rect.height(), rect.width()))))

    @property
    def turn(self) -> Turn:
        """How the image is turned and mirrored on the screen."""
        return self._viewport.turn

    def set_turn(self, turn: Turn) -> None:
        """Turn or mirror the image on the screen alone; its pixels and masks stay as they are."""
        if self._image is None or turn == self.turn:
            return
        self.interaction.finish()
        turned = self._viewport.turned(turn)
        self._move(
            turned.fitted(self._image.shape) if self._fitted else turned, fitted=self._fitted
        )

    def fit(self) -> None:
        """Show all of the image; it stays so when the view changes its size."""
        if self._image is not None:
            self._move(self._viewport.fitted(self._image.shape), fitted=True)

    @property
    def is_fitted(self) -> bool:
        """Whether the view keeps showing all of the image."""
        return self._fitted

    def one_to_one(self) -> None:
        """Show one image pixel on one screen pixel (the closer-spaced axis, where they differ)."""
        ratio = self.surface.devicePixelRatioF()
        self.set_viewport(self._viewport.at_scale(1 / (ratio * min(self._viewport.aspect, 1.0))))

    def zoom_by(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Magnify about a canvas position, by default the middle."""
        if self._image is not None:
            self.set_viewport(self._viewport.zoomed(factor, x, y))

    # Cursor

    @property
    def cursor_reading(self) -> CursorReading | None:
        """What lies under the mouse, or under a linked view's."""
        at = self._cursor_position()
        if at is None or self._image is None:
            return None
        overlay = self.visible_overlay
        return readout.read(self._image, self._frame, None if overlay is None else overlay.map, *at)

    def show_cursor(self, row: float | None, col: float | None = None) -> None:
        """Mark a position that the cursor of a linked view points at, None for none."""
        at = None if row is None or col is None else (row, col)
        if at != self._shared_cursor:
            self._refresh_cursor_marks()
            self._shared_cursor = at
            self._refresh_cursor_marks()
            self._write_reading()

    def point_at(self, pointer: Pointer | None) -> None:
        """Follow this view's own mouse; None when it left."""
        left = pointer is None and self._pointer is not None
        self._refresh_cursor_marks()
        self._pointer = pointer
        self._refresh_cursor_marks()
        self._report_cursor()
        if left:
            self.cursorMoved.emit(None)

    # Tools

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Take up a tool; what the last one had begun is given up."""
        if tool is self._tool:
            return
        self.interaction.cancel()
        self._tool.changed.disconnect(self.surface.update)
        self._tool = tool
        tool.changed.connect(self.surface.update)
        self.refresh_cursor()
        self.surface.update()
        self.toolChanged.emit(tool)

    def refresh_cursor(self) -> None:
        """Give the mouse the shape of what it would do now."""
        shape = self.interaction.cursor()
        if self.surface.cursor().shape() != shape:
            self.surface.setCursor(shape)

    # Painting

    def paint(self, painter: QPainter) -> None:
        """Paint all layers on the surface, clipped to what must be painted again."""
        if self._image is None:
            return
        if self._pixels_stale:
            self._pixels_stale = False
            self._image_layer.show(self._image, self._frame, self._window, self._inverted)
        viewport = self._viewport
        self._image_layer.paint(painter, viewport)
        self._overlay_layer.paint(painter, viewport)
        self._mask_layer.paint(painter, viewport)
        if self._mirror_axis is not None:
            axis_line.paint(painter, viewport, self._mirror_axis, self._image.shape[0])
        for decoration in self.decorations:
            decoration(painter, self)
        self._tool.paint(painter, self)
        self._paint_cursor(painter)
        self._write_corners()
        self._annotations.paint(painter, viewport)
        self._colour_bar.paint(painter, viewport)

    def paintEvent(self, event: object) -> None:
        """Paint the thin frame around header and canvas."""
        painter = QPainter(self)
        tokens = theme.current()
        colour = tokens.colour("accent" if self._active else "canvas")
        painter.setPen(QPen(colour, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def surface_resized(self, width: int, height: int) -> None:
        """Keep the middle in the middle, or all of the image visible."""
        resized = self._viewport.sized(width, height)
        if self._fitted and self._image is not None:
            resized = resized.fitted(self._image.shape)
        self._move(resized, fitted=self._fitted, resized=True)

    def _move(self, viewport: Viewport, *, fitted: bool, resized: bool = False) -> None:
        mine = self._viewport
        if not resized:
            viewport = replace(viewport, width=mine.width, height=mine.height, aspect=mine.aspect)
        if self._image is not None:
            viewport = viewport.kept_in_sight(self._image.shape)
        self._fitted = fitted
        if viewport != mine:
            self._viewport = viewport
            if viewport.turn != mine.turn:
                self._show_edges()
            self.surface.update()
            self.viewRectChanged.emit(viewport)
            if self._pointer is not None:  # the mouse stayed, and the image moved under it
                self._pointer = self.interaction.locate(
                    QPointF(self._pointer.x, self._pointer.y), self._pointer.modifiers
                )
                self._report_cursor()

    def _show_pixels(self) -> None:
        # Windowed when painted: the mouse may report a drag many times a frame.
        self._pixels_stale = True
        self.surface.update()
        self._show_edges()

    def _show_edges(self) -> None:
        if self._image is not None:
            self._annotations.edges = self.turn.edges(edge_labels(self._image, self._frame))

    def _show_overlay(self) -> None:
        overlay = self.visible_overlay
        self._overlay_layer.show(overlay)
        self._colour_bar.show(overlay)
        self._mask_layer.filled = overlay is None
        self._annotations.right_inset = self._colour_bar.inset

    def _write_corners(self) -> None:
        image = self._image
        if image is None:
            return
        lines = [f"Im {self._frame + 1}/{image.frames}"]
        if self._window is not None:
            text = f"W {numbers.grey(self._window.width)}  L {numbers.grey(self._window.centre)}"
            name = f"  {self._window.name}" if self._window.name else ""
            lines.append(text + name + ("  inverted" if self._inverted else ""))
        rows, cols = image.shape
        zoom = self._viewport.scale * self.surface.devicePixelRatioF()
        lines.append(f"{cols} × {rows}  {zoom:.0%}".replace("%", " %"))
        if not self.turn.is_plain:
            lines.append(self.turn.words)
        self._annotations.top_left = [*lines, *self._colour_bar.legend]
        self._write_reading()

    def _write_reading(self) -> None:
        reading = self.cursor_reading
        lines: list[str] = []
        if reading is not None and reading.inside:
            row, col = reading.pixel
            value = reading.value
            text = (
                ", ".join(str(v) for v in value)
                if isinstance(value, tuple)
                else numbers.grey(value or 0.0)
            )
            lines.append(f"({col}, {row})  {text}" + (f" {reading.unit}" if reading.unit else ""))
            if reading.map_value is not None:
                lines.append(f"map {numbers.short(reading.map_value)}")
        if lines != self._annotations.bottom_right:
            box = self._annotations.bottom_right_box(self._viewport)
            box |= self._annotations.bottom_right_box(self._viewport, 1)
            self.surface.refresh(box)
            self._annotations.bottom_right = lines

    def _cursor_position(self) -> tuple[float, float] | None:
        if self._pointer is not None:
            return self._pointer.row, self._pointer.col
        return self._shared_cursor

    def _report_cursor(self) -> None:
        self._write_reading()
        if self._pointer is not None:
            self.cursorMoved.emit(self.cursor_reading)

    def _refresh_cursor_marks(self) -> None:
        at = self._cursor_position()
        if at is None:
            return
        row, col = at
        radius = self._tool.cursor_radius(self) if self._pointer is not None else None
        centre = self._viewport.to_widget(row, col)
        reach = brush_cursor.ARM + 3
        box = QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach)
        if radius is not None:
            aspect = self._tool.cursor_aspect(self)
            circle = brush_cursor.circle_box(self._viewport, row, col, radius, aspect)
            box |= circle.adjusted(-3, -3, 3, 3)
        elif self._pointer is not None:
            return
        self.surface.refresh(box)

    def _paint_cursor(self, painter: QPainter) -> None:
        if self._pointer is not None:
            radius = self._tool.cursor_radius(self)
            if radius is not None:
                aspect = self._tool.cursor_aspect(self)
                at = self._pointer.row, self._pointer.col
                box = brush_cursor.circle_box(self._viewport, *at, radius, aspect)
                brush_cursor.paint_circle(painter, box, QColor(Qt.GlobalColor.white))
        elif self._shared_cursor is not None:
            brush_cursor.paint_cross(painter, self._viewport.to_widget(*self._shared_cursor))


_spans: WeakKeyDictionary[Image, float] = WeakKeyDictionary()


def value_span(image: Image) -> float:
    """Return how far an image's values reach between the 0.5th and 99.5th percentile, above 0."""
    span = _spans.get(image)
    if span is None:
        span = _spans[image] = _measured_span(image)
    return span


def _measured_span(image: Image) -> float:
    if image.is_colour:
        return 255.0
    pixels = image.pixels.reshape(-1)
    values = pixels[:: max(1, pixels.size // SPAN_SAMPLES)].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 1.0
    low, high = np.percentile(values, (0.5, 99.5))
    span = float(high - low) or float(values.max() - values.min())
    return span if span > 0 else 1.0
