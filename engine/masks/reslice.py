"""Masks drawn on a stack cut along another axis, brought onto the slices as acquired."""

from __future__ import annotations

from engine.images.image import Image
from engine.images.reslice import reslice_layout
from engine.images.voxels import to_voxels
from engine.masks.mask import ImageReference, Mask


def as_acquired(mask: Mask, image: Image, axis: int) -> Mask:
    """Return a mask of ``reslice(image, axis)`` as a mask of the image: the same voxels.

    The mask itself for axis 0. Raises ``InvalidInputError`` where the image is no even stack,
    ``MaskError`` for a mask of another size.
    """
    if axis == 0:
        return mask
    where = reslice_layout(image, axis)
    expected = tuple(where.shape[a] for a in where.axes)
    if (mask.reference.frames, *mask.shape) != expected:
        mask.check_fits(image)  # which says of what size they are
    voxels = to_voxels(mask.volume(), where)
    return Mask(
        ImageReference.of(image),
        mask.label,
        colour=mask.colour,
        author=mask.author,
        visible=mask.visible,
        locked=mask.locked,
        id=mask.id,
        frames={i: frame for i, frame in enumerate(voxels) if frame.any()},
        notes=mask.notes,
    )
