"""The masks of one image as a list: which there are, what they are called, and the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.change import Change, Listener, Turn
from engine.masks.edits import Attribute, AttributeEdit, OrderEdit, PresenceEdit
from engine.masks.history import DEFAULT_LIMIT_BYTES, Edit, History, Step
from engine.masks.labels import Label, colour_of
from engine.masks.mask import COLOURS, ImageReference, Mask, checked_colour, checked_label, describe
from engine.masks.records import mask_from_meta
from engine.masks.steps import SavedStep, fit, live_steps
from engine.masks.store import MaskStore

DEFAULT_LABEL = "Lesion"


class MaskCollection:
    """Several named masks on one image, the active one, history, and listeners.

    What is drawn in them is ``MaskDocument``'s. An operation that changes nothing leaves no step
    to undo. A locked mask refuses to be changed or removed with ``MaskError``.
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
        #: New masks take their colours from this list, where their name is in it.
        self.labels: tuple[Label, ...] = ()
        self._store = MaskStore()
        self._history = History(history_bytes)
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

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of a frame."""
        return self.reference.shape

    @property
    def frame_word(self) -> str:
        """What a frame of this image is called: "slice" of a stack, else "frame"."""
        return "slice" if self.geometry.slice_spacing or self.geometry.gaps else "frame"

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
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        return self._history.redo_text

    @property
    def history(self) -> History:
        """The steps, for showing them."""
        return self._history

    def undo(self) -> bool:
        """Turn the newest step back; return False if there was none."""
        self.end_stroke()
        done = self._history.undo()
        if done:
            self._store.emit(Change("history", turn=Turn("undo")))
        return done

    def redo(self) -> bool:
        """Do the step again that was undone last; return False if there was none."""
        self.end_stroke()
        done = self._history.redo()
        if done:
            self._store.emit(Change("history", turn=Turn("redo")))
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

    def show_only(self, mask_id: str) -> None:
        """Show one mask and hide all others, as one step."""
        mask = self.mask(mask_id)
        self._set_each(
            "visible", {m.id: m is mask for m in self.masks}, f"Show only “{mask.label}”"
        )

    def show_all(self) -> None:
        """Show every mask, as one step."""
        self._set_each("visible", {m.id: True for m in self.masks}, "Show all masks")

    def relabel(self, labels: Mapping[str, tuple[str, str]], name: str = "") -> None:
        """Give masks (by id) a label and a colour, as one step."""
        self.end_stroke()
        edits: list[Edit] = []
        for mask_id, (label, colour) in labels.items():
            edits += self._attribute(mask_id, "label", checked_label(label))
            edits += self._attribute(mask_id, "colour", checked_colour(colour))
        one = self.mask(next(iter(labels))).label if len(labels) == 1 else ""
        self._do(name or (f"Change label of “{one}”" if one else "Change labels"), edits)

    def give_label(self, mask_id: str, label: Label) -> None:
        """Give a mask a label of a list, with its colour, as one step."""
        name = f"Label “{self.mask(mask_id).label}” as “{label.name}”"
        self.relabel({mask_id: (label.name, label.colour)}, name)

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
        self._store.emit(Change("history", turn=Turn("forget")))

    def restore_history(self, done: Sequence[SavedStep], undone: Sequence[SavedStep]) -> bool:
        """Take the steps that were done before a restart; return whether they fit the masks.

        None are taken where they do not.
        """
        if not fit(done, undone, [mask.id for mask in self.masks]):
            return False

        def make(about: Any) -> Mask:
            return mask_from_meta(about, self.reference)

        try:
            steps = live_steps(done, undone, self._store, make)
        except (ValueError, KeyError, TypeError):
            return False
        self._history.restore(*steps)
        self._store.emit(Change("history"))
        return True

    # Within

    def end_stroke(self) -> None:
        """Finish what is being drawn, before anything else happens."""

    def cancel_stroke(self) -> None:
        """Take back what is being drawn."""

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
        listed = colour_of(name, self.labels)
        taken = {m.colour.upper() for m in self.masks}
        if not colour and listed is not None and listed.upper() not in taken:
            colour = listed
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

    def _attribute(self, mask_id: str, attribute: Attribute, value: Any) -> list[Edit]:
        before = getattr(self.mask(mask_id), attribute)
        if before == value:
            return []
        return [AttributeEdit(self._store, mask_id, attribute, before, value)]

    def _set_each(self, attribute: Attribute, values: Mapping[str, Any], name: str) -> None:
        self.end_stroke()
        edits: list[Edit] = []
        for mask_id, value in values.items():
            edits += self._attribute(mask_id, attribute, value)
        self._do(name, edits)

    def _set(self, mask_id: str, attribute: Attribute, value: Any, verb: str) -> None:
        name = f"{verb} mask “{self.mask(mask_id).label}”"
        self._set_each(attribute, {mask_id: value}, name)

    def _do(self, name: str, edits: Sequence[Edit]) -> bool:
        for edit in edits:
            edit.apply()
        if edits:
            self._remember(name, edits)
        return bool(edits)

    def _remember(self, name: str, edits: Sequence[Edit]) -> None:
        step = Step(name, edits)
        self._history.push(step)
        self._store.emit(Change("history", turn=Turn("push", step)))

    def _revert(self, edits: Sequence[Edit]) -> None:
        for edit in reversed(edits):
            edit.revert()
