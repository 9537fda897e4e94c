"""Which map lies over which view, and how it is coloured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from engine.saliency.scale import OPACITY
from viewer.canvas.overlay import KINDS, LEVELS, TOP, Kind

Scale = Literal["map", "locked"]
VIEWS = 9
"""As many views as the largest grid has."""
COLOURS = ("inferno", "viridis", "magma", "cividis")
"""Perceptually uniform ramps from matplotlib; all four hold for colour-blind readers."""


@dataclass(frozen=True)
class OverlayChoice:
    """One view's overlay.

    map_name: None for the bare image. opacity: 0 to 1. threshold: 0 to 1, the share of the colour
    scale below which nothing is drawn. signed_colours: of maps with two signs. scale: "map" fits
    each map's own range, "locked" gives every view the range of all shown maps together. kind: a
    wash of colours, lines at ``levels`` (shares of the scale, over 0 and below 1), or outlines of
    the ``top`` share of the pixels.
    """

    map_name: str | None = None
    opacity: float = OPACITY
    threshold: float = 0.2
    colours: str = "inferno"
    signed_colours: str = "purple-orange"
    scale: Scale = "map"
    kind: Kind = "wash"
    levels: tuple[float, ...] = LEVELS
    top: float = TOP


class Overlays(QObject):
    """The views' choices. Opacity, threshold, colours and scale are shared by all views."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choices = [OverlayChoice() for _ in range(VIEWS)]

    def __getitem__(self, view: int) -> OverlayChoice:
        return self._choices[view]

    @property
    def style(self) -> OverlayChoice:
        """The shared part (the map's name is the first view's)."""
        return self._choices[0]

    def show(self, view: int, map_name: str | None) -> None:
        """Lay a map over a view, or None for the bare image."""
        if self._choices[view].map_name != map_name:
            self._choices[view] = replace(self._choices[view], map_name=map_name)
            self.changed.emit()

    def swap(self, one: int, other: int) -> None:
        """Exchange the maps of two views."""
        first, second = self._choices[one].map_name, self._choices[other].map_name
        if first != second:
            self._choices[one] = replace(self._choices[one], map_name=second)
            self._choices[other] = replace(self._choices[other], map_name=first)
            self.changed.emit()

    def restyle(self, **changes: Any) -> None:
        """Change opacity, threshold, colours, scale or kind in all views."""
        restyled = [replace(choice, **changes) for choice in self._choices]
        if restyled != self._choices:
            self._choices = restyled
            self.changed.emit()

    def next_kind(self) -> None:
        """Turn from wash to contours to hot spots and back."""
        at = KINDS.index(self.style.kind)
        self.restyle(kind=KINDS[(at + 1) % len(KINDS)])
