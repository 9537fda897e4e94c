"""The masks over an image: a faint fill, and the crisp outline of the exact pixel boundary."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from engine.masks import outline
from engine.masks.change import Change
from engine.masks.document import MaskDocument
from engine.masks.mask import REFERENCE, Mask
from engine.masks.shapes import Box
from viewer.canvas.layer import device_ratio
from viewer.canvas.viewport import Viewport

#: Opacity of the fill: enough to tell inside from outside, too little to change what is read.
FILL = 0.1
#: Outlines are kept in squares of this many pixels, so that a stroke redoes only those it touches.
TILE = 64
#: More boundary sides than this are drawn solid: following them into paths would stall the hand.
LONGEST_DASHED = 20_000
HALO = QColor(0, 0, 0, 95)
#: Outlines of the masks that are not drawn on, in turn: colour is never the only sign.
STYLES = (Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
#: Of the mask that came with the image, whichever is drawn on: no other line has it, not a map's.
REFERENCE_STYLE = Qt.PenStyle.DashDotDotLine
#: Beside and between the dashes of a lighter outline, so that it is seen on bright tissue too.
DARK, LIGHT = QColor(0, 0, 0, 200), 0.95


class MaskPicture:
    """One mask on one frame, as it is painted."""

    def __init__(self, pixels: NDArray[np.bool_], colour: str) -> None:
        self._pixels = pixels
        self.colour = QColor(colour)
        alpha = round(FILL * 255)
        red, green, blue = (
            round(part * FILL)
            for part in (self.colour.red(), self.colour.green(), self.colour.blue())
        )
        self._word = np.uint32((alpha << 24) | (red << 16) | (green << 8) | blue)
        rows, cols = pixels.shape
        self._words = pixels * self._word
        self._fill = QImage(
            self._words.data, cols, rows, 4 * cols, QImage.Format.Format_ARGB32_Premultiplied
        )
        self._tiles: dict[tuple[int, int], list[QLineF]] = {}
        self._path: QPainterPath | None = None

    def update(self, pixels: NDArray[np.bool_], box: Box) -> None:
        """Take over what changed within a box."""
        self._pixels = pixels
        self._words[box.slices] = pixels[box.slices] * self._word
        self._path = None
        # A pixel's lower and right sides belong to the next pixel, perhaps in the next tile.
        for row in range(box.top // TILE, box.bottom // TILE + 1):
            for col in range(box.left // TILE, box.right // TILE + 1):
                self._tiles.pop((row, col), None)

    def paint_fill(self, painter: QPainter) -> None:
        """Paint the inside, under the viewport's transform."""
        painter.drawImage(0, 0, self._fill)

    def paint_outline(
        self, painter: QPainter, seen: QRectF, style: Qt.PenStyle, width: float
    ) -> None:
        """Paint the boundary within ``seen`` (pixel edges), under the viewport's transform."""
        # Cosmetic pens are as wide as said in device pixels, whatever the zoom and pixel aspect.
        ratio = device_ratio(painter)
        halo = DARK if self.colour.lightnessF() > LIGHT else HALO
        pens = (
            QPen(halo, (width + 1.6) * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap),
            QPen(self.colour, width * ratio, style, Qt.PenCapStyle.SquareCap),
        )
        path = self._dashed() if style != Qt.PenStyle.SolidLine else None
        if path is not None and not path.boundingRect().adjusted(-4, -4, 4, 4).intersects(seen):
            return
        for pen in pens:
            pen.setCosmetic(True)
            if path is not None:
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            if path is not None:
                painter.drawPath(path)
                continue
            for tile in self._seen_tiles(seen):
                if tile:
                    painter.drawLines(tile)

    def lines(self) -> list[QLineF]:
        """Return the whole boundary, pixel edges."""
        rows, cols = self._pixels.shape
        return [line for tile in self._seen_tiles(QRectF(0, 0, cols, rows)) for line in tile]

    def _seen_tiles(self, seen: QRectF) -> list[list[QLineF]]:
        rows, cols = self._pixels.shape
        top = max(math.floor(seen.top() - 1) // TILE, 0)
        left = max(math.floor(seen.left() - 1) // TILE, 0)
        bottom = min(math.ceil(seen.bottom() + 1), rows - 1) // TILE
        right = min(math.ceil(seen.right() + 1), cols - 1) // TILE
        return [
            self._tile(row, col) for row in range(top, bottom + 1) for col in range(left, right + 1)
        ]

    def _tile(self, row: int, col: int) -> list[QLineF]:
        tile = self._tiles.get((row, col))
        if tile is None:
            rows, cols = self._pixels.shape
            found = outline.segments(
                self._pixels,
                row * TILE,
                col * TILE,
                min((row + 1) * TILE, rows),
                min((col + 1) * TILE, cols),
            )
            tile = self._tiles[row, col] = [QLineF(*line) for line in found.tolist()]
        return tile

    def _dashed(self) -> QPainterPath | None:
        """Return the boundary as closed paths, along which dashes can run; None if too long."""
        if self._path is None:
            if len(self.lines()) > LONGEST_DASHED:
                return None
            self._path = QPainterPath()
            for corners in outline.paths(self._pixels):
                points = [QPointF(x, y) for x, y in corners.tolist()]
                self._path.addPolygon([*points, points[0]])
        return self._path


class MaskLayer:
    """All masks of a document on the frame shown; the active one solid, above the others."""

    def __init__(self) -> None:
        self._document: MaskDocument | None = None
        self._frame = 0
        self._pictures: dict[str, MaskPicture] = {}
        self.shown = True
        #: The id of the one mask that is shown, "" for all that are visible.
        self.only = ""
        #: Off while a map is shown: a tint would falsify colours that are read off a scale.
        self.filled = True

    def show(self, document: MaskDocument | None, frame: int) -> None:
        """Take a document and a frame of it."""
        self._document, self._frame = document, frame
        self._pictures.clear()

    def change(self, change: Change) -> Box | None:
        """Follow a change; return the box that looks different now, None for everything."""
        if change.kind == "pixels":
            if change.frame != self._frame or change.box is None:
                return Box(0, 0, 0, 0)
            picture = self._pictures.get(change.mask_id)
            if picture is None or self._document is None:
                return change.box
            picture.update(self._document.mask(change.mask_id).frame(self._frame), change.box)
            return change.box
        if change.kind in ("colour", "removed", "added"):
            self._pictures.pop(change.mask_id, None)
        return Box(0, 0, 0, 0) if change.kind in ("history", "label", "author", "locked") else None

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The masks that are painted, on whichever frame they are drawn."""
        if self._document is None or not self.shown:
            return ()
        only = self.only
        return tuple(m for m in self._document.masks if (m.id == only if only else m.visible))

    def paint(self, painter: QPainter, viewport: Viewport) -> None:
        """Paint fills first, then outlines, so that no fill dims an outline."""
        if self._document is None or not self.shown:
            return
        active = self._document.active
        pictures = [
            (mask, picture) for mask in self.masks if (picture := self._picture(mask)) is not None
        ]
        if not pictures:
            return
        area = painter.clipBoundingRect()
        painter.save()
        painter.setTransform(viewport.transform(), True)
        if self.filled:
            for _, picture in pictures:
                picture.paint_fill(painter)
        seen = viewport.to_image_rect(area)
        pictures.sort(key=lambda pair: pair[0] is active)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for mask, picture in pictures:
            style, width = self.line(mask)
            picture.paint_outline(painter, seen, style, width)
        painter.restore()

    def line(self, mask: Mask) -> tuple[Qt.PenStyle, float]:
        """Return a mask's line style and width, logical pixels."""
        assert self._document is not None
        if mask.id == REFERENCE:
            return REFERENCE_STYLE, 2.0
        if mask is self._document.active:
            return Qt.PenStyle.SolidLine, 2.0
        others = [
            other
            for other in self._document.masks
            if other is not self._document.active and other.id != REFERENCE
        ]
        return STYLES[others.index(mask) % len(STYLES)], 2.0

    def _picture(self, mask: Mask) -> MaskPicture | None:
        picture = self._pictures.get(mask.id)
        if picture is None:
            pixels = mask.frame(self._frame)
            if not pixels.any():
                return None
            picture = self._pictures[mask.id] = MaskPicture(pixels, mask.colour)
        return picture
