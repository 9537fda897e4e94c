"""Probabilities, shares and lifts in words, the same in the window, in figures and in reports."""

from __future__ import annotations


def probability(value: float) -> str:
    """Return whole per cent, but never 0 or 100, which no classifier can know."""
    whole = round(100 * value)
    if whole >= 100:
        return ">99 %"
    return "<1 %" if whole <= 0 else f"{whole} %"


def share(value: float | None) -> str:
    """Return two decimals, three where two would leave little: chance of a small lesion is small.

    None, where there is nothing to say, is a dash.
    """
    if value is None:
        return "–"
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.3f}" if 0 < value < 0.00995 else f"{value:.2f}"


def lift(value: float | None) -> str:
    """Return how many times chance a score is: "18.7×", from 100 on whole, from 10000 on short."""
    if value is None:
        return "–"
    if value >= 9999.5:
        return ">9999×"
    return f"{value:.0f}×" if value >= 99.95 else f"{value:.1f}×"
