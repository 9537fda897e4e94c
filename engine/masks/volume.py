"""Operations through the slices of a mask, in three dimensions.

Each takes a mask and returns the frames it would change, bool (rows, cols) by index; the mask is
left as it is, so that the work can run beside a hand that draws on (``MaskDocument.merge`` brings
it in). Slices are worked on one after the other: memory stays that of a few slices, and the
progress can be cancelled between any two.

spacing: (slices, rows, columns), in the unit of the distance.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from engine.masks.components import Linked
from engine.masks.mask import Mask
from engine.masks.shapes import BORDER_TOLERANCE, EMPTY_BOX, Box, bounds
from engine.progress import Progress

Pixels = NDArray[np.bool_]
Frames = dict[int, Pixels]
Spacing3 = tuple[float, float, float]


def each_frame(
    mask: Mask, operation: Callable[[Pixels], Pixels], progress: Progress | None = None
) -> Frames:
    """Do a two-dimensional operation on every drawn frame by itself."""
    progress = progress or Progress()
    found = {}
    for done, (index, pixels) in enumerate(mask.frames.items()):
        progress.report(done / len(mask.frames))
        found[index] = operation(pixels)
    return found


def grow(
    mask: Mask, distance: float, spacing: Spacing3, progress: Progress | None = None
) -> Frames:
    """Add every voxel whose centre lies within ``distance`` of a marked one."""
    extent = _extent(mask)
    if extent.is_empty:
        return {}
    rows, cols = (int(distance / step) + 1 for step in spacing[1:])
    box = Box(
        max(extent.top - rows, 0),
        max(extent.left - cols, 0),
        min(extent.bottom + rows, mask.shape[0]),
        min(extent.right + cols, mask.shape[1]),
    )

    def marked(index: int) -> Pixels:
        inner: Pixels = mask.frame(index)[box.slices]
        return inner

    return _within(mask, box, marked, distance, spacing, progress, near=True)


def shrink(
    mask: Mask, distance: float, spacing: Spacing3, progress: Progress | None = None
) -> Frames:
    """Keep the voxels farther than ``distance`` from any unmarked one or the stack's edges.

    What lies beyond the first and the last slice is not known to be marked, as beyond the edges of
    each.
    """
    extent = _extent(mask)
    if extent.is_empty:
        return {}
    # One more on each side, also beyond the image: unmarked, which is what shrinking goes by.
    box = Box(extent.top - 1, extent.left - 1, extent.bottom + 1, extent.right + 1)

    def unmarked(index: int) -> Pixels:
        around = np.ones(box.shape, np.bool_)
        if 0 <= index < mask.reference.frames:
            around[1:-1, 1:-1] = ~mask.frame(index)[extent.slices]
        return around

    return _within(mask, box, unmarked, distance, spacing, progress, near=False)


def smooth(mask: Mask, sigma: float, spacing: Spacing3, progress: Progress | None = None) -> Frames:
    """Round the surface: Gaussian blur of ``sigma``, then a threshold of one half.

    Beyond the stack's edges its outermost voxels go on.
    """
    from scipy import ndimage

    progress = progress or Progress()
    drawn = _drawn(mask)
    if not drawn:
        return {}
    reach = [int(4 * sigma / step + 0.5) for step in spacing]
    extent = _extent(mask)
    box = Box(
        max(extent.top - reach[1], 0),
        max(extent.left - reach[2], 0),
        min(extent.bottom + reach[1], mask.shape[0]),
        min(extent.right + reach[2], mask.shape[1]),
    )
    # As scipy's gaussian_filter1d makes them, so that three passes are its gaussian_filter.
    offsets = np.arange(-reach[0], reach[0] + 1)
    weights = np.exp(-0.5 * (offsets * spacing[0] / sigma) ** 2)
    weights /= weights.sum()
    last = mask.reference.frames - 1
    first, stop = max(drawn[0] - reach[0], 0), min(drawn[-1] + reach[0], last) + 1
    blurred: OrderedDict[int, NDArray[np.float32]] = OrderedDict()
    found = {}
    for done, index in enumerate(range(first, stop)):
        progress.report(done / (stop - first))
        total = np.zeros(box.shape, np.float32)
        for offset, weight in zip(offsets.tolist(), weights.tolist(), strict=True):
            source = min(max(index + offset, 0), last)
            if source not in blurred:
                inner = mask.frame(source)[box.slices].astype(np.float32)
                sigmas = (sigma / spacing[1], sigma / spacing[2])
                blurred[source] = ndimage.gaussian_filter(inner, sigmas, mode="nearest")
                while len(blurred) > len(offsets) + 1:
                    blurred.popitem(last=False)
            total += np.float32(weight) * blurred[source]
        out = np.zeros(mask.shape, np.bool_)
        out[box.slices] = total >= 0.5
        found[index] = out
    return found


def keep_largest(mask: Mask, progress: Progress | None = None) -> Frames:
    """Keep the largest connected piece, corners connecting; of equals, the one met first."""
    drawn = _drawn(mask)
    if not drawn:
        return {}
    box = _extent(mask)
    linked = Linked(
        drawn, lambda index: mask.frame(index)[box.slices], corners=True, progress=progress
    )
    largest = int(linked.sizes.argmax())
    found = {}
    for index in drawn:
        out = np.zeros(mask.shape, np.bool_)
        out[box.slices] = linked.region(index, largest)
        found[index] = out
    return found


def _drawn(mask: Mask) -> list[int]:
    return [index for index, pixels in mask.frames.items() if pixels.any()]


def _extent(mask: Mask) -> Box:
    """Return the smallest box around what is marked on any frame."""
    boxes = [box for pixels in mask.frames.values() if not (box := bounds(pixels)).is_empty]
    if not boxes:
        return EMPTY_BOX
    return Box(
        min(b.top for b in boxes),
        min(b.left for b in boxes),
        max(b.bottom for b in boxes),
        max(b.right for b in boxes),
    )


def _within(
    mask: Mask,
    box: Box,
    source: Callable[[int], Pixels],
    distance: float,
    spacing: Spacing3,
    progress: Progress | None,
    *,
    near: bool,
) -> Frames:
    """Return where the source is within ``distance`` (near), or within the mask where it is not.

    The distance to the nearest voxel is the least over the slices of the distance within the
    slice and the distance between the slices, squared and added: exact, slice by slice.
    """
    from scipy import ndimage

    progress = progress or Progress()
    drawn = _drawn(mask)
    reach = int((distance + BORDER_TOLERANCE) / spacing[0])
    squares: OrderedDict[int, NDArray[np.float64] | None] = OrderedDict()

    def square(index: int) -> NDArray[np.float64] | None:
        if index not in squares:
            pixels = source(index)
            squares[index] = (
                ndimage.distance_transform_edt(~pixels, sampling=spacing[1:]) ** 2
                if pixels.any()
                else None
            )
            while len(squares) > 2 * reach + 2:
                squares.popitem(last=False)
        return squares[index]

    if near:
        first = max(drawn[0] - reach, 0)
        wanted = list(range(first, min(drawn[-1] + reach, mask.reference.frames - 1) + 1))
    else:
        wanted = drawn
    limit = (distance + BORDER_TOLERANCE) ** 2
    found: Frames = {}
    for done, index in enumerate(wanted):
        progress.report(done / len(wanted))
        close = np.zeros(box.shape, np.bool_)
        for offset in range(-reach, reach + 1):
            at = index + offset
            if near and not 0 <= at < mask.reference.frames:
                continue
            away = square(at)
            if away is not None:
                close |= away + (offset * spacing[0]) ** 2 <= limit
        out = mask.frame(index).copy()
        if near:
            out[box.slices] |= close
        else:
            inner = Box(box.top + 1, box.left + 1, box.bottom - 1, box.right - 1)
            out[inner.slices] &= ~close[1:-1, 1:-1]
        found[index] = out
    return found


def changed(mask: Mask, frames: Mapping[int, Pixels]) -> Frames:
    """Return the frames that differ from the mask's."""
    return {i: p for i, p in frames.items() if not np.array_equal(p, mask.frame(i))}
