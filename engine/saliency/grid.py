"""The cells of a feature grid: where they look, and how far, in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Axis:
    """The cells along one side, in pixels of the model input (0 at the first pixel's centre).

    centre: of each cell's receptive field. low, high: its first and last pixel; beyond the
    input where the field is cut by the edge. jump: between neighbouring cells.
    """

    centre: Array
    low: Array
    high: Array
    jump: float

    @classmethod
    def pixels(cls, count: int) -> Axis:
        """The input itself: every pixel sees itself."""
        index = np.arange(count, dtype=np.float64)
        return cls(index, index, index, 1.0)

    def __len__(self) -> int:
        return len(self.centre)

    def at(self, values: Array, index: NDArray[np.int64]) -> Array:
        """``values`` at any index: beyond the ends they go on at the same distance."""
        inside = np.clip(index, 0, len(values) - 1)
        return values[inside] + self.jump * (index - inside)

    def windows(self, starts: NDArray[np.int64], offsets: NDArray[np.int64], step: float) -> Axis:
        """Cells that each look evenly at those at ``starts[i] + offsets``."""
        index = starts[:, None] + offsets[None, :]
        return Axis(
            self.at(self.centre, index).mean(axis=1),
            self.at(self.low, index).min(axis=1),
            self.at(self.high, index).max(axis=1),
            self.jump * step,
        )

    def pick(self, index: NDArray[np.int64], step: float = 1.0) -> Axis:
        """Cells at these indices (also beyond the ends)."""
        return self.windows(index, np.zeros(1, np.int64), step)

    def pooled(self, count: int) -> Axis:
        """Adaptive average pooling: cell i takes floor(i n / m) to ceil((i + 1) n / m)."""
        n = len(self)
        parts = [
            self.pick(np.arange(i * n // count, -(-(i + 1) * n // count))) for i in range(count)
        ]
        return Axis(
            np.array([part.centre.mean() for part in parts]),
            np.array([part.low.min() for part in parts]),
            np.array([part.high.max() for part in parts]),
            self.jump * n / count,
        )

    def resized(self, count: int, align_corners: bool = False) -> Axis:
        """Bilinear resizing: cell i lies between two cells, and looks at both by its weights."""
        n = len(self)
        index = np.arange(count, dtype=np.float64)
        if align_corners:
            source = index * (n - 1) / max(count - 1, 1)
        else:
            source = np.maximum((index + 0.5) * n / count - 0.5, 0.0)
        first = np.minimum(source.astype(np.int64), n - 1)
        second = np.minimum(first + 1, n - 1)
        weight = source - first
        last = np.where(weight > 0, second, first)
        return Axis(
            (1 - weight) * self.centre[first] + weight * self.centre[second],
            self.low[first],
            self.high[last],
            self.jump * n / count,
        )

    def shifted(self, by: float) -> Axis:
        """The same cells, looking ``by`` pixels further on; what they reach stays."""
        return replace(self, centre=self.centre + by)

    def between(self, other: Axis) -> Axis:
        """Cells half way between these and the other's, reaching as far as both."""
        return Axis(
            (self.centre + other.centre) / 2,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            (self.jump + other.jump) / 2,
        )

    def joined(self, others: Iterable[Axis]) -> tuple[Axis, float]:
        """Where paths meet: the widest one's centre, all of their reach, and the disagreement."""
        axes = [self, *others]
        widths = [float(np.mean(axis.high - axis.low)) for axis in axes]
        widest = axes[int(np.argmax(widths))]
        disagreement = max(float(np.abs(axis.centre - widest.centre).max()) for axis in axes)
        low = np.min([axis.low for axis in axes], axis=0)
        high = np.max([axis.high for axis in axes], axis=0)
        return Axis(widest.centre, low, high, widest.jump), disagreement


@dataclass(frozen=True, eq=False)
class Grid:
    """A feature grid's cells along both sides.

    disagreement: pixels between the centres of paths that were joined, at most. context: whether
    something that sees the whole input (squeeze and excitation) scales all cells alike.
    """

    rows: Axis
    cols: Axis
    disagreement: float = 0.0
    context: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of cells."""
        return len(self.rows), len(self.cols)

    def pooled(self, shape: tuple[int, int]) -> Grid:
        """The grid after adaptive average pooling."""
        return replace(self, rows=self.rows.pooled(shape[0]), cols=self.cols.pooled(shape[1]))

    def resized(self, shape: tuple[int, int]) -> Grid:
        """The grid after bilinear resizing."""
        return replace(self, rows=self.rows.resized(shape[0]), cols=self.cols.resized(shape[1]))

    def shifted(self, offset: tuple[float, float]) -> Grid:
        """The grid with every cell moved by (rows, cols) pixels."""
        return replace(self, rows=self.rows.shifted(offset[0]), cols=self.cols.shifted(offset[1]))

    def between(self, other: Grid) -> Grid:
        """A grid half way between two of one shape; how far that is adds to the disagreement."""
        rows, cols = self.rows.between(other.rows), self.cols.between(other.cols)
        apart = max(
            float(np.abs(rows.centre - self.rows.centre).max()),
            float(np.abs(cols.centre - self.cols.centre).max()),
        )
        return Grid(
            rows,
            cols,
            max(self.disagreement, other.disagreement) + apart,
            self.context or other.context,
        )
