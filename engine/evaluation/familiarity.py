"""How unlike its training images an image is to a model: a distance between pooled features.

The distance is Mahalanobis', the covariance probabilistic principal components' (Tipping and
Bishop, "Probabilistic principal component analysis", J. R. Statist. Soc. B 61, 1999): the largest
principal components of the training images' features, and one variance for all that is left. That
is small enough to ship with a network, and what lies outside of all training images' directions,
as another modality's features do, weighs the most. The features are those that the classifiers
see of the branches, [GAP(X_g); AAP(X_l)] of eq. (6).

A distance means nothing alone. Its limit is a percentile of the distances of images that neither
the network nor the covariance was fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InvalidInputError

PERCENTILE = 95.0
"""Of held-out images of the training data's own kind, one in twenty is said to be unlike it."""

MAX_COMPONENTS = 32

MAX_BASIS_BYTES = 160_000
"""Of the components in half precision, so that a checkpoint grows by less than 200 kB."""

IMAGES_PER_COMPONENT = 8
"""Fewer images than this for each component would describe themselves rather than their kind."""

SCALE_FLOOR = 0.01
"""Added to each feature's variance, of the mean variance: a feature that no training image moves
must not decide alone."""


@dataclass(frozen=True)
class Familiarity:
    """An image's distance from the training images, and how far one like them may be."""

    distance: float
    limit: float

    @property
    def ratio(self) -> float:
        """The distance in parts of the limit."""
        return self.distance / self.limit

    @property
    def familiar(self) -> bool:
        """Whether the image is like what the model was trained on."""
        return self.distance <= self.limit


@dataclass(frozen=True)
class Limit:
    """The distance up to which an image counts as familiar, and where that comes from.

    distance: the ``percentile`` of the distances of ``images`` images. source: in words, which
    ("out of fold, 5 folds of BUSI").
    """

    distance: float
    percentile: float
    images: int
    source: str

    def __post_init__(self) -> None:
        """Raise ``InvalidInputError`` for what cannot be right."""
        numbers = (self.distance, self.percentile, self.images)
        valid = (
            all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers)
            and np.isfinite(self.distance)
            and self.distance > 0
            and 0 < self.percentile <= 100
            and self.images >= 1
            and isinstance(self.source, str)
        )
        if not valid:
            raise InvalidInputError("The limit of familiarity is not one; it must be positive.")


@dataclass(frozen=True, eq=False)
class Reference:
    """The training images' features, as a distance needs them.

    mean, scale: float32 (D,), of each feature. basis: float16 (K, D), principal directions of the
    scaled features. variance: float32 (K + 1,), along each, then of every other direction.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    basis: NDArray[np.float16]
    variance: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Raise ``InvalidInputError`` for what cannot be right."""
        size = len(self.mean)
        arrays = {"mean": (size,), "scale": (size,), "variance": (len(self.basis) + 1,)}
        for name, shape in arrays.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise InvalidInputError(f"The {name} of the training images' features is damaged.")
        if self.basis.shape[1:] != (size,) or self.basis.dtype != np.float16:
            raise InvalidInputError("The basis of the training images' features is damaged.")
        positive = (self.scale > 0).all() and (self.variance > 0).all()
        if not (size and positive and np.isfinite(self.basis).all()):
            raise InvalidInputError("The training images' features have no extent; train again.")

    @property
    def size(self) -> int:
        """The number of features."""
        return len(self.mean)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is to be stored; ``Reference(**arrays)`` brings it back."""
        return {name: getattr(self, name) for name in ("mean", "scale", "basis", "variance")}

    def distance(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the distances of features (N, D), about 1 for those described: (N,).

        The root of the mean square over all directions, each in its own standard deviations.
        Raises ``InvalidInputError`` for features of another size or that are not finite.
        """
        given = np.asarray(features, np.float64)
        if given.ndim != 2 or given.shape[1] != self.size or not np.isfinite(given).all():
            raise InvalidInputError(
                "The image's features are not those that the training images have; "
                "open the checkpoint again."
            )
        x = (given - self.mean) / self.scale
        along = x @ self.basis.astype(np.float64).T
        rest = np.maximum((x**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        variance = self.variance.astype(np.float64)
        squares = (along**2 / variance[:-1]).sum(axis=1) + rest / variance[-1]
        result: NDArray[np.float64] = np.sqrt(squares / self.size)
        return result


def describe(features: ArrayLike) -> Reference:
    """Describe training images by their features (N, D); raise ``InvalidInputError`` for too few.

    The components are as many as both the images and the room in a checkpoint allow.
    """
    given = np.asarray(features, np.float64)
    if given.ndim != 2 or len(given) < 2 or not np.isfinite(given).all():
        raise InvalidInputError(
            "The training images' features cannot be described: they must be finite, and of at "
            "least two images."
        )
    count, size = given.shape
    mean, variance = given.mean(axis=0), given.var(axis=0, ddof=1)
    if not variance.any():
        raise InvalidInputError(
            "The network gives all images the same features; train it with other rates."
        )
    scale = np.sqrt(variance + SCALE_FLOOR * variance.mean())
    x = (given - mean) / scale
    components = max(
        1,
        min(MAX_COMPONENTS, MAX_BASIS_BYTES // (2 * size), count // IMAGES_PER_COMPONENT, size - 1),
    )
    _, singular, directions = np.linalg.svd(x, full_matrices=False)
    powers = singular**2 / (count - 1)
    along = np.maximum(powers[:components], 1e-6)
    rest = max(float(powers[components:].sum()) / max(size - components, 1), 1e-6)
    return Reference(
        mean.astype(np.float32),
        scale.astype(np.float32),
        directions[:components].astype(np.float16),
        np.append(along, rest).astype(np.float32),
    )


def limit(distances: ArrayLike, source: str, percentile: float = PERCENTILE) -> Limit:
    """Return the limit that ``percentile`` of held-out images' distances keep to."""
    given = np.asarray(distances, np.float64)
    if not given.size:
        raise InvalidInputError("There are no held-out images to set the limit of familiarity on.")
    return Limit(float(np.percentile(given, percentile)), percentile, given.size, source)


def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> Reference:
    """Undo ``Reference.arrays``; raise ``InvalidInputError`` for what is missing or damaged."""
    names = {"mean", "scale", "basis", "variance"}
    if set(arrays) != names or any(a.ndim != 1 + (n == "basis") for n, a in arrays.items()):
        raise InvalidInputError("The training images' features are incomplete.")
    return Reference(**arrays)  # type: ignore[arg-type]
