"""The masks of one image as they are being drawn: every change has a name and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks import measure, operations, shapes
from engine.masks.change import Change, Listener
from engine.masks.edits import Attribute, AttributeEdit, OrderEdit, PixelEdit, PresenceEdit
from engine.masks.history import DEFAULT_LIMIT_BYTES, Edit, History, Step
from engine.masks.mask import COLOURS, ImageReference, Mask, checked_colour, checked_label, describe
from engine.masks.packing import pack
from engine.masks.shapes import Point, Stamp, bounds
from engine.masks.store import MaskStore
from engine.masks.stroke import Stroke

DEFAULT_LABEL = "Lesion"


class MaskDocument:
    """Several named masks on one image, the active one, history, and listeners.

    It belongs to one thread (the window's). An operation that changes nothing leaves no step to
    undo. A locked mask refuses changes with ``MaskError``; a frame that the image does not have
    raises ``IndexError``. An operation during a stroke ends the stroke first.
    """

    def __init__(
        self,
        image: Image,
        masks: Iterable[Mask] = (),
        *,
        author: str = "",
        history_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        self.reference = ImageReference.of(image)
        self.geometry = image.geometry
        self.author = author
        self._store = MaskStore()
        self._history = History(history_bytes)
        self._stroke: Stroke | None = None
        self._stroke_edits: list[Edit] = []
        self.load(masks)

    # What is there

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The masks in order, the first drawn lowest."""
        return tuple(self._store.masks)

    @property
    def active(self) -> Mask | None:
        """The mask that is drawn on."""
        return self._store.get(self._store.active_id) if self._store.active_id else None

    def mask(self, mask_id: str) -> Mask:
        """Return a mask; ``KeyError`` if there is none of this id."""
        return self._store.get(mask_id)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(Change)`` after every change; return what ends that."""
        return self._store.subscribe(listener)

    # History

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self.undo_text)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self.redo_text)

    @property
    def undo_text(self) -> str:
        """What undo would turn back ("Brush stroke"), "" if nothing."""
        if self._stroke is not None and self._stroke.touched:
            return self._stroke.name
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        return "" if self._stroke is not None else self._history.redo_text

    @property
    def history(self) -> History:
        """The steps, for showing them."""
        return self._history

    def undo(self) -> bool:
        """Turn the newest step back; return False if there was none."""
        self.end_stroke()
        done = self._history.undo()
        if done:
            self._store.emit(Change("history"))
        return done

    def redo(self) -> bool:
        """Do the step again that was undone last; return False if there was none."""
        self.end_stroke()
        done = self._history.redo()
        if done:
            self._store.emit(Change("history"))
        return done

    # Masks

    def add_mask(self, label: str = "", *, colour: str = "", author: str | None = None) -> Mask:
        """Add an empty mask on top and make it active; a name that is taken gets a number."""
        self.end_stroke()
        mask = self._new_mask(label, colour, author)
        self._do(f"Add mask “{mask.label}”", [self._added(mask)])
        return mask

    def import_mask(self, mask: Mask) -> Mask:
        """Add a copy of a mask that was read or drawn elsewhere.

        An id or a colour that is taken is exchanged, and a name that is taken gets a number.
        Raises ``MaskError`` if it does not have the image's size.
        """
        self.end_stroke()
        mine = self._adopt(mask)
        edit = self._added(mine, pixels=mask)
        self._do(f"Import mask “{mine.label}”", [edit])
        return mine

    def duplicate_mask(self, mask_id: str) -> Mask:
        """Add a copy of a mask under its own name and colour."""
        self.end_stroke()
        source = self.mask(mask_id)
        mine = self._new_mask(source.label, "", None)
        self._do(f"Duplicate mask “{source.label}”", [self._added(mine, pixels=source)])
        return mine

    def remove_mask(self, mask_id: str) -> None:
        """Remove a mask with its pixels."""
        self.end_stroke()
        mask = self._unlocked(mask_id)
        edit = PresenceEdit(self._store, mask, self._store.index(mask_id), added=False)
        self._do(f"Remove mask “{mask.label}”", [edit])

    def remove_all(self) -> None:
        """Remove every mask in one step; ``MaskError``, and nothing done, if one is locked."""
        self.end_stroke()
        masks = [self._unlocked(m.id) for m in self.masks]
        edits = [PresenceEdit(self._store, m, i, added=False) for i, m in enumerate(masks)]
        self._do("Remove all masks", list(reversed(edits)))

    def rename(self, mask_id: str, label: str) -> None:
        """Give a mask another name."""
        self._set(mask_id, "label", checked_label(label), "Rename")

    def recolour(self, mask_id: str, colour: str) -> None:
        """Give a mask another colour, "#rrggbb"."""
        self._set(mask_id, "colour", checked_colour(colour), "Recolour")

    def set_author(self, mask_id: str, author: str) -> None:
        """Say who drew a mask."""
        self._set(mask_id, "author", author, "Change author of")

    def set_visible(self, mask_id: str, visible: bool) -> None:
        """Show or hide a mask."""
        self._set(mask_id, "visible", visible, "Show" if visible else "Hide")

    def set_locked(self, mask_id: str, locked: bool) -> None:
        """Guard a mask against changes, or no longer."""
        self._set(mask_id, "locked", locked, "Lock" if locked else "Unlock")

    def move_mask(self, mask_id: str, index: int) -> None:
        """Put a mask at another place in the order."""
        self.end_stroke()
        before = [m.id for m in self.masks]
        after = [i for i in before if i != self.mask(mask_id).id]
        after.insert(min(max(index, 0), len(after)), mask_id)
        if after != before:
            name = f"Move mask “{self.mask(mask_id).label}”"
            self._do(name, [OrderEdit(self._store, before, after)])

    def set_active(self, mask_id: str) -> None:
        """Choose the mask that is drawn on. A choice, not a change: it is not undone."""
        self.end_stroke()
        self._store.activate(self.mask(mask_id).id)

    def load(self, masks: Iterable[Mask], active: str = "") -> None:
        """Replace everything, history included, as after opening; ``MaskError`` on a misfit."""
        self.cancel_stroke()
        new = [(self._adopt(mask, fresh=True), mask) for mask in masks]
        for mask in reversed(self.masks):
            self._store.take(mask.id)
        self._history.clear()
        for mine, source in new:
            self._added(mine, pixels=source).apply()
        if any(mine.id == active for mine, _ in new):
            self._store.activate(active)
        self._store.emit(Change("history"))

    # Strokes

    def begin_stroke(
        self, frame: int, point: Point, radius: float, *, erase: bool = False, name: str = ""
    ) -> None:
        """Put a round brush of ``radius`` pixels down at ``point`` (row, col) of a frame.

        It draws on the active mask; drawing without one adds “Lesion” within the same step, and
        erasing without one does nothing.
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
        title = name or ("Erase" if erase else "Brush stroke")
        try:
            stroke = Stroke(self._store, mask, frame, point, radius, erase=erase, name=title)
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
        self._stroke, self._stroke_edits = None, []
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
        self._stroke, self._stroke_edits = None, []
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
        return self._flip(mask, frame, Stamp(box, flipped), name or ("Erase" if erase else "Paint"))

    def fill_polygon(self, frame: int, vertices: Sequence[Point], *, erase: bool = False) -> bool:
        """Add (or erase) a polygon of (row, col), even-odd."""
        stamp = shapes.polygon(vertices, self.shape)
        return self.paint(frame, stamp, erase=erase, name="Erase polygon" if erase else "Polygon")

    def fill_lasso(self, frame: int, path: Sequence[Point], *, erase: bool = False) -> bool:
        """Add (or erase) what a freehand line goes round."""
        stamp = shapes.lasso(path, self.shape)
        return self.paint(frame, stamp, erase=erase, name="Erase lasso" if erase else "Lasso")

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
        return self._flip(mask, frame, shapes.stamp_of(flipped), name)

    def clear(self, frame: int | None = None) -> bool:
        """Erase one frame of the active mask, or all of them in one step."""
        self.end_stroke()
        mask = self.active
        if frame is not None:
            self._check_frame(frame)
            empty = np.zeros(self.shape, np.bool_)
            return mask is not None and self.set_frame(frame, empty, "Clear frame")
        if mask is None or mask.is_empty:
            return False
        self._unlocked(mask.id)
        edits = [self._pixel_edit(mask, i, shapes.stamp_of(p)) for i, p in mask.frames.items()]
        return self._do(f"Clear mask “{mask.label}”", edits)

    def grow(self, frame: int, distance: float = 1.0) -> bool:
        """Grow the frame by ``distance`` pixels."""
        return self._transform(frame, "Grow", operations.grow, distance)

    def shrink(self, frame: int, distance: float = 1.0) -> bool:
        """Shrink the frame by ``distance`` pixels."""
        return self._transform(frame, "Shrink", operations.shrink, distance)

    def smooth(self, frame: int, sigma: float = 2.0) -> bool:
        """Round the outline on a frame."""
        return self._transform(frame, "Smooth", operations.smooth, sigma)

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
        return self.set_frame(target, mask.frame(source).copy(), "Copy frame")

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

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of a frame."""
        return self.reference.shape

    # Within

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < self.reference.frames:
            raise IndexError(f"frame {frame} of {self.reference.frames}")

    def _unlocked(self, mask_id: str) -> Mask:
        mask = self.mask(mask_id)
        if mask.locked:
            raise MaskError(
                f"The mask “{mask.label}” is locked against changes; unlock it to change it."
            )
        return mask

    def _new_mask(self, label: str, colour: str, author: str | None) -> Mask:
        name = self._free_label(checked_label(label or DEFAULT_LABEL))
        author = self.author if author is None else author
        colour = colour or self._free_colour()
        return Mask(self.reference, name, colour=colour, author=author)

    def _free_label(self, label: str) -> str:
        taken = {m.label for m in self.masks}
        name, number = label, 2
        while name in taken:
            name, number = f"{label} {number}", number + 1
        return name

    def _free_colour(self) -> str:
        used = [m.colour.upper() for m in self.masks]
        return min(COLOURS, key=lambda c: (used.count(c), COLOURS.index(c)))

    def _adopt(self, mask: Mask, fresh: bool = False) -> Mask:
        """Return an empty mask of this image with the attributes of another, its id if free."""
        if mask.shape != self.shape or mask.reference.frames != self.reference.frames:
            raise MaskError(
                f"The mask “{mask.label}” ({describe(mask.reference.frames, mask.shape)}) does not "
                f"fit this image ({describe(self.reference.frames, self.shape)}); open the image "
                "that it was drawn on."
            )
        label, colour, mask_id = mask.label, mask.colour, mask.id
        if not fresh:
            label = self._free_label(label)
            if any(m.colour.upper() == colour.upper() for m in self.masks):
                colour = self._free_colour()
            if any(m.id == mask_id for m in self.masks):
                mask_id = ""
        return Mask(
            self.reference,
            label,
            colour=colour,
            author=mask.author,
            visible=mask.visible,
            locked=mask.locked,
            id=mask_id,
            notes=mask.notes,
        )

    def _added(self, mask: Mask, pixels: Mask | None = None) -> PresenceEdit:
        edit = PresenceEdit(self._store, mask, len(self.masks), added=True)
        if pixels is not None:
            edit.hold(pixels)
        return edit

    def _automatic(self) -> tuple[Mask, list[Edit]]:
        """Add “Lesion” for a drawing that was begun without a mask."""
        mask = self._new_mask("", "", None)
        edit = self._added(mask)
        edit.apply()
        return mask, [edit]

    def _set(self, mask_id: str, attribute: Attribute, value: Any, verb: str) -> None:
        self.end_stroke()
        mask = self.mask(mask_id)
        before = getattr(mask, attribute)
        if before != value:
            edit = AttributeEdit(self._store, mask_id, attribute, before, value)
            self._do(f"{verb} mask “{mask.label}”", [edit])

    def _transform(self, frame: int, name: str, function: Any, *arguments: float) -> bool:
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

    def _do(self, name: str, edits: Sequence[Edit]) -> bool:
        for edit in edits:
            edit.apply()
        if edits:
            self._remember(name, edits)
        return bool(edits)

    def _remember(self, name: str, edits: Sequence[Edit]) -> None:
        self._history.push(Step(name, edits))
        self._store.emit(Change("history"))

    def _revert(self, edits: Sequence[Edit]) -> None:
        for edit in reversed(edits):
            edit.revert()
