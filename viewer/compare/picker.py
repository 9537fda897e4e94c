"""The menu under a view's title: which map, whose masks, which image, which model, how linked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.images.case import Case, Series
from engine.saliency.derived import title
from viewer import dialogs
from viewer.canvas.links import Aspect
from viewer.compare import titles
from viewer.compare.board import Subject
from viewer.state import AppState
from viewer.state.analysis import is_slow
from viewer.state.contents import ALL_MASKS, NO_MASKS
from viewer.views import Views

#: More cases than this make a menu that nobody reads; the list beside it takes any number.
LISTED = 30
CHECKPOINTS = "Checkpoints (*.safetensors);;All files (*)"
_ASPECTS: tuple[tuple[Aspect, str], ...] = (
    ("place", "&Zoom and position"),
    ("frame", "&Slice"),
    ("window", "&Window"),
    ("cursor", "&Cursor"),
)


class Picker(QObject):
    """Fills the menus of the views' titles whenever they open."""

    def __init__(self, state: AppState, views: Views, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._views = views
        self._window = window
        views.menuRequested.connect(self.fill)

    def fill(self, view: int, menu: QMenu) -> None:
        """List what a view can show, and mark what it shows."""
        self._state.set_active_view(view)
        menu.clear()
        subject = self._views.subject(view)
        self._add_maps(view, menu, subject)
        menu.addSeparator()
        self._add_masks(view, menu.addMenu("&Masks"), subject)
        self._add_cases(view, menu.addMenu("&Image"))
        self._add_models(view, menu.addMenu("M&odel"))
        menu.addSeparator()
        if not subject.here and subject.series is not None:
            menu.addAction("&Read this image", partial(self._views.read_here, view))
        self._add_links(view, menu.addMenu("&Linked"))
        text = "&Back to the grid" if self._views.grid.enlarged else "&Enlarge"
        enlarge = menu.addAction(text, partial(self._views.grid.toggle_enlarged, view))
        enlarge.setEnabled(self._state.views > 1)

    def load_checkpoint(self, then: Callable[[Path], object]) -> None:
        """Let the user choose a checkpoint, and do something with it."""
        path = dialogs.choose_file(
            self._window, self._state.settings, "Compare with a checkpoint", CHECKPOINTS
        )
        if path is not None:
            then(path)

    def show_map(self, view: int, name: str | None) -> None:
        """Lay a map over a view, computing it first if need be."""
        self._state.contents.change(view, masks=self._kept_masks(view))
        self._state.overlays.show(view, name)
        subject = self._views.subject(view)
        if name is not None and subject.entry is not None and subject.entry.map is None:
            self._views.board.request(subject)

    def show_masks(self, view: int, mask_id: str) -> None:
        """Show all masks, none, or one alone."""
        self._state.contents.change(view, masks=mask_id)

    def show_series(self, view: int, case: Case | None, series: Series | None) -> None:
        """Show another image, or the one being read for None."""
        self._state.contents.change(
            view, case=case, series=series, masks=ALL_MASKS, note="", frame=None, companion=""
        )

    def show_model(self, view: int, checkpoint: Path | None) -> None:
        """Show another model's maps, or those of the model in use for None."""
        self._state.contents.change(view, checkpoint=checkpoint)

    def _kept_masks(self, view: int) -> str:
        masks = self._state.contents[view].masks
        return masks if masks in (ALL_MASKS, NO_MASKS) else ALL_MASKS

    def _add_maps(self, view: int, menu: QMenu, subject: Subject) -> None:
        session = subject.session
        names = self._state.analysis.map_names
        if session is not None:
            derived = (name for name in self._state.analysis.derived if session.offers(name))
            names = (*session.map_names, *derived)
        alone = titles.alone_mask(subject)
        bare = subject.map_name is None and alone is None and not subject.content.empty
        _option(menu, "&Image alone", bare, partial(self.show_map, view, None))
        before = False
        for name in names:
            if is_slow(name) and not before:
                menu.addSeparator()
                before = True
            text = title(name) + ("\tcomputes first" if is_slow(name) else "")
            _option(menu, text, subject.map_name == name, partial(self.show_map, view, name))

    def _add_masks(self, view: int, menu: QMenu, subject: Subject) -> None:
        now = subject.content.masks
        show = partial(self.show_masks, view)
        _option(menu, "&All masks", now == ALL_MASKS, partial(show, ALL_MASKS))
        _option(menu, "&No masks", now == NO_MASKS, partial(show, NO_MASKS))
        masks = subject.document.masks if subject.document is not None else ()
        if masks:
            menu.addSeparator()
        for mask in masks:
            drawn = "" if not mask.is_empty else "\tempty"
            text = f"Only {titles.whose(mask)}".replace("&", "&&") + drawn
            _option(menu, text, now == mask.id, partial(show, mask.id))

    def _add_cases(self, view: int, menu: QMenu) -> None:
        now = self._state.contents[view]
        show = partial(self.show_series, view)
        reading = now.series is None and not now.empty
        _option(menu, "The image being &read", reading, partial(show, None, None))
        for group in self._state.cases.groups:
            if not group.cases:
                continue
            menu.addSeparator()
            cases, current = group.cases, now.case or self._state.case
            at = cases.index(current) if current in cases else 0
            start = max(min(at - LISTED // 2, len(cases) - LISTED), 0)
            for case in cases[start : start + LISTED]:
                self._add_case(menu, case, now.series, show)
            if len(cases) > LISTED:
                menu.addAction("Others: drag them from the list").setEnabled(False)

    def _add_case(
        self,
        menu: QMenu,
        case: Case,
        now: Series | None,
        show: Callable[[Case, Series], object],
    ) -> None:
        privacy = self._state.privacy
        text = privacy.case(case).replace("&", "&&")
        if len(case.series) == 1:
            _option(menu, text, case.series[0] is now, partial(show, case, case.series[0]))
            return
        inner = menu.addMenu(text)
        for series in case.series:
            says = privacy.series(series).replace("&", "&&")
            _option(inner, says, series is now, partial(show, case, series))

    def _add_models(self, view: int, menu: QMenu) -> None:
        now = self._state.contents[view].checkpoint
        checkpoints = self._views.board.checkpoints
        show = partial(self.show_model, view)
        in_use = f"The model in &use\t{checkpoints.name(None)}"
        _option(menu, in_use, now is None, partial(show, None))
        menu.addSeparator()
        for path in checkpoints.known:
            text = checkpoints.name(path).replace("&", "&&")
            action = _option(menu, text, path == now, partial(show, path))
            action.setToolTip(str(path))
        menu.addAction("&Load a checkpoint…", partial(self.load_checkpoint, show))
        menu.setToolTipsVisible(True)

    def _add_links(self, view: int, menu: QMenu) -> None:
        links, shown = self._views.links, self._views.views[view]
        menu.setEnabled(self._state.views > 1)
        for aspect, text in _ASPECTS:
            linked = links.is_linked(shown, aspect)
            turn = partial(links.set_linked, shown, not linked, aspect)
            _option(menu, text, linked, turn)


def _option(menu: QMenu, text: str, chosen: bool, act: Callable[[], object]) -> QAction:
    action = menu.addAction(text)
    action.setCheckable(True)
    action.setChecked(chosen)
    action.triggered.connect(lambda *_: act())
    return action
