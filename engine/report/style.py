"""One look on paper: the program's typeface, few colours, lengths in millimetres."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import resources

INK, QUIET, RULE, PANEL = "#1c2530", "#5d6875", "#d5dae1", "#f3f5f8"
ACCENT, WARNING, WARNING_GROUND = "#0b6e8f", "#8a4b00", "#fdf3e1"
MM = 1 / 25.4
"""Of an inch."""


@lru_cache(maxsize=1)
def family() -> tuple[str, ...]:
    """Make the program's typeface known to matplotlib; return the families to use."""
    from matplotlib import font_manager

    # DejaVu, which stands in for signs that Inter lacks, has no medium weight; that is no news.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    files = sorted(Path(str(resources.path("fonts"))).glob("Inter-*.otf"))
    for path in files:
        font_manager.fontManager.addfont(str(path))
    return ("Inter", "DejaVu Sans") if files else ("DejaVu Sans",)


@contextmanager
def applied() -> Iterator[None]:
    """Draw and save figures in the program's look, and leave matplotlib as it was."""
    import matplotlib as mpl

    with mpl.rc_context(
        {
            "font.family": list(family()),
            "font.size": 8,
            "text.color": INK,
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.linewidth": 0.5,
            "xtick.color": QUIET,
            "ytick.color": QUIET,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "xtick.major.width": 0.5,
            "ytick.major.width": 0.5,
            "xtick.major.size": 2.5,
            "ytick.major.size": 2.5,
            # Embedded as outlines that every reader shows: matplotlib writes OpenType faces as
            # type 42 with a mismatch that some refuse.
            "pdf.fonttype": 3,
            "svg.fonttype": "path",
            "svg.hashsalt": "saliscope",
        }
    ):
        yield


def width_of(text: str, size: float, weight: str = "regular") -> float:
    """Return how wide a line of text is, mm."""
    return _measured(text, size, weight) / 72 / MM


@lru_cache(maxsize=2048)
def _measured(text: str, size: float, weight: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    face = FontProperties(family=list(family()), size=size, weight=weight)
    # A dollar sign would begin mathematics.
    width, _, _ = text_to_path.get_text_width_height_descent(text, face, False)
    return float(width)


def elided(text: str, width: float, size: float, weight: str = "regular") -> str:
    """Return a line that fits into ``width`` mm, its end replaced by "…" where it must be."""
    if width_of(text, size, weight) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle].rstrip() + "…", size, weight) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def wrapped(
    text: str, width: float, size: float, weight: str = "regular", lines: int = 99
) -> list[str]:
    """Break a text into lines of at most ``width`` mm; the last ends in "…" if there are more."""
    done: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width_of(longer, size, weight) > width:
            done.append(line)
            line = word
        else:
            line = longer
    if line:
        done.append(line)
    if len(done) > lines:
        done = [*done[: lines - 1], " ".join(done[lines - 1 :])]
    return [elided(one, width, size, weight) for one in done]


def metadata(kind: str, heading: str, text: str) -> dict[str, Any]:
    """Return a file's own metadata, as ``savefig`` takes it for a kind ("png", "pdf", "svg")."""
    if kind == "png":
        return {"Title": heading, "Description": text, "Software": "Saliscope"}
    if kind == "pdf":
        return {"Title": heading, "Subject": text, "Creator": "Saliscope"}
    return {"Title": heading, "Description": text, "Creator": "Saliscope"}
