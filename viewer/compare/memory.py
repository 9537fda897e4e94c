"""The grid remembered: its shape, and which map, masks and links each view has.

What is kept says nothing of whose images were open. While a view shows another case, series or
model, the grid before it stays the one remembered: such a view would have nothing to show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, get_args

from PySide6.QtCore import QObject, QTimer

from viewer.canvas.links import ASPECTS, Aspect
from viewer.state import AppState
from viewer.state.analysis import is_derived
from viewer.state.contents import ALL_MASKS, HERE, NO_MASKS, Content
from viewer.state.overlay import VIEWS
from viewer.state.storage import REFERENCE
from viewer.views import Views

SETTING = "grid"
_KEEP_MS = 400  # a row of changes is written once
_LONGEST = 200  # characters of a map's name; what is longer did not come from here


@dataclass(frozen=True)
class Kept:
    """One view: its map ("" for none), its masks (all, none, the reference), what is unlinked."""

    map_name: str
    content: Content
    unlinked: tuple[Aspect, ...] = ()


class Memory(QObject):
    """Writes the grid into the settings as it changes, and lays it out again at the start."""

    def __init__(self, state: AppState, views: Views, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._views = state, views
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_KEEP_MS)
        self._soon.timeout.connect(self.keep)
        state.masks.documentChanged.connect(self._forget_masks)

    def follow(self) -> None:
        """Keep what changes from now on."""
        state = self._state
        for source in (
            *(state.viewsChanged, state.activeViewChanged, state.contents.changed),
            *(state.overlays.changed, self._views.links.changed),
        ):
            source.connect(self._change)

    def keep(self) -> None:
        """Write the grid as it is, unless a view shows what another start does not have."""
        self._soon.stop()
        state, links = self._state, self._views.links
        shown = [state.contents[view] for view in range(state.views)]
        if any(one.series is not None or one.checkpoint is not None for one in shown):
            return
        kept = {
            "grid": list(state.grid),
            "active": state.active_view,
            "views": [
                {
                    "map": state.overlays[number].map_name or "",
                    "masks": one.masks if one.masks in (ALL_MASKS, NO_MASKS, REFERENCE) else "",
                    "empty": one.empty,
                    "unlinked": [
                        aspect
                        for aspect in ASPECTS
                        if view in links.views and not links.is_linked(view, aspect)
                    ],
                }
                for number, (one, view) in enumerate(zip(shown, self._views.shown, strict=True))
            ],
        }
        text = json.dumps(kept)
        if text != state.settings.text(SETTING):
            state.settings.set(SETTING, text)

    def restore(self) -> int:
        """Lay out what was remembered; return how many views that is, 0 if there is nothing."""
        found = parse(self._state.settings.text(SETTING))
        if found is None:
            return 0
        (rows, cols), active, kept = found
        state, views = self._state, self._views
        names = [one.map_name for one in kept if one.map_name]
        state.analysis.derived = tuple(dict.fromkeys(name for name in names if is_derived(name)))
        with views.changing():
            state.set_grid(rows, cols)
            for number, one in enumerate(kept):
                state.overlays.show(number, one.map_name or None)
                for aspect in one.unlinked:
                    views.links.set_linked(views.views[number], False, aspect)
            state.contents.set_all([one.content for one in kept])
            state.set_active_view(active)
        return rows * cols

    def _change(self, *_: object) -> None:
        self._soon.start()

    def _forget_masks(self, document: Any) -> None:
        """Show all masks where a view showed one of another image alone."""
        if document is None:
            return
        ids = {ALL_MASKS, NO_MASKS, REFERENCE, *(mask.id for mask in document.masks)}
        for view in range(VIEWS):
            content = self._state.contents[view]
            if content.series is None and content.masks not in ids:
                self._state.contents.change(view, masks=ALL_MASKS)


def parse(text: str) -> tuple[tuple[int, int], int, list[Kept]] | None:
    """Return grid, active view and views of what was written; None where it is not that."""
    try:
        found = json.loads(text)
        rows, cols = (int(side) for side in found["grid"])
        views = [_view(one) for one in found["views"]]
        active = int(found["active"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    if not (1 <= rows <= 3 and 1 <= cols <= 3 and len(views) == rows * cols):
        return None
    return (rows, cols), active if 0 <= active < len(views) else 0, views


def _view(found: dict[str, Any]) -> Kept:
    name, masks = found["map"], found["masks"]
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise ValueError("no map's name")
    content = Content(empty=True) if found["empty"] is True else HERE
    if content is HERE and masks in (NO_MASKS, REFERENCE):
        content = Content(masks=masks)
    known: tuple[Aspect, ...] = get_args(Aspect)
    return Kept(name, content, tuple(a for a in known if a in found["unlinked"]))
