"""Every function as an action with its shortcut, and the menus that hold them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from engine.images.image import Window
from engine.images.orientation import stack_planes
from engine.images.reslice import can_reslice
from engine.images.windowing import presets
from engine.saliency.derived import title
from viewer import icons
from viewer.canvas.bindings import VIEW_KEYS
from viewer.keymap.store import KeymapStore
from viewer.state import AppState
from viewer.state.analysis import is_slow
from viewer.tools.base import Tool


class Actions(QObject):
    """``make`` registers an action under a name; menus list them.

    Keys given to ``make`` are the action's own; the set of keys in use may give it others, then
    and later. ``keysChanged``: tooltips that name keys must be read again.
    """

    keysChanged = Signal()

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._window = window
        self.all: dict[str, QAction] = {}
        self.own_keys: dict[str, tuple[str, ...]] = dict(VIEW_KEYS)
        self.keymap = KeymapStore(state.settings, self)
        self.keymap.changed.connect(self._rekey)
        self.menus = QMenuBar(window)
        self.menus.setNativeMenuBar(False)
        self.menus.setAccessibleName("Menus")

    def make(
        self,
        name: str,
        text: str,
        act: Callable[[], object],
        keys: str | tuple[str, ...] = "",
        *,
        icon: str = "",
        tip: str = "",
        checkable: bool = False,
    ) -> QAction:
        """Register an action on the window."""
        action = QAction(text, self._window)
        given = (keys,) if isinstance(keys, str) else keys
        self.own_keys[name] = tuple(
            QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            for key in given
            if key
        )
        action.setShortcuts([QKeySequence(key) for key in self.keys_of(name)])
        action.setCheckable(checkable)
        if icon:
            action.setProperty("icon-name", icon)
            action.setIcon(icons.icon(icon))
            action.setIconVisibleInMenu(False)
        action.setProperty("tip", tip)
        self._describe(action)
        action.triggered.connect(lambda *_: act())
        self._window.addAction(action)
        self.all[name] = action
        return action

    def __getitem__(self, name: str) -> QAction:
        return self.all[name]

    def keys_of(self, name: str) -> tuple[str, ...]:
        """Return the keys of an action, or of a function of the views, in the set in use."""
        return self.keymap.current.keys_of(name, self.own_keys.get(name, ()))

    def keys_text(self, name: str, join: str = ", ") -> str:
        """Return them as they are shown, "" where there are none."""
        native = QKeySequence.SequenceFormat.NativeText
        return join.join(QKeySequence(key).toString(native) for key in self.keys_of(name))

    def hint(self, widget: QWidget, name: str, text: str) -> None:
        """Give a widget a tooltip that names an action's key, whatever it is."""

        def say() -> None:
            keys = self.keys_text(name)
            widget.setToolTip(f"{text} ({keys})" if keys else text)

        self.keysChanged.connect(say)
        say()

    def allow(self, name: str, enabled: bool, why: str = "") -> None:
        """Enable an action, or disable it and remember why for whoever asks."""
        self.all[name].setEnabled(enabled)
        self.all[name].setProperty("why", "" if enabled else why)

    def menu(self, text: str, *names: str | QMenu | None) -> QMenu:
        """Add a menu of actions, submenus and separators (None) to the bar."""
        menu = self.fill(QMenu(text, self._window), *names)
        self.menus.addMenu(menu)
        return menu

    def fill(self, menu: QMenu, *names: str | QMenu | None) -> QMenu:
        """Put actions, submenus and separators (None) into a menu."""
        menu.setToolTipsVisible(True)
        for name in names:
            if name is None:
                menu.addSeparator()
            elif isinstance(name, QMenu):
                menu.addMenu(name)
            else:
                menu.addAction(self.all[name])
        return menu

    def name_steps(self) -> None:
        """Name what undo and redo would do, and allow them only if there is something."""
        steps = self._state.steps
        for name, verb, text in (
            ("undo", "Undo", steps.undo_text),
            ("redo", "Redo", steps.redo_text),
        ):
            action = self.all[name]
            action.setEnabled(bool(text))
            action.setText(f"{verb} {text[:1].lower()}{text[1:]}" if text else verb)
            self._describe(action)

    def recent_menu(self, open_paths: Callable[[list[Path]], object]) -> QMenu:
        """Return a menu that lists the recent paths whenever it opens."""
        menu = QMenu("Open &recent", self._window)

        def fill() -> None:
            menu.clear()
            hidden = self._state.privacy.hidden
            for number, path in enumerate(self._state.settings.recent, 1):
                action = menu.addAction(f"Opened before, {number}" if hidden else path.name)
                action.setToolTip("" if hidden else str(path))
                action.triggered.connect(lambda *_, path=path: open_paths([path]))
            if menu.isEmpty():
                menu.addAction("Nothing opened yet").setEnabled(False)
            else:
                menu.addSeparator()
                menu.addAction("Clear this list", self._state.settings.clear_recent)

        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(fill)
        return menu

    def overlay_menu(self) -> QMenu:
        """Return a menu of the model's maps for the active view."""
        menu = QMenu("&Overlay", self._window)

        def fill() -> None:
            menu.clear()
            state = self._state
            now = state.overlays[state.active_view].map_name
            for name in (None, *state.analysis.map_names):
                text = "None" if name is None else title(name)
                entry = state.analysis.entries.get(name or "")
                if name and is_slow(name) and (entry is None or entry.map is None):
                    text += " (computes first)"
                action = menu.addAction(text)
                action.setCheckable(True)
                action.setChecked(name == now)
                action.triggered.connect(lambda *_, name=name: self.show_map(name))

        menu.aboutToShow.connect(fill)
        return menu

    def window_menu(self, apply: Callable[[Window], object]) -> QMenu:
        """Return a menu of the file's windows and those that suit its modality."""
        menu = QMenu("&Window presets", self._window)

        def fill() -> None:
            menu.clear()
            image = self._state.image
            if image is None or image.is_colour:
                menu.addAction("Only grey images have windows").setEnabled(False)
                return
            for number, window in enumerate(presets(image, self._state.frame), 1):
                numbers = f"W {window.width:.4g}  L {window.centre:.4g}"
                keys = self.keys_text(f"window-{number}") if f"window-{number}" in self.all else ""
                key = f"    {keys}" if keys else ""
                action = menu.addAction(f"{window.name or 'Stored'}\t{numbers}{key}")
                action.triggered.connect(lambda *_, window=window: apply(window))

        menu.aboutToShow.connect(fill)
        return menu

    def axis_menu(self) -> QMenu:
        """Return a menu of the axes along which the stack can be cut into slices."""
        menu = QMenu("Slice &along", self._window)

        def fill() -> None:
            menu.clear()
            image = self._state.acquired
            if self._state.image is None or image is None or not can_reslice(image):
                menu.addAction("Needs an evenly spaced stack").setEnabled(False)
                return
            for axis, plane in enumerate(stack_planes(image)):
                text = plane.capitalize() or f"Axis {axis}"
                action = menu.addAction(f"{text}, as acquired" if axis == 0 else text)
                action.setCheckable(True)
                action.setChecked(axis == self._state.axis)
                action.triggered.connect(lambda *_, axis=axis: self._state.set_axis(axis))

        menu.aboutToShow.connect(fill)
        return menu

    def show_map(self, name: str | None) -> None:
        """Lay a map over the active view, computing it first if need be."""
        state = self._state
        state.overlays.show(state.active_view, name)
        if name is not None and state.contents[state.active_view].is_own:
            state.analysis.request(name)  # of another image or model, its view offers it

    def step_map(self, by: int) -> None:
        """Turn to the next or previous map that is ready."""
        state = self._state
        names: list[str | None] = [None]
        names += [n for n in state.analysis.map_names if n in state.analysis.maps]
        now = state.overlays[state.active_view].map_name
        at = names.index(now) if now in names else 0
        state.overlays.show(state.active_view, names[(at + by) % len(names)])

    def tool_group(self, tools: tuple[Tool, ...], choose: Callable[[Tool], object]) -> QMenu:
        """Return a menu of the tools."""
        menu = QMenu("&Tool", self._window)
        group = QActionGroup(self._window)
        for tool in tools:
            action = self.make(
                f"tool-{tool.name}",
                tool.title,
                partial(choose, tool),
                tool.shortcut,
                tip=tool.hint,
                checkable=True,
            )
            group.addAction(action)
            menu.addAction(action)
        return menu

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        for action in self.all.values():
            name = action.property("icon-name")
            if name:
                action.setIcon(icons.icon(name))

    def _rekey(self) -> None:
        for name, action in self.all.items():
            action.setShortcuts([QKeySequence(key) for key in self.keys_of(name)])
            self._describe(action)
        self.keysChanged.emit()

    def _describe(self, action: QAction) -> None:
        text = action.property("tip") or action.text().replace("&", "").rstrip("…")
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{text} ({keys})" if keys else text)
