"""The centred Gaussian: how well a map scores that knows nothing but where images are centred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GaussianPrior:
    """A Gaussian at the image's centre, truncated to the image.

    sigma: standard deviation as a fraction of each side; 45 pixels at 224 as in the comparison
        on BUSI, where it scores RMA 0.18 and RRA 0.23.
    """

    sigma: float = 45 / 224

    def values(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return the prior on a (rows, cols) grid; 1 at the image's centre."""
        rows, cols = shape
        # Squared distances as integers: pixels equally far from the centre get equal values to
        # the last bit, so that they are ties and not ordered by rounding.
        row = ((2 * np.arange(rows, dtype=np.int64) - (rows - 1)) * cols) ** 2
        col = ((2 * np.arange(cols, dtype=np.int64) - (cols - 1)) * rows) ** 2
        distance = (row[:, None] + col[None, :]).astype(np.float64)
        distance *= -1.0 / (8.0 * (self.sigma * rows * cols) ** 2)
        return np.exp(distance, out=distance)


CENTRE_PRIOR = GaussianPrior()
