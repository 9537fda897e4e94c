"""A view: one image with its overlay and masks, and a header that says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.images.image import Image, Window
from engine.images.windowing import default_window
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import Mask
from viewer import theme
from viewer.canvas.header import Header
from viewer.canvas.interaction import Interaction
from viewer.canvas.layers import Layers
from viewer.canvas.overlay import Overlay
from viewer.canvas.pointing import Pointing
from viewer.canvas.surface import Surface
from viewer.canvas.turn import PLAIN, Turn
from viewer.canvas.value_span import value_span
from viewer.canvas.viewport import Viewport
from viewer.tools.base import Pointer, Tool
from viewer.tools.window_level import WindowLevelTool


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
        self._span = 1.0
        self._viewport = Viewport()
        self._fitted = True
        self._overlay: Overlay | None = None
        self._overlay_shown = True
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

        self._document: MaskDocument | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.layers = Layers(self)
        self.pointing = Pointing(self)
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
        return self.layers.masks.masks

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

    def paintEvent(self, event: object) -> None:
        """Paint the thin frame around header and canvas."""
        painter = QPainter(self)
        tokens = theme.current()
        colour = tokens.colour("accent" if self._active else "canvas")
        painter.setPen(QPen(colour, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def set_image(self, image: Image | None, frame: int = 0) -> None:
        """Show an image, fitted and in its own window; overlay, masks and cursor are forgotten."""
        self.set_document(None)
        self.interaction.abandon()
        self._image = image
        self._overlay = None
        self.pointing.unmark()
        self._inverted = image is not None and image.display.inverted
        self._frame = 0 if image is None else min(max(frame, 0), image.frames - 1)
        self._window = None
        aspect = 1.0
        if image is not None:
            if not image.is_colour:
                self._window = default_window(image, self._frame)
            self._span = value_span(image)
            aspect = image.geometry.aspect
        self.layers.annotations.spacing = (
            image.geometry.spacing[1] if image and image.geometry.spacing else None
        )
        self._viewport = replace(self._viewport, aspect=aspect, turn=PLAIN)
        self.layers.show_pixels()
        self.layers.show_overlay()
        self.fit()
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
        self.layers.masks.show(self._document, frame)
        self.layers.show_pixels()
        self.layers.show_overlay()
        self.frameChanged.emit(frame)
        self.pointing.report()

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
        self.layers.show_pixels()
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
            self.layers.show_pixels()
            self.windowChanged.emit(self._window)

    def invert(self) -> None:
        """Swap black and white."""
        self.set_inverted(not self._inverted)

    def set_overlay(self, overlay: Overlay | None) -> None:
        """Lay a map over the image; it is drawn on the frame that it was made from."""
        self._overlay = overlay
        self.layers.show_overlay()
        self.pointing.report()

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
        self.layers.masks.show(document, self._frame)
        self.surface.update()

    def set_masks_shown(self, shown: bool) -> None:
        """Hide the masks for a moment, or show them again."""
        if shown != self.layers.masks.shown:
            self.layers.masks.shown = shown
            self.surface.update()

    def set_only_mask(self, mask_id: str) -> None:
        """Show one mask alone, even a hidden one; "" shows all that are visible."""
        if mask_id != self.layers.masks.only:
            self.layers.masks.only = mask_id
            self.surface.update()

    def show_masks_of(self, other: ImageView) -> None:
        """Show the masks that another view of the document shows."""
        self.set_masks_shown(other.layers.masks.shown)
        self.set_only_mask(other.layers.masks.only)

    def _masks_changed(self, change: Change) -> None:
        box = self.layers.masks.change(change)
        if box is None:
            self.surface.update()
        elif not box.is_empty:
            # Outlines reach beyond their pixels by half their width and halo.
            area = self._viewport.to_widget_rect(*box)
            self.surface.refresh(area.adjusted(-3, -3, 3, 3))

    def set_mirror_axis(self, col: float | None) -> None:
        """Mark the column that the image is mirrored at, or None for none."""
        if col != self.layers.mirror_axis:
            self.layers.mirror_axis = col
            self.surface.update()

    def set_overlay_shown(self, shown: bool) -> None:
        """Hide the overlay for a moment, or show it again."""
        if shown != self._overlay_shown:
            self._overlay_shown = shown
            self.layers.show_overlay()

    def set_annotations_shown(self, shown: bool) -> None:
        """Show or hide the texts over the image."""
        self.layers.annotations.shown = shown
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
                self.layers.show_edges()
            self.surface.update()
            self.viewRectChanged.emit(viewport)
            self.pointing.stay()

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
