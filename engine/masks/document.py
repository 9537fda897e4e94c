"""The masks of one image as they are being drawn: every change has a name and can be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.masks import measure, operations, shapes
from engine.masks.collection import MaskCollection
from engine.masks.edits import PixelEdit
from engine.masks.history import Edit
from engine.masks.mask import Mask
from engine.masks.operations import Spacing
from engine.masks.packing import pack
from engine.masks.shapes import Point, Stamp, bounds
from engine.masks.stroke import Brush, Stroke, Within


class MaskDocument(MaskCollection):
    """What is drawn in the masks: strokes, shapes, and operations on one or many frames.

    It belongs to one thread (the window's). An operation that changes nothing leaves no step to
    undo. A locked mask refuses changes with ``MaskError``; a frame that the image does not have
    raises ``IndexError``. An operation during a stroke ends the stroke first.
    """

    _stroke: Stroke | None = None
    _stroke_edits: Sequence[Edit] = ()

    # History

    @property
    def undo_text(self) -> str:
        """What undo would turn back ("Brush stroke on slice 12"), "" if nothing."""
        if self._stroke is not None and self._stroke.touched:
            return self._stroke.name
        return super().undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        return "" if self._stroke is not None else super().redo_text

    def on(self, name: str, frames: Sequence[int]) -> str:
        """Return a step's name with where it is: "Grow on slice 12", "Grow on 7 slices"."""
        if self.reference.frames == 1:
            return name
        if len(frames) == 1:
            return f"{name} on {self.frame_word} {frames[0] + 1}"
        return f"{name} on {len(frames)} {self.frame_word}s"

    # Strokes

    def begin_stroke(
        self,
        frame: int,
        point: Point,
        radius: float,
        *,
        erase: bool = False,
        name: str = "",
        within: Within | None = None,
        aspect: float = 1.0,
    ) -> None:
        """Put a round brush of ``radius`` pixels down at ``point`` (row, col) of a frame.

        It draws on the active mask; drawing without one adds “Lesion” within the same step, and
        erasing without one does nothing. within: which pixels the brush may change. aspect: see
        ``shapes.capsule``.
        """
        self.end_stroke()
        self._check_frame(frame)
        mask = self.active
        edits: list[Edit] = []
        if mask is None:
            if erase:
                return
            mask, edits = self._automatic()
        self._unlocked(mask.id)
        title = self.on(name or ("Erase" if erase else "Brush stroke"), [frame])
        brush = Brush(radius, erase=erase, aspect=aspect, within=within)
        try:
            stroke = Stroke(self._store, mask, frame, point, brush, title)
        except ValueError:
            self._revert(edits)
            raise
        self._stroke, self._stroke_edits = stroke, edits

    def extend_stroke(self, point: Point, radius: float | None = None) -> None:
        """Move the brush in a straight line to ``point``; the radius may follow pen pressure."""
        if self._stroke is not None:
            self._stroke.extend(point, radius)

    def end_stroke(self) -> None:
        """Lift the brush: the stroke becomes one step. Nothing if there is no stroke."""
        stroke, edits = self._stroke, self._stroke_edits
        self._stroke, self._stroke_edits = None, ()
        if stroke is None:
            return
        edit = stroke.finish()
        if edit is not None:
            self._remember(stroke.name, [*edits, edit])
        else:
            self._revert(edits)

    def cancel_stroke(self) -> None:
        """Take the stroke back as if it had not been begun. Nothing if there is none."""
        stroke, edits = self._stroke, self._stroke_edits
        self._stroke, self._stroke_edits = None, ()
        if stroke is None:
            return
        edit = stroke.finish()
        self._revert(edits if edit is None else [*edits, edit])

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke has been begun and not ended."""
        return self._stroke is not None

    # Whole shapes and frames, on the active mask

    def paint(self, frame: int, stamp: Stamp, *, erase: bool = False, name: str = "") -> bool:
        """Add (or erase) the pixels of a shape; return whether any pixel changed."""
        self._check_frame(frame)
        self.end_stroke()
        mask = self.active
        if stamp.box.is_empty or (mask is None and erase):
            return False
        box = stamp.box
        if box.top < 0 or box.left < 0 or box.bottom > self.shape[0] or box.right > self.shape[1]:
            raise ValueError(f"{box} is not clipped to the image {self.shape}")
        if stamp.cover.shape != box.shape:
            raise ValueError(f"a cover of {stamp.cover.shape} for {box}")
        target = shapes.nothing().cover if mask is None else mask.frame(frame)[box.slices]
        flipped = stamp.cover if mask is None else stamp.cover & (target if erase else ~target)
        name = name or ("Erase" if erase else "Paint")
        return self._flip(mask, frame, Stamp(box, flipped), self.on(name, [frame]))

    def fill_polygon(self, frame: int, vertices: Sequence[Point], *, erase: bool = False) -> bool:
        """Add (or erase) a polygon of (row, col), even-odd."""
        stamp = shapes.polygon(vertices, self.shape)
        return self.paint(frame, stamp, erase=erase, name="Erase polygon" if erase else "Polygon")

    def fill_lasso(
        self, frame: int, path: Sequence[Point], *, erase: bool = False, name: str = ""
    ) -> bool:
        """Add (or erase) what a freehand line goes round."""
        stamp = shapes.lasso(path, self.shape)
        name = name or ("Erase lasso" if erase else "Lasso")
        return self.paint(frame, stamp, erase=erase, name=name)

    def fill_at(self, frame: int, point: tuple[int, int]) -> bool:
        """Fill the enclosed region around pixel ``point``; return False if it is not enclosed."""
        self._check_frame(frame)
        mask = self.active
        if mask is None:
            return False
        return self.paint(frame, shapes.enclosed(mask.frame(frame), point), name="Fill")

    def fill_holes(self, frame: int) -> bool:
        """Fill every enclosed region of the frame."""
        self._check_frame(frame)
        mask = self.active
        if mask is None:
            return False
        return self.paint(frame, shapes.holes(mask.frame(frame)), name="Fill holes")

    def remove_piece(self, frame: int, point: tuple[int, int]) -> bool:
        """Erase the connected piece that pixel ``point`` lies in."""
        self._check_frame(frame)
        mask = self.active
        if mask is None:
            return False
        stamp = shapes.component(mask.frame(frame), point)
        return self.paint(frame, stamp, erase=True, name="Remove piece")

    def set_frame(self, frame: int, pixels: NDArray[np.bool_], name: str = "Edit") -> bool:
        """Replace one frame of the active mask by bool (rows, cols)."""
        self._check_frame(frame)
        self.end_stroke()
        if pixels.shape != self.shape or pixels.dtype != np.bool_:
            raise ValueError(f"a frame is bool {self.shape}, not {pixels.dtype} {pixels.shape}")
        mask = self.active
        flipped = pixels if mask is None else pixels ^ mask.frame(frame)
        return self._flip(mask, frame, shapes.stamp_of(flipped), self.on(name, [frame]))

    def clear(self, frame: int | None = None) -> bool:
        """Erase one frame of the active mask, or all of them in one step."""
        self.end_stroke()
        mask = self.active
        if frame is not None:
            self._check_frame(frame)
            empty = np.zeros(self.shape, np.bool_)
            return mask is not None and self.set_frame(frame, empty, f"Clear mask “{mask.label}”")
        if mask is None or mask.is_empty:
            return False
        self._unlocked(mask.id)
        edits = [self._pixel_edit(mask, i, shapes.stamp_of(p)) for i, p in mask.frames.items()]
        return self._do(f"Clear mask “{mask.label}”", edits)

    def grow(self, frame: int, distance: float = 1.0, spacing: Spacing = (1.0, 1.0)) -> bool:
        """Grow the frame by ``distance``; see ``operations.grow``."""
        return self._transform(frame, "Grow", operations.grow, distance, spacing)

    def shrink(self, frame: int, distance: float = 1.0, spacing: Spacing = (1.0, 1.0)) -> bool:
        """Shrink the frame by ``distance``; see ``operations.shrink``."""
        return self._transform(frame, "Shrink", operations.shrink, distance, spacing)

    def smooth(self, frame: int, sigma: float = 2.0, spacing: Spacing = (1.0, 1.0)) -> bool:
        """Round the outline on a frame; see ``operations.smooth``."""
        return self._transform(frame, "Smooth", operations.smooth, sigma, spacing)

    def keep_largest(self, frame: int) -> bool:
        """Keep the largest connected piece of a frame."""
        return self._transform(frame, "Keep largest piece", operations.keep_largest)

    def invert(self, frame: int) -> bool:
        """Mark what is not marked on a frame, and the other way round."""
        return self._transform(frame, "Invert", operations.invert)

    def copy_frame(self, source: int, target: int) -> bool:
        """Replace frame ``target`` by what is drawn on ``source``."""
        self._check_frame(source)
        self.end_stroke()
        mask = self.active
        if mask is None:
            return False
        name = f"Copy {self.frame_word} {source + 1} to {target + 1}"
        self._check_frame(target)
        flipped = mask.frame(source) ^ mask.frame(target)
        return self._flip(mask, target, shapes.stamp_of(flipped), name)

    def merge(self, before: Mask, after: Mapping[int, NDArray[np.bool_]], name: str) -> bool:
        """Bring in, as one step, what work elsewhere made of a copy of a mask.

        before: the copy (same id) as the work began. after: frames as the work left them; frames
        that are missing stay. What was drawn meanwhile stays too: only the difference is applied.
        Raises ``MaskError`` if the mask has been locked or removed meanwhile.
        """
        self.end_stroke()
        if all(mask.id != before.id for mask in self.masks):
            raise MaskError(
                f"The mask “{before.label}” was removed while it was worked on, so nothing has "
                "been changed; undo its removal and try again."
            )
        mask = self._unlocked(before.id)
        edits: list[PixelEdit] = []
        for frame, pixels in sorted(after.items()):
            then, now = before.frame(frame), mask.frame(frame)
            flipped = ((now | (pixels & ~then)) & ~(then & ~pixels)) ^ now
            stamp = shapes.stamp_of(flipped)
            if not stamp.box.is_empty:
                edits.append(self._pixel_edit(mask, frame, stamp))
        return self._do(self.on(name, [edit.frame for edit in edits]), edits)

    def add_drawn(self, label: str, frames: Mapping[int, NDArray[np.bool_]], name: str) -> Mask:
        """Add a mask with these pixels, and make it active, as one step."""
        self.end_stroke()
        mine = self._new_mask(label, "", None)
        source = Mask(self.reference, mine.label, frames=frames)
        self._do(name, [self._added(mine, pixels=source)])
        return mine

    # Measures

    def area(self, mask_id: str, frame: int | None = None) -> int:
        """Return the marked pixels of a frame, or of all."""
        return self.mask(mask_id).area(frame)

    def area_mm2(self, mask_id: str, frame: int) -> float | None:
        """Return the marked area of a frame in mm², None without spacing."""
        return measure.area_mm2(self.mask(mask_id), frame, self.geometry)

    def volume_ml(self, mask_id: str) -> float | None:
        """Return the marked volume in ml, None unless the frames are evenly spaced slices."""
        return measure.volume_ml(self.mask(mask_id), self.geometry)

    def dice(self, first: str, second: str, frame: int | None = None) -> float | None:
        """Return the Dice coefficient of two masks, None where both are empty."""
        return measure.dice(self.mask(first), self.mask(second), frame)

    # Within

    def _transform(self, frame: int, name: str, function: Any, *arguments: Any) -> bool:
        self._check_frame(frame)
        self.end_stroke()
        mask = self.active
        if mask is None:
            return False
        return self.set_frame(frame, function(mask.frame(frame), *arguments), name)

    def _flip(self, mask: Mask | None, frame: int, stamp: Stamp, name: str) -> bool:
        """Flip pixels as one step, adding a mask first where there is none."""
        inner = bounds(stamp.cover)
        if inner.is_empty:
            return False
        edits: list[Edit] = []
        if mask is None:
            mask, edits = self._automatic()
        self._unlocked(mask.id)
        edit = self._pixel_edit(mask, frame, stamp)
        edit.apply()
        self._remember(name, [*edits, edit])
        return True

    def _pixel_edit(self, mask: Mask, frame: int, stamp: Stamp) -> PixelEdit:
        return PixelEdit(self._store, mask.id, frame, pack(stamp.box, stamp.cover))
