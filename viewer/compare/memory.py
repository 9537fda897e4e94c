"""The grid remembered: its shape, and which map, masks and links each view has.

What is kept says nothing of whose images were open: another case or series and another model are
kept as digests of their files' paths, by which they are found again among the listed ones. Where
opened files are not to be remembered, digests of series are not kept either; then the grid before
such a view stays the one remembered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, get_args

from PySide6.QtCore import QObject, QTimer

from engine.images.case import Case, Series
from viewer.canvas.links import ASPECTS, Aspect
from viewer.compare.sequences import partner
from viewer.state import AppState
from viewer.state.analysis import is_derived
from viewer.state.contents import ALL_MASKS, HERE, NO_MASKS, Content
from viewer.state.overlay import VIEWS
from viewer.state.storage import REFERENCE
from viewer.views import Views

SETTING = "grid"
_KEEP_MS = 400  # a row of changes is written once
_MOST_FRAMES = 1_000_000
_LONGEST = 200  # characters of a map's name; what is longer did not come from here


@dataclass(frozen=True)
class Kept:
    """One view: its map ("" for none), its masks (all, none, the reference), what is unlinked.

    series, model: digests of the other series and the other model it shows, "" for the one being
    read and the one in use. content: without these.
    """

    map_name: str
    content: Content
    unlinked: tuple[Aspect, ...] = ()
    series: str = ""
    model: str = ""


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
        #: Views whose other series has not been found yet, with what they show until then.
        self._waiting: dict[int, tuple[Kept, Content]] = {}
        self._lost_model = False
        self._told = False
        self._look = QTimer(self)  # once what has changed the list is over
        self._look.setSingleShot(True)
        self._look.setInterval(0)
        self._look.timeout.connect(self._seek)
        for source in (state.cases.changed, state.seriesOpened):
            source.connect(self._look_soon)

    def follow(self) -> None:
        """Keep what changes from now on."""
        state = self._state
        for source in (
            *(state.viewsChanged, state.activeViewChanged, state.contents.changed),
            *(state.overlays.changed, self._views.links.changed),
        ):
            source.connect(self._change)

    def keep(self) -> None:
        """Write the grid as it is, unless it shows what is not to be remembered."""
        self._soon.stop()
        state, links = self._state, self._views.links
        shown = [self._kept_of(view) for view in range(state.views)]
        if not state.settings.remembers_files and any(one.series for one in shown):
            return
        kept = {
            "grid": list(state.grid),
            "active": state.active_view,
            "views": [
                {
                    "map": state.overlays[number].map_name or "",
                    "masks": one.content.masks
                    if one.content.masks in (ALL_MASKS, NO_MASKS, REFERENCE)
                    else "",
                    "empty": one.content.empty,
                    "series": one.series,
                    "model": one.model,
                    "frame": one.content.frame,
                    "companion": one.content.companion,
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
            state.contents.set_all([self._first(number, one) for number, one in enumerate(kept)])
            state.set_active_view(active)
        return rows * cols

    def _kept_of(self, view: int) -> Kept:
        """Return what of a view is kept; of one that still waits, what it waits for."""
        content = self._state.contents[view]
        kept, until = self._waiting.get(view, (None, None))
        if kept is not None and content == until:
            return kept
        series = "" if content.series is None else digest_of(content.series)
        model = "" if content.checkpoint is None else _digest(str(content.checkpoint))
        # One that is like the case being read is so for that case alone.
        companion = content.companion if content.companion == "sequence" else ""
        content = replace(content, case=None, series=None, checkpoint=None, companion=companion)
        return Kept("", content, (), series, model)

    def _first(self, view: int, kept: Kept) -> Content:
        """Return what a view shows at first: the case being read, where another must be found."""
        model = None
        if kept.model:
            known = self._views.board.checkpoints.known
            model = next((path for path in known if _digest(str(path)) == kept.model), None)
            self._lost_model = self._lost_model or model is None
        if not kept.series:
            return replace(kept.content, checkpoint=model, frame=None, companion="")
        until = Content(masks=kept.content.masks, checkpoint=model)
        self._waiting[view] = (kept, until)
        return until

    def _look_soon(self, *_: object) -> None:
        if self._waiting or self._lost_model:
            self._look.start()

    def _seek(self) -> None:
        """Give views the series that they showed, where it is listed now; else say so once."""
        state = self._state
        listed = {digest_of(s): (c, s) for c, s in self._listed()}
        for view, (kept, until) in list(self._waiting.items()):
            if state.contents[view] != until or view >= state.views:
                del self._waiting[view]  # the reader has chosen something else
                continue
            found = listed.get(kept.series)
            if found is None and kept.content.companion and state.case and state.series:
                other = partner(state.case, state.series)
                found = (state.case, other) if other is not None else None
            if found is not None:
                del self._waiting[view]
                case, series = found
                content = replace(kept.content, case=case, series=series)
                state.contents.set(view, replace(content, checkpoint=until.checkpoint))
        scanning = state.jobs.has("scan") or state.jobs.has("demo")
        if state.image is None or scanning:
            return
        if self._lost_model:
            self._lost_model = False
            state.notice.emit(NO_MODEL, "info")
        if self._waiting and not self._told:
            self._told = True
            state.notice.emit(waiting(len(self._waiting)), "info")

    def _listed(self) -> list[tuple[Case, Series]]:
        groups = self._state.cases.groups
        return [(c, s) for group in groups for c in group.cases for s in c.series]

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


NO_MODEL = "A model that one of the views showed is no longer there: it shows the one in use."


def waiting(views: int) -> str:
    """Say that views show the case being read in place of another that is not in the list."""
    one = "One view" if views == 1 else f"{views} views"
    shows = "shows" if views == 1 else "show"
    return f"{one} showed a case that is not in the list now, and {shows} this one until it is."


def digest_of(series: Series) -> str:
    """Return a name for a series by where its files are, which says nothing of them."""
    first = str(series.paths[0].absolute()) if series.paths else ""
    return _digest(f"{first}\0{len(series.paths)}\0{series.title}")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()


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
    series, model = (
        value if isinstance(value, str) and len(value) <= _LONGEST else ""
        for value in (found.get("series"), found.get("model"))
    )
    frame = found.get("frame")
    if isinstance(frame, int) and 0 <= frame < _MOST_FRAMES:
        content = replace(content, frame=frame)
    if found.get("companion") == "sequence":
        content = replace(content, companion="sequence")
    known: tuple[Aspect, ...] = get_args(Aspect)
    unlinked = tuple(a for a in known if a in found["unlinked"])
    return Kept(name, content, unlinked, series, model)
