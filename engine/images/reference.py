"""Reference masks that came with an image, as booleans on its own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import UnreadableImageError
from engine.images import nifti, raster
from engine.images.case import Series
from engine.images.image import Image

GRID_TOLERANCE = 1e-3
"""Relative difference of two affines below which volumes lie on one grid."""

LOSSY_HALF = 128
"""JPEG rings around edges, so its masks are cut at half the range; others at anything above 0."""


def read_reference_volume(series: Series) -> NDArray[np.bool_]:
    """Return the reference masks of a series, OR-ed: bool (frames, rows, cols).

    Raises ``UnreadableImageError`` where a mask cannot be read or is of another size or place.
    """
    if not series.has_reference:
        raise UnreadableImageError(
            series.paths[0], "no reference mask came with it", "draw or import one"
        )
    shape = (series.frames, *series.shape)
    found = np.zeros(shape, np.bool_)
    for path in series.reference_masks:
        mask = _volume(path, series) if nifti.is_nifti(path.name) else _picture(path)
        if mask.shape != shape:
            raise _another_size(path, mask.shape[1:], series)
        found |= mask
    for frame, path in series.frame_masks:
        mask = _picture(path)
        if mask.shape != (1, *series.shape):
            raise _another_size(path, mask.shape[1:], series)
        found[frame] |= mask[0]
    return found


def of_frames(volume: NDArray[np.bool_], image: Image) -> NDArray[np.bool_]:
    """Return the part of a series' reference that belongs to the frames that could be read."""
    if len(volume) != image.frames + len(image.left_out):
        return volume
    return np.delete(volume, [one.place for one in image.left_out], axis=0)


def _another_size(path: Path, size: tuple[int, ...], series: Series) -> UnreadableImageError:
    return UnreadableImageError(
        path,
        f"it has {' × '.join(map(str, size))} pixels and its image "
        f"{' × '.join(map(str, series.shape))}",
        "use the mask that was made on this image",
    )


def read_reference_mask(series: Series, frame: int = 0) -> NDArray[np.bool_]:
    """Return the reference masks of one frame, OR-ed: bool (rows, cols)."""
    return read_reference_volume(series)[frame]  # type: ignore[no-any-return]


def _picture(path: Path) -> NDArray[np.bool_]:
    image = raster.read(path)
    pixels = image.pixels.max(axis=3) if image.is_colour else image.pixels
    lossy = path.suffix.lower() in (".jpg", ".jpeg", ".jpe")
    return np.asarray(pixels >= LOSSY_HALF if lossy else pixels > 0)


def _volume(path: Path, series: Series) -> NDArray[np.bool_]:
    own, theirs = nifti.read_header(path), nifti.read_header(series.paths[0])
    scale = np.abs(theirs.affine[:3]).max()
    if own.shape == theirs.shape and not np.allclose(
        own.affine, theirs.affine, atol=GRID_TOLERANCE * scale
    ):
        raise UnreadableImageError(
            path, "it lies elsewhere in the patient than its image", "use the image's own mask"
        )
    image = nifti.read(path, axis=nifti.default_axis(theirs))
    return np.asarray(image.pixels > 0)
