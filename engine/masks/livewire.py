"""Outlines that snap to edges: intelligent scissors.

Mortensen and Barrett, "Intelligent scissors for image composition", SIGGRAPH 1995: an image is a
graph whose neighbouring pixels are joined, cheaply along edges; the outline from an anchor to the
mouse is the cheapest path. The cost here is their gradient term alone (the steeper, the cheaper)
times the length of the step; with it a path is the same whichever end it is drawn from.

Near the anchor the cheapest paths to all pixels are found at once, so that following the mouse
only reads one back. Farther away, a path on a picture of a quarter the resolution is found first,
and then the cheapest one within a corridor around it: so a move of the mouse costs
milliseconds anywhere on a 1024 x 1024 image (tests/benchmarks/test_livewire.py).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.masks.shapes import Box

Path = NDArray[np.int64]

#: Up to this far from the anchor (pixels) all cheapest paths are found at once.
NEAR = 112
#: What a step of one pixel costs on the steepest edge, and on flat ground.
CHEAPEST, DEAREST = 0.06, 1.0
#: Gradients are those of the image blurred by this many pixels.
SIGMA = 1.2
#: Gradients above this percentile are all alike the steepest: a single glint is no measure.
STEEPEST = 97.0
#: The coarse picture's pixels are squares of this many.
COARSE = 4
#: Half the corridor around a coarse path, coarse pixels.
CORRIDOR = 2


class Livewire:
    """Cheapest paths along the edges of one frame.

    pixels: (rows, cols) of grey values. Values that are no numbers count as the smallest.
    """

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        finite = np.isfinite(pixels)
        if not finite.all():
            low = pixels[finite].min() if finite.any() else 0.0
            pixels = np.where(finite, pixels, np.float32(low))
        self._pixels = pixels.astype(np.float32, copy=False)
        self.shape = (int(pixels.shape[0]), int(pixels.shape[1]))
        self._anchor: tuple[int, int] | None = None
        self._box = Box(0, 0, 0, 0)
        self._near: _Tree | None = None
        self._far: _Tree | None = None

    @property
    def anchor(self) -> tuple[int, int] | None:
        """The pixel (row, col) that paths start from."""
        return self._anchor

    def set_anchor(self, point: tuple[int, int]) -> None:
        """Start from a pixel (row, col), moved into the image if need be."""
        point = self._inside(point)
        if point == self._anchor:
            return
        row, col = self._anchor = point
        self._box = Box(
            max(row - NEAR, 0),
            max(col - NEAR, 0),
            min(row + NEAR + 1, self.shape[0]),
            min(col + NEAR + 1, self.shape[1]),
        )
        self._near = self._far = None

    def path_to(self, point: tuple[int, int]) -> Path:
        """Return the cheapest path from the anchor to a pixel, int64 (n, 2) of (row, col).

        Both ends are in it; a point outside the image is moved to its edge. ``ValueError`` without
        an anchor.
        """
        if self._anchor is None:
            raise ValueError("a path starts from an anchor")
        row, col = point = self._inside(point)
        box = self._box
        if box.top <= row < box.bottom and box.left <= col < box.right:
            corner = np.array([box.top, box.left])
            if self._near is None:
                start = (self._anchor[0] - box.top, self._anchor[1] - box.left)
                self._near = _Tree(self.cost[box.slices], start)
            near: Path = self._near.path((row - box.top, col - box.left)) + corner
            return near
        return self._distant(point)

    def prepare(self) -> None:
        """Find all edges now; else that is done when the first path is asked for."""
        self.cost  # noqa: B018
        self._coarse  # noqa: B018

    @cached_property
    def cost(self) -> NDArray[np.float64]:
        """What a step of one pixel costs at each pixel, (rows, cols)."""
        return edge_cost(self._pixels, SIGMA)

    @cached_property
    def _coarse(self) -> NDArray[np.float64]:
        """The cheapest pixel of each square: an edge stays one, however thin it is."""
        rows, cols = self.shape
        padded = np.pad(self.cost, ((0, -rows % COARSE), (0, -cols % COARSE)), mode="edge")
        squares = padded.reshape(padded.shape[0] // COARSE, COARSE, -1, COARSE)
        least: NDArray[np.float64] = squares.min(axis=(1, 3))
        return least

    def _distant(self, point: tuple[int, int]) -> Path:
        assert self._anchor is not None
        start = (self._anchor[0] // COARSE, self._anchor[1] // COARSE)
        if self._far is None:
            self._far = _Tree(self._coarse, start)
        rough = self._far.path((point[0] // COARSE, point[1] // COARSE))
        return self._along(rough, point)

    def _along(self, rough: Path, point: tuple[int, int]) -> Path:
        """Return the cheapest path from the anchor to a point within a corridor."""
        from scipy import sparse

        assert self._anchor is not None
        shape = self._coarse.shape
        corridor = np.zeros(shape, np.bool_)
        for dr in range(-CORRIDOR, CORRIDOR + 1):
            for dc in range(-CORRIDOR, CORRIDOR + 1):
                rows = np.clip(rough[:, 0] + dr, 0, shape[0] - 1)
                cols = np.clip(rough[:, 1] + dc, 0, shape[1] - 1)
                corridor[rows, cols] = True
        squares = np.argwhere(corridor) * COARSE
        inner = np.indices((COARSE, COARSE)).reshape(2, -1).T
        cells = (squares[:, None, :] + inner[None, :, :]).reshape(-1, 2)
        cells = cells[(cells[:, 0] < self.shape[0]) & (cells[:, 1] < self.shape[1])]
        number = np.full((self.shape[0] + 2, self.shape[1] + 2), -1, np.int32)
        row, col = cells[:, 0], cells[:, 1]
        number[row + 1, col + 1] = np.arange(len(cells), dtype=np.int32)
        cost = self.cost[row, col]
        ends, weights = [], []
        for dr, dc, length in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5)):
            other = number[row + 1 + dr, col + 1 + dc]
            here = np.flatnonzero(other >= 0)
            there = other[here]
            ends.append(np.stack([here, there]))
            weights.append(0.5 * length * (cost[here] + cost[there]))
        one, two = np.concatenate(ends, axis=1)
        graph = sparse.csr_matrix(
            (np.concatenate(weights), (one, two)), shape=(len(cells), len(cells))
        )
        first = int(number[self._anchor[0] + 1, self._anchor[1] + 1])
        at = int(number[point[0] + 1, point[1] + 1])
        _, before = sparse.csgraph.dijkstra(
            graph, directed=False, indices=np.array(first), return_predecessors=True
        )
        way = [at]
        while at != first:
            at = int(before[at])
            way.append(at)
        out: Path = cells[way[::-1]].astype(np.int64)
        return out

    def _inside(self, point: tuple[int, int]) -> tuple[int, int]:
        rows, cols = self.shape
        return min(max(point[0], 0), rows - 1), min(max(point[1], 0), cols - 1)


class _Tree:
    """The cheapest paths from one pixel of a picture to all others, corners connecting."""

    def __init__(self, cost: NDArray[np.float64], start: tuple[int, int]) -> None:
        from skimage.graph import MCP_Geometric

        self._paths = MCP_Geometric(np.ascontiguousarray(cost))
        self._paths.find_costs([start])

    def path(self, point: tuple[int, int]) -> Path:
        """Return the path to a pixel, int64 (n, 2)."""
        return np.array(self._paths.traceback(point), np.int64)


def edge_cost(pixels: NDArray[np.float32], sigma: float) -> NDArray[np.float64]:
    """Return what a step costs at each pixel: ``CHEAPEST`` on the steepest edges."""
    from scipy import ndimage

    steepness = ndimage.gaussian_gradient_magnitude(pixels, sigma)
    step = max(1, steepness.size // 100_000)
    top = float(np.percentile(steepness.ravel()[::step], STEEPEST))
    if top <= 0:
        top = float(steepness.max()) or 1.0
    relative = np.minimum(steepness / top, 1.0)
    out: NDArray[np.float64] = CHEAPEST + (DEAREST - CHEAPEST) * (1.0 - relative.astype(np.float64))
    return out


def simplified(path: Path) -> list[tuple[float, float]]:
    """Return a path's corners: points in the middle of a straight run of steps say nothing."""
    if len(path) < 3:
        return [(float(r), float(c)) for r, c in path]
    steps = np.diff(path, axis=0)
    turns = np.flatnonzero((steps[1:] != steps[:-1]).any(axis=1)) + 1
    kept = np.concatenate([[0], turns, [len(path) - 1]])
    return [(float(r), float(c)) for r, c in path[kept]]
