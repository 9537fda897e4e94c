"""How maps are coloured: each on its own scale, or all of one quantity on one."""

from __future__ import annotations

from collections.abc import Iterable

from engine.saliency.map import SaliencyMap
from engine.saliency.scale import is_shut
from viewer.canvas.overlay import OverlayStyle
from viewer.state.overlay import OverlayChoice


def style_of(
    found: SaliencyMap, choice: OverlayChoice, shown: Iterable[SaliencyMap]
) -> OverlayStyle:
    """Return how a map is coloured by the reader's choice; shown: the maps of all views."""
    low: float | None = None
    high: float | None = None
    if choice.scale == "locked":
        low, high = _locked_range(found, shown)
    return OverlayStyle(
        colours=choice.signed_colours if found.sign == "signed" else choice.colours,
        opacity=choice.opacity,
        threshold=choice.threshold,
        low=low,
        high=high,
        kind=choice.kind,
        levels=choice.levels,
        top=choice.top,
    )


def _locked_range(found: SaliencyMap, shown: Iterable[SaliencyMap]) -> tuple[float, float]:
    """Return the range of all shown maps of one quantity.

    Sums of features, attention (0 to 1) and SHAP's signed shares of an answer have nothing in
    common that one scale could show.
    """
    alike = [found, *(other for other in shown if _same_quantity(other, found))]
    # A map of a shut gate has a scale of what it is not; it takes that of those that are open.
    ranges = [one.range for one in [one for one in alike if not is_shut(one)] or alike]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _same_quantity(one: SaliencyMap, other: SaliencyMap) -> bool:
    return one.sign == other.sign and one.provenance.method == other.provenance.method
