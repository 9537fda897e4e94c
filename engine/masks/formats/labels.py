"""Label arrays: several masks as the numbers 1, 2, ... in one array, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.formats.files import cannot_read
from engine.masks.mask import COLOURS, ImageReference, Mask

#: A file with more labels than this is no drawing but a parcellation, or an image.
MAX_LABELS = 64


class Named(NamedTuple):
    """What a file says of one of its labels."""

    label: str
    colour: str | None = None


def gather(masks: Sequence[Mask], image: Image) -> NDArray[np.uint8]:
    """Return (frames, rows, cols) of labels 1, 2, ... in the masks' order.

    Raises ``MaskError`` on a misfit or an overlap, which one label a pixel cannot hold.
    """
    if not 1 <= len(masks) <= 255:
        raise ValueError("one to 255 masks fit a label file")
    labels = np.zeros((image.frames, *image.shape), np.uint8)
    for number, mask in enumerate(masks, start=1):
        mask.check_fits(image)
        for index, pixels in mask.frames.items():
            if labels[index][pixels].any():
                raise MaskError(
                    f"The mask “{mask.label}” overlaps another one, and a label file holds one "
                    "label a voxel; export one file a mask."
                )
            labels[index][pixels] = number
    return labels


def split(
    path: Path,
    values: NDArray[Any],
    image: Image,
    stem: str,
    notes: Sequence[str] = (),
    names: Mapping[int, Named] | None = None,
) -> list[Mask]:
    """Return one mask a label of (frames, rows, cols), at least one: "STEM 1", "STEM 2", ...

    names: what the file calls a label, where it does. Raises ``MaskError`` where the values are
    plainly no labels.
    """
    found = [v for v in np.unique(values).tolist() if v != 0]
    if len(found) > MAX_LABELS or any(v != int(v) for v in found):
        raise cannot_read(
            path, "its values are no labels (few whole numbers)", "check that it is a mask"
        )
    reference, masks = ImageReference.of(image), []
    for position, value in enumerate(found):
        frames = {i: values[i] == value for i in range(image.frames)}
        plain = Named(stem if len(found) == 1 else f"{stem} {int(value)}")
        named = (names or {}).get(int(value), plain)
        colour = named.colour or COLOURS[position % len(COLOURS)]
        masks.append(Mask(reference, named.label, colour=colour, frames=frames, notes=notes))
    return masks or [Mask(reference, stem, notes=notes)]
