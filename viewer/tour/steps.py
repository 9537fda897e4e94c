"""What the tour points at and says, as data over the real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from viewer.window import Window


@dataclass(frozen=True)
class Step:
    """One stop. target: the widget that is pointed at. prepare: brings it into view."""

    title: str
    text: str
    target: Callable[[], QWidget]
    prepare: Callable[[], object] = lambda: None


def steps(window: Window) -> list[Step]:
    """Return the stops, with the keys that are bound now."""
    keys = window.actions_.keys_text
    answers = window.answers

    def named(name: str, text: str) -> str:
        return f"{text} ({keys(name)})" if keys(name) else text

    def reveal(section: str) -> None:
        window.show_side("answers")
        answers.reveal(section)

    return [
        Step(
            "Cases",
            "Demo cases are here to try things on. Open files or a folder of your own, or drop "
            "them on the window.",
            lambda: window.cases,
            lambda: window.show_side("cases"),
        ),
        Step(
            "The image, and where the model looked",
            "Wheel: slices. Right drag: zoom. Middle drag: move. The colours are one map of the "
            f"model; {keys('next-map') or 'the View menu'} turns to the next, and its scale stands "
            "beside it.",
            lambda: window.views.active,
        ),
        Step(
            "The answer, then the doubt",
            "The class with its probability, what each branch says, and whether the image looks "
            "like those that the model was trained on.",
            lambda: answers.prediction,
            lambda: reveal("prediction"),
        ),
        Step(
            "Draw, and read how far each map agrees",
            "Take the brush and draw where the finding is. The bars follow as you draw; the ticks "
            "say what chance and a centred blob would give.",
            lambda: window.strip,
        ),
        Step(
            "Agreement",
            "A map that does no better than a centred blob is greyed, and a sentence says so. "
            "Masks are saved as you draw.",
            lambda: answers.agreement,
            lambda: reveal("agreement"),
        ),
        Step(
            "Everything by its name",
            f"{named('palette', 'Search')} finds every command, "
            f"{keys('keys') or 'Help › Keys'} shows all keys. Settings has the keys and mouse of "
            "OHIF, 3D Slicer and ITK-SNAP. This tour is in the Help menu.",
            lambda: window.top.search,
        ),
    ]
