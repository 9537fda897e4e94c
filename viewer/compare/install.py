"""Puts comparing into the window: actions, menu, the button of the grid, the list's drags."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QMenu, QToolButton

from engine.images.case import Series
from viewer import icons
from viewer.compare.arrangements import Arrangements
from viewer.compare.dragging import DragSource
from viewer.compare.grid_picker import add_table, words
from viewer.compare.memory import Memory
from viewer.compare.picker import Picker
from viewer.compare.similar import Similar
from viewer.state import AppState
from viewer.views import Views

if TYPE_CHECKING:
    from viewer.actions import Actions
    from viewer.window import Window

#: Grids with a shortcut: Alt and the number of their views.
GRIDS = ((1, 3), (2, 2), (2, 3), (3, 3))
ARRANGEMENTS = (
    *("all-maps", "all-maps-shap", "sequences", "two-models", "choose-model"),
    *("similar", "similar-training", "training-folder"),
)


class Compare(QObject):
    """What the window keeps of comparing: the arrangements, and the menus that offer them."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        state, views = window.state, window.views
        self.picker = Picker(state, views, window)
        self.arrangements = Arrangements(state, views, self.picker, self)
        self.similar = Similar(state, self.arrangements, window)
        self.memory = Memory(state, views, self)
        self._state = state
        self._make_actions(window.actions_, state, views)
        grids = tuple(f"grid-{rows}x{cols}" for rows, cols in GRIDS)
        links = ("choose-shown", "link-all", "lock-scale", "enlarge")
        entries = (*ARRANGEMENTS, None, *grids, None, *links)
        self.menu = window.actions_.menu("&Compare", *entries)
        self.button = QToolButton()
        self.button.setIconSize(QSize(20, 20))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setToolTip("Grid of views, and what to compare in it")
        self.button.setAccessibleName("Grid of views, and what to compare in it")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self.button)
        self.table = add_table(menu, self.arrangements.grid, lambda: state.grid)
        menu.addSeparator()
        window.actions_.fill(menu, *ARRANGEMENTS, None, *links)
        self.button.setMenu(menu)
        self.retheme()
        state.overlays.changed.connect(self._follow)
        state.viewsChanged.connect(self._follow)
        self._follow()

    def restore(self) -> None:
        """Lay out the grid as it was left, and remember it from now on."""
        self.arrangements.have_seen(self.memory.restore())
        self.memory.follow()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self.button.setIcon(icons.tool_icon("grid"))

    def let_drag(self, source: QAbstractItemView) -> None:
        """Let the series of a list be dropped on views; its rows say which by ``UserRole``."""
        DragSource(source, _series_at)

    def _make_actions(self, actions: Actions, state: AppState, views: Views) -> None:
        make, arrange = actions.make, self.arrangements
        make(
            "all-maps",
            "All &maps of this image",
            arrange.all_maps,
            "Alt+Shift+M",
            icon="layers",
            tip="The image and each of the model's maps, side by side",
        )
        make(
            "all-maps-shap",
            "All maps, S&HAP too",
            partial(arrange.all_maps, slow=True),
            tip="The image, each of the model's maps, and SHAP's, which take a while",
        )
        make(
            "sequences",
            "&T1 and STIR",
            arrange.sequences,
            "Alt+Shift+T",
            tip="Two sequences of this study side by side, slice by slice at the same position",
        )
        make(
            "two-models",
            "&Guided and unguided (two models)",
            arrange.models,
            "Alt+Shift+G",
            tip="The same map of the model in use and of another one, side by side",
        )
        make("choose-model", "Two models, &choose the other…", arrange.choose_model)
        make(
            "similar",
            "This case and &similar ones",
            arrange.similar,
            "Alt+Shift+S",
            tip="Search the cases of the list for those that look most alike to the model",
        )
        make(
            "similar-training",
            "This case and similar t&raining cases",
            self.similar.search,
            "Alt+Shift+R",
            tip="Search a folder, such as your training images, for those most alike to the model",
        )
        make(
            "training-folder",
            "Choose the &folder of the training cases…",
            self.similar.choose,
            tip="It is asked for once, and remembered",
        )
        for rows, cols in GRIDS:
            make(
                f"grid-{rows}x{cols}",
                words(rows, cols).capitalize(),
                partial(arrange.grid, rows, cols),
                f"Alt+{rows * cols}",
            )

        def link_all() -> None:
            for view in views.shown:
                views.links.set_linked(view, True)

        make("link-all", "&Link all views", link_all, "Alt+Shift+L", icon="link")
        make(
            "lock-scale",
            "One &colour scale in all views",
            lambda: state.overlays.restyle(
                scale="map" if state.overlays.style.scale == "locked" else "locked"
            ),
            "Alt+Shift+C",
            icon="lock",
            tip="One colour stands for one value in every view: of feature sums, of attention "
            "and of SHAP, each for itself",
            checkable=True,
        )
        make(
            "choose-shown",
            "Choose &what the active view shows…",
            lambda: views.active.header.open_menu(),
            "Alt+Down",
            tip="Open the menu of the active view's title: map, masks, image, model",
        )
        make(
            "enlarge",
            "&Enlarge the active view",
            lambda: views.grid.toggle_enlarged(state.active_view),
            "Alt+Return",
            tip="Give the active view all the room, or show the grid again",
        )
        self._actions = actions

    def _follow(self, *_: object) -> None:
        locked = self._state.overlays.style.scale == "locked"
        self._actions["lock-scale"].setChecked(locked)
        several = self._state.views > 1
        for name in ("link-all", "enlarge"):
            self._actions[name].setEnabled(several)


def _series_at(index: QModelIndex) -> Series | None:
    item = index.data(Qt.ItemDataRole.UserRole)
    case, series = getattr(item, "case", None), getattr(item, "series", None)
    if isinstance(series, Series):
        return series
    first = case.series[0] if case is not None and getattr(case, "series", None) else None
    return first if isinstance(first, Series) else None
