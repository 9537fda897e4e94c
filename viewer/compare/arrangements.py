"""Views laid out with one click: all maps, two sequences, two models, the cases most alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.progress import Progress
from viewer.compare.picker import Picker
from viewer.compare.sequences import partner
from viewer.state import AppState
from viewer.state.analysis import is_slow
from viewer.state.contents import HERE, Content
from viewer.state.overlay import VIEWS
from viewer.views import Views

if TYPE_CHECKING:
    from engine.evaluation.likeness import Alike, Search
    from engine.images.case import Case

#: The cases most alike that are shown beside the one being read.
ALIKE = 3
#: The smallest grid for so many views, (rows, cols).
GRIDS = {
    1: (1, 1),
    2: (1, 2),
    3: (1, 3),
    4: (2, 2),
    5: (2, 3),
    6: (2, 3),
    7: (3, 3),
    8: (3, 3),
    9: (3, 3),
}
NOTHING_OPEN = "Open an image first."
LOADING = "The model is still loading; compare once its answer is there."
NO_MODEL = "Load a checkpoint first; without a model there are no maps and nothing to compare by."


class Arrangements(QObject):
    """Each lays out the whole grid and links its views; single views can be changed after."""

    def __init__(self, state: AppState, views: Views, picker: Picker, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._views = views
        self._picker = picker
        self._unlisted: frozenset[Case] = frozenset()
        self._seen = {0, 1}  # views that the reader has had, and left as they are
        state.seriesOpened.connect(self._follow)
        state.cases.changed.connect(self._let_go)

    def grid(self, rows: int, cols: int) -> None:
        """Show a grid of views; two of them as they were asked for, not as they fit best."""
        if rows * cols == 2:
            self._views.grid.set_arrangement("beside" if cols == 2 else "stacked")
        self._views.grid.enlarge(None)
        before = self._state.views
        self._state.set_grid(rows, cols)
        self._fill(range(before, self._state.views))

    def have_seen(self, views: int) -> None:
        """Leave the first views as they are when the grid grows: the reader has had them."""
        self._seen.update(range(views))

    def _fill(self, views: range) -> None:
        """Lay maps that no view shows over views seen for the first time, not one image over."""
        state = self._state
        shown = {state.overlays[view].map_name for view in range(state.views)}
        ready = state.analysis.maps
        spare = [name for name in state.analysis.map_names if name in ready and name not in shown]
        for view in views:
            untouched = state.contents[view] == HERE and state.overlays[view].map_name is None
            if spare and untouched and view not in self._seen:
                state.overlays.show(view, spare.pop(0))
        self._seen.update(range(state.views))

    def all_maps(self, *, slow: bool = False) -> None:
        """Show the image, each native map, and SHAP's; ``slow`` computes those at once."""
        names = self.names()
        if not names:
            return
        ready = self._state.analysis.maps
        maps = [name for name in names if not is_slow(name)]
        shap = [name for name in names if is_slow(name)]
        maps += [name for name in shap if slow or name in ready]
        rows, cols = GRIDS[min(1 + len(maps), 9)]
        spare = rows * cols - 1 - len(maps)
        maps += [name for name in shap if name not in maps][: max(spare, 0)]
        self._lay_out([(HERE, None), *((HERE, name) for name in maps)])
        if slow:
            for name in shap:
                self._state.analysis.request(name)

    def sequences(self) -> None:
        """Show two series of the case side by side, T1 and STIR where it has them."""
        state = self._state
        case, series = state.case, state.series
        if case is None or series is None:
            state.notice.emit(NOTHING_OPEN, "info")
            return
        other = partner(case, series)
        if other is None:
            state.notice.emit(
                "This case has one series only; open the folder that holds its other sequences.",
                "info",
            )
            return
        name = self._map()
        beside = Content(case, other, companion="sequence")
        self._lay_out([(HERE, name), (beside, name)])

    def models(self) -> None:
        """Show one map of two checkpoints side by side; asks for the other if none is known."""
        if not self.names():
            return
        other = self._other_checkpoint()
        if other is not None:
            self.beside(other)
        else:
            self.choose_model()

    def choose_model(self) -> None:
        """Let the user choose the checkpoint to compare with."""
        if self.names():
            self._picker.load_checkpoint(self.beside)

    def beside(self, checkpoint: Path) -> None:
        """Show one map of the model in use and of another side by side."""
        name = self._map()
        self._lay_out([(HERE, name), (Content(checkpoint=checkpoint), name)])

    def similar(self) -> None:
        """Search the listed cases for those most alike to the frame being read, and show them."""
        state = self._state
        session, image, frame, own = (
            state.analysis.session,
            state.image,
            state.frame,
            state.case,
        )
        if not self.names() or session is None or image is None:
            return
        groups = [group for group in state.cases.groups if group.cases]
        cases = [case for group in groups for case in group.cases if case is not own]
        where = " and ".join(f"“{group.title}”" for group in groups)
        if not cases:
            state.notice.emit(
                "There is no other case in the list to search; open a folder of cases.", "info"
            )
            return

        def work(progress: Progress) -> Search:
            from engine.evaluation.likeness import search

            return search(session, image, frame, cases, progress)

        def done(result: Search) -> None:
            if state.image is image:
                self._show_alike(result, where)

        state.jobs.start("Searching for similar cases", work, done, key="similar")

    # Within

    def _show_alike(self, result: Search, where: str) -> None:
        alike = [one for one in result.found if one.likeness > 0][:ALIKE]
        missed = f" {result.unreadable} series could not be read." if result.unreadable else ""
        if not alike:
            why = "has anything in common with this one" if result.found else "could be compared"
            self._state.notice.emit(f"No other case in the list {why}.{missed}", "warning")
            return
        self.show_alike(alike)
        cases = f"{result.cases} other case" + ("s" if result.cases != 1 else "")
        images = f"{result.frames} image" + ("s" if result.frames != 1 else "")
        self._state.notice.emit(
            f"Searched the {cases} in the list ({where}; {images}), by what this model sees in "
            "them. They are not its training images; the next entry of the menu searches a folder "
            f"of those.{missed}",
            "info",
        )

    def show_alike(self, alike: Sequence[Alike], unlisted: Sequence[Case] = ()) -> None:
        """Show the frame being read beside those that are alike to it.

        unlisted: cases of theirs that are not in the list, and may be shown all the same.
        """
        self._unlisted = frozenset(unlisted)
        name = self._map()
        contents: list[tuple[Content, str | None]] = [(HERE, name)]
        for one in alike:
            note = f"likeness {one.likeness:.2f}" + (f" · {one.label}" if one.label else "")
            content = Content(one.case, one.series, frame=one.frame, note=note, companion="like")
            contents.append((content, name))
        self._lay_out(contents)
        for view in self._views.views[1 : len(contents)]:
            # Another patient's slices have no counterpart here: each stays on the one found.
            self._views.links.set_linked(view, False, "frame")

    def _lay_out(self, contents: list[tuple[Content, str | None]]) -> None:
        state, views = self._state, self._views
        contents = contents[:9]
        rows, cols = GRIDS[len(contents)]
        empty: tuple[Content, str | None] = (Content(empty=True), None)
        contents = contents + [empty] * (rows * cols - len(contents))
        with views.changing():
            views.grid.enlarge(None)
            state.set_grid(rows, cols)
            for shown in views.shown:
                views.links.set_linked(shown, True)
            for view, (_, name) in enumerate(contents):
                state.overlays.show(view, name)
            self._seen.update(range(len(contents)))
            state.contents.set_all([content for content, _ in contents])
        active = next((v for v, (_, name) in enumerate(contents) if name is not None), 0)
        state.set_active_view(active if contents[active][0] == HERE else 0)

    def names(self) -> tuple[str, ...]:
        """Return the model's maps; say what is missing where there are none."""
        state = self._state
        if state.image is None:
            state.notice.emit(NOTHING_OPEN, "info")
            return ()
        names = state.analysis.map_names
        if not names:
            state.notice.emit(LOADING if state.analysis.loading else NO_MODEL, "info")
        return names

    def _map(self) -> str | None:
        """Return the map that is compared: the active view's, else the fusion's."""
        state = self._state
        shown = state.overlays[state.active_view].map_name
        return shown or state.analysis.fusion or None

    def _other_checkpoint(self) -> Path | None:
        """Return the checkpoint to compare with: a guided one for an unguided, else any other."""
        state, checkpoints = self._state, self._views.board.checkpoints
        used = state.analysis.checkpoint
        others = [path for path in checkpoints.known if path != used]
        guided = _is_guided(used.stem) if used is not None else None
        counterpart = [p for p in others if _is_guided(p.stem) not in (None, guided)]
        return next(iter(counterpart or others), None)

    def _follow(self, _: object) -> None:
        """Another case is read: what was put beside the one before goes with it."""
        state = self._state
        case, series = state.case, state.series
        for view in range(state.views):
            content = state.contents[view]
            if content.companion == "like" and content.series is not series:
                state.contents.set(view, Content(empty=True))
            elif content.companion and case is not None and series is not None:
                other = partner(case, series) if content.companion == "sequence" else None
                beside = Content(case, other, companion="sequence")
                state.contents.set(view, beside if other is not None else Content(empty=True))

    def _let_go(self) -> None:
        """Show no case any more that has been closed."""
        state = self._state
        listed = {case for group in state.cases.groups for case in group.cases}
        for view in range(VIEWS):
            if state.contents[view].case not in (None, *listed, *self._unlisted):
                state.contents.set(view, HERE)


def _is_guided(name: str) -> bool | None:
    """Say by its file's name whether a model was guided by masks; None where it does not tell."""
    lower = name.lower().replace("-", "").replace("_", "")
    if "unguided" in lower or "notguided" in lower or "noguid" in lower:
        return False
    return True if "guid" in lower else None
