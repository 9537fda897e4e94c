"""Masks that were there before: those saved while drawing, and those that came with the image."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.errors import SaliscopeError
from engine.images.case import Series
from engine.images.image import Image
from viewer.settings import Settings

if TYPE_CHECKING:
    from engine.masks.mask import Mask

REFERENCE = "reference"
"""Id of the mask that came with the image; the file's version counts whenever it is opened."""


def what_was_kept(masks: Iterable[Mask], word: str, saved_at: float) -> str:
    """Return how much has been drawn and when it was last saved, "" if nothing has been.

    "2 masks on 7 slices, saved today at 14:32". word: what a frame is called; saved_at: seconds
    since 1970.
    """
    drawn = [mask for mask in masks if mask.id != REFERENCE and not mask.is_empty]
    if not drawn:
        return ""
    frames = {index for mask in drawn for index, pixels in mask.frames.items() if pixels.any()}
    total = drawn[0].reference.frames
    text = f"{len(drawn)} mask{'s' if len(drawn) > 1 else ''}"
    if total > 1:
        text += f" on {len(frames)} {word}{'s' if len(frames) > 1 else ''}"
    if saved_at:
        when, now = datetime.fromtimestamp(saved_at), datetime.now()
        days = (now.date() - when.date()).days
        day = {0: "today", 1: "yesterday"}.get(days, f"on {when:%d %B %Y}".replace(" 0", " "))
        text += f", saved {day} at {when:%H:%M}"
    return text


def kept_of_last(settings: Settings) -> str:
    """Return what is saved of the image that was open when the program last ran, "" if nothing."""
    from engine.masks.autosave import restore
    from engine.masks.mask import ImageReference

    image = settings.open_image
    if image is None:
        return ""
    key, frames, rows, cols = image
    try:
        found = restore(ImageReference(key, frames, (rows, cols)))
    except OSError:
        return ""
    if found is None:
        return ""
    return what_was_kept(found.masks, "slice", found.saved_at)


class References:
    """The reference mask of a series, read off the GUI thread: bool (frames, rows, cols)."""

    def __init__(self, series: Series) -> None:
        self.pixels: NDArray[np.bool_] | None = None
        self.problem = ""
        if not series.has_reference:
            return
        from engine.images.reference import read_reference_volume

        try:
            self.pixels = read_reference_volume(series)
        except SaliscopeError as error:
            self.problem = str(error)

    def of(self, image: Image) -> NDArray[np.bool_] | None:
        """Return the part that belongs to the frames of an image that could be read."""
        from engine.images.reference import of_frames

        return None if self.pixels is None else of_frames(self.pixels, image)

    def mask(self, image: Image, saved: Iterable[Mask]) -> Mask | None:
        """Return that part as a locked mask, named and shown as it is among the ``saved`` masks.

        None where it does not fit the image or marks nothing.
        """
        from engine.masks.mask import ImageReference, Mask

        pixels, owner = self.of(image), ImageReference.of(image)
        if pixels is None or pixels.shape != (owner.frames, *owner.shape) or not pixels.any():
            return None
        known = next((m for m in saved if m.id == REFERENCE), None)
        return Mask(
            owner,
            known.label if known else "Reference",
            colour=reference_colour(known),
            visible=known.visible if known else True,
            locked=True,
            id=REFERENCE,
            frames={i: frame for i, frame in enumerate(pixels) if frame.any()},
        )


def reference_colour(known: Mask | None) -> str:
    """Return the colour of the reference: as the reader chose it, where it was saved before."""
    from engine.masks.mask import COLOURS, REFERENCE_COLOUR

    if known is None or known.colour == COLOURS[1]:  # what it was in once, like lines of a map
        return REFERENCE_COLOUR
    return known.colour


class Storage(QObject):
    """The document of one image, saved as it is drawn until ``close``."""

    message = Signal(str)

    def __init__(self, image: Image, references: References, parent: QObject) -> None:
        super().__init__(parent)
        from engine.masks.autosave import Autosave
        from engine.masks.document import MaskDocument

        self.document = MaskDocument(image)
        self._autosave = Autosave(self.document, self.message.emit)
        self.notes = [(note, "warning") for note in self._autosave.notes]
        kept = what_was_kept(self.document.masks, self.document.frame_word, self._autosave.saved_at)
        if kept:
            self.notes.append((f"What you drew on this image has been restored: {kept}.", "good"))
        if references.problem:
            self.notes.append((references.problem, "warning"))
        mask = references.mask(image, self.document.masks)
        if mask is not None:
            self._add_reference(mask)

    def close(self) -> None:
        """Write what is left and let go of the image."""
        self._autosave.close()
        self.deleteLater()

    def _add_reference(self, mask: Mask) -> None:
        from engine.masks.mask import COLOURS, Mask

        known = next((m for m in self.document.masks if m.id == REFERENCE), None)
        if known is not None and known.same_pixels(mask) and known.colour == mask.colour:
            return
        active = self.document.active
        own = [m.copy(id=m.id) for m in self.document.masks if m.id != REFERENCE]
        if not own:  # the reader's own comes first, so that the brush never meets the locked one
            own = [Mask(mask.reference, "Lesion", colour=COLOURS[0])]
        chosen = active.id if active is not None and active.id != REFERENCE else own[-1].id
        with self._autosave.together():
            self.document.load([mask, *own], chosen)
