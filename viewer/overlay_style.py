"""How maps are drawn over images, wash, contours or hot spots: as actions, and remembered."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from engine.saliency.scale import OPACITY
from viewer import derive
from viewer.actions import Actions
from viewer.canvas.overlay import KINDS, LEVELS, TOP, Kind
from viewer.settings import Settings
from viewer.state import AppState
from viewer.state.overlay import OverlayChoice

TITLES: dict[Kind, str] = {
    "wash": "Colour wash",
    "contours": "Contour lines",
    "hot-spots": "Hot spot outlines",
}
_MOST_LEVELS = 9
#: What one step of fainter or stronger changes the opacity by.
OPACITY_STEP = 0.1
OPACITIES = (None, "overlay-fainter", "overlay-stronger")


def install(actions: Actions, state: AppState) -> None:
    """Make an action for each way of drawing, and one that turns to the next."""
    actions.make(
        "next-style",
        "Ne&xt style",
        state.overlays.next_kind,
        "C",
        tip="Draw maps as colour wash, contour lines, hot spot outlines, in turn",
    )
    for kind in KINDS:
        actions.make(
            f"style-{kind}",
            TITLES[kind],
            partial(state.overlays.restyle, kind=kind),
            checkable=True,
        )

    for name, text, by in (
        ("overlay-fainter", "&Fainter", -OPACITY_STEP),
        ("overlay-stronger", "&Stronger", OPACITY_STEP),
    ):
        actions.make(name, text, partial(_step_opacity, state, by), tip=f"{text[1:]} overlay")

    def mark() -> None:
        actions[f"style-{state.overlays.style.kind}"].setChecked(True)

    group = QActionGroup(actions)
    for kind in KINDS:
        group.addAction(actions[f"style-{kind}"])
    state.overlays.changed.connect(mark)
    mark()
    derive.install(actions, state)


def _step_opacity(state: AppState, by: float) -> None:
    state.overlays.restyle(opacity=min(max(state.overlays.style.opacity + by, 0.0), 1.0))


def menu(window: QWidget, actions: Actions) -> QMenu:
    """Return the menu of the ways of drawing, and of what is drawn from two maps."""
    kinds = (f"style-{kind}" for kind in KINDS)
    names = (*kinds, None, "next-style", *OPACITIES, None, "difference")
    return actions.fill(QMenu("Overlay &style", window), *names)


def parse_levels(text: str) -> tuple[float, ...]:
    """Return the levels, as shares of the scale, in a text of percentages; () for no such text."""
    try:
        found = sorted({float(part) / 100 for part in text.replace("%", " ").split(",")})
    except ValueError:
        return ()
    good = all(0 < share < 1 for share in found)
    return tuple(found) if good and 0 < len(found) <= _MOST_LEVELS else ()


def levels_text(levels: tuple[float, ...]) -> str:
    """Return levels as they are typed: "25, 50, 75"."""
    return ", ".join(f"{100 * share:g}" for share in levels)


def keep(settings: Settings, style: OverlayChoice) -> None:
    """Remember how maps are drawn."""
    for name in ("opacity", "threshold", "colours", "signed_colours", "scale"):
        settings.set(f"overlay/{name}", getattr(style, name))
    settings.set("overlay/kind", style.kind)
    settings.set("overlay/levels", levels_text(style.levels))
    settings.set("overlay/top", style.top)


def restored(settings: Settings) -> dict[str, Any]:
    """Return what was remembered, for ``Overlays.restyle``."""
    kind = settings.text("overlay/kind", "wash")
    top = settings.number("overlay/top", TOP)
    return {
        "opacity": min(max(settings.number("overlay/opacity", OPACITY), 0.0), 1.0),
        "threshold": min(max(settings.number("overlay/threshold", 0.2), 0.0), 1.0),
        "colours": settings.text("overlay/colours", "inferno"),
        "signed_colours": settings.text("overlay/signed_colours", "purple-orange"),
        "scale": "locked" if settings.text("overlay/scale") == "locked" else "map",
        "kind": kind if kind in KINDS else "wash",
        "levels": parse_levels(settings.text("overlay/levels", "")) or LEVELS,
        "top": top if 0 < top <= 0.5 else TOP,
    }
