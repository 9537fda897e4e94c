"""The difference of two maps of one image, as a map like any other."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInputError
from engine.saliency.derived import NORMALISATIONS, Normalisation, difference_name
from engine.saliency.map import Provenance, SaliencyMap

METHOD = "difference"


def difference(
    first: SaliencyMap, second: SaliencyMap, normalisation: Normalisation = "share"
) -> SaliencyMap:
    """Return ``first`` minus ``second``, signed: positive where the first map has more.

    Its provenance holds both maps' and the normalisation; the share outside the anatomy is not
    known. The maps may be of different checkpoints and classes.

    Raises ``InvalidInputError`` for maps of different images or frames, for a map that is zero
    everywhere or not finite, and for an unknown normalisation.
    """
    a, b = first.provenance, second.provenance
    if (a.image_key, a.frame) != (b.image_key, b.frame) or (
        first.values.shape != second.values.shape
    ):
        raise InvalidInputError(
            "A difference is of two maps of the same frame of one image; these are of different "
            "ones."
        )
    if normalisation not in NORMALISATIONS:
        raise InvalidInputError(
            f"Maps are normalised by {', '.join(NORMALISATIONS)}, not {normalisation}."
        )
    values = (normalised(first, normalisation) - normalised(second, normalisation)).astype(
        np.float32
    )
    same = a.checkpoint_sha256 == b.checkpoint_sha256
    return SaliencyMap(
        name=difference_name(first.name, second.name, normalisation),
        values=values,
        raw=values.copy(),
        sign="signed",
        target=first.target,
        target_name=first.target_name
        if first.target == second.target
        else f"{first.target_name} − {second.target_name}",
        provenance=Provenance(
            checkpoint=a.checkpoint if same else f"{a.checkpoint} − {b.checkpoint}",
            checkpoint_sha256=a.checkpoint_sha256
            if same
            else f"{a.checkpoint_sha256}-{b.checkpoint_sha256}",
            branch=f"{a.branch} − {b.branch}",
            method=METHOD,
            parameters={
                "normalisation": normalisation,
                "first": {"name": first.name, **asdict(a)},
                "second": {"name": second.name, **asdict(b)},
            },
            preprocessing=a.preprocessing,
            image_key=a.image_key,
            frame=a.frame,
        ),
    )


def normalised(saliency: SaliencyMap, normalisation: Normalisation) -> NDArray[np.float64]:
    """Return a map's values in a unit that another map can be compared in."""
    values = saliency.values.astype(np.float64)
    strength = np.abs(values)
    if not np.isfinite(values).all() or not strength.any():
        raise InvalidInputError(
            f"The map {saliency.name} is zero everywhere or not finite, so that nothing can be "
            "compared with it."
        )
    if normalisation == "share":
        return np.asarray(values * (values.size / strength.sum()))
    if normalisation == "peak":
        return np.asarray(values / strength.max())
    from scipy.stats import rankdata  # a third of a second, for those who want ranks

    ranks = rankdata(values.ravel()).reshape(values.shape)
    return np.asarray((ranks - 1) / max(values.size - 1, 1))
