"""Numbers as they are written over an image."""

from __future__ import annotations

from math import floor, log10

MINUS = "−"


def short(value: float, digits: int = 3) -> str:
    """Return ``value`` to ``digits`` figures, with a true minus sign: "0.831", "−1.2e−5"."""
    if value != value:
        return "no value"
    if value == 0:
        return "0"
    size = floor(log10(abs(value)))
    if size >= 6 or size < -4:
        text = f"{value:.{digits - 2}e}"
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{max(digits - 1 - size, 0)}f}"
    return text.replace("-", MINUS)


def grey(value: float) -> str:
    """Return a pixel or window value: whole where it is whole, else to three figures."""
    return f"{value:.0f}".replace("-", MINUS) if float(value).is_integer() else short(value)


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most ``longest`` (> 0)."""
    power = 10.0 ** floor(log10(longest))
    for factor in (5.0, 2.0, 1.0):
        if factor * power <= longest * (1 + 1e-9):
            return factor * power
    return power
