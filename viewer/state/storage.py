"""Masks that were there before: those saved while drawing, and those that came with the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.errors import SaliscopeError
from engine.images.case import Series
from engine.images.image import Image

REFERENCE = "reference"
"""Id of the mask that came with the image; the file's version counts whenever it is opened."""
RESTORED = "The masks that you drew on this image have been restored."


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
        if any(mask.id != REFERENCE and not mask.is_empty for mask in self.document.masks):
            self.notes.append((RESTORED, "good"))
        if references.problem:
            self.notes.append((references.problem, "warning"))
        if references.pixels is not None and self._fits(references.pixels):
            self._add_reference(references.pixels)

    def close(self) -> None:
        """Write what is left and let go of the image."""
        self._autosave.close()
        self.deleteLater()

    def _fits(self, pixels: NDArray[np.bool_]) -> bool:
        reference = self.document.reference
        return pixels.shape == (reference.frames, *reference.shape) and bool(pixels.any())

    def _add_reference(self, pixels: NDArray[np.bool_]) -> None:
        from engine.masks.mask import COLOURS, Mask

        owner = self.document.reference
        frames = {i: frame for i, frame in enumerate(pixels) if frame.any()}
        known = next((m for m in self.document.masks if m.id == REFERENCE), None)
        mask = Mask(
            owner,
            known.label if known else "Reference",
            colour=known.colour if known else COLOURS[1],
            visible=known.visible if known else True,
            locked=True,
            id=REFERENCE,
            frames=frames,
        )
        if known is not None and known.same_pixels(mask):
            return
        active = self.document.active
        own = [m.copy(id=m.id) for m in self.document.masks if m.id != REFERENCE]
        if not own:  # the reader's own comes first, so that the brush never meets the locked one
            own = [Mask(owner, "Lesion", colour=COLOURS[0])]
        chosen = active.id if active is not None and active.id != REFERENCE else own[-1].id
        self.document.load([mask, *own], chosen)
