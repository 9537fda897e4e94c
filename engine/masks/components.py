"""Connected pieces through a stack of slices, found slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.progress import Progress


class Linked:
    """The connected pieces of a stack of slices that are made one at a time.

    Each slice is labelled by itself, and pieces that touch from one slice to the next are joined
    in a graph: the same pieces as labelling the whole volume gives, in the memory of its labels,
    and with a chance to stop after every slice.

    indices: of the slices, ascending; those that are not one apart do not touch. pixels: makes the
    slice of an index, bool (rows, cols). corners: whether voxels that share a corner are
    neighbours (26 of them), or only those that share a side (6).
    """

    def __init__(
        self,
        indices: Sequence[int],
        pixels: Callable[[int], NDArray[np.bool_]],
        *,
        corners: bool,
        progress: Progress | None = None,
    ) -> None:
        from scipy import ndimage, sparse

        progress = progress or Progress()
        structure = np.ones((3, 3), np.int8) if corners else None
        self._labels: dict[int, NDArray[np.int32]] = {}
        self._base: dict[int, int] = {}
        counts: list[NDArray[np.int64]] = []
        pairs: list[NDArray[np.int64]] = []
        total = 0
        before: int | None = None
        for done, index in enumerate(indices):
            progress.report(done / len(indices))
            labels, number = ndimage.label(pixels(index), structure=structure)
            self._labels[index], self._base[index] = labels.astype(np.int32, copy=False), total
            counts.append(np.bincount(labels.ravel(), minlength=number + 1)[1:])
            if before is not None and index == before + 1:
                pairs.append(self._touching(before, index, corners))
            total += number
            before = index
        ends = np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)
        graph = sparse.csr_matrix(
            (np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(total, total)
        )
        pieces, self._piece = sparse.csgraph.connected_components(graph, directed=False)
        sizes = np.concatenate(counts) if counts else np.empty(0, np.int64)
        self.sizes: NDArray[np.int64] = np.bincount(
            self._piece, weights=sizes, minlength=pieces
        ).astype(np.int64)

    def piece_at(self, index: int, row: int, col: int) -> int | None:
        """Return the number of the piece that a voxel belongs to, None if it is not marked."""
        label = int(self._labels[index][row, col])
        return None if label == 0 else int(self._piece[self._base[index] + label - 1])

    def region(self, index: int, piece: int) -> NDArray[np.bool_]:
        """Return where a piece lies on a slice, bool (rows, cols)."""
        labels, base = self._labels[index], self._base[index]
        number = int(labels.max(initial=0))
        mine = np.zeros(number + 1, np.bool_)
        mine[1:] = self._piece[base : base + number] == piece
        out: NDArray[np.bool_] = mine[labels]
        return out

    def _touching(self, lower: int, upper: int, corners: bool) -> NDArray[np.int64]:
        """Return the pairs (n, 2) of labels that touch from one slice to the next."""
        below, above = self._labels[lower], self._labels[upper]
        shifts = [(0, 0)]
        if corners:
            shifts = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]
        rows, cols = below.shape
        found = []
        for dr, dc in shifts:
            one = below[max(dr, 0) : rows + min(dr, 0), max(dc, 0) : cols + min(dc, 0)]
            two = above[max(-dr, 0) : rows + min(-dr, 0), max(-dc, 0) : cols + min(-dc, 0)]
            both = (one > 0) & (two > 0)
            width = int(above.max(initial=0)) + 1
            codes = np.unique(one[both].astype(np.int64) * width + two[both])
            found.append(np.stack([codes // width, codes % width], axis=1))
        pairs: NDArray[np.int64] = np.unique(np.concatenate(found), axis=0) - 1
        pairs += np.array([self._base[lower], self._base[upper]])
        return pairs
