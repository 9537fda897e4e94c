"""Mouse and keys: the set, each gesture, each function's keys, and files of sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from engine.errors import SaliscopeError
from viewer import dialogs
from viewer.actions import Actions
from viewer.canvas.bindings import VIEW_KEYS, VIEW_TITLES
from viewer.commands import Command
from viewer.keymap import files
from viewer.keymap.keymap import Keymap, KeymapError, normal, unreachable
from viewer.keymap.presets import PRESETS, preset
from viewer.preferences.keyedit import KeyEdit
from viewer.preferences.mousetable import MouseTable
from viewer.preferences.page import Page
from viewer.settings import Settings
from viewer.widgets.remark import Remark
from viewer.widgets.section import label

OWN = "My own"
_FILES = "Sets of keys (*.json);;All files (*)"
_NAME = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Function:
    """Something that can be given keys."""

    name: str
    title: str
    place: str


def functions(commands: Sequence[Command], actions: Actions) -> list[Function]:
    """Return all that can be given keys: the views' own and every named action, as the menus."""
    found = [Function(n, VIEW_TITLES[n], "On a view") for n in VIEW_KEYS if n in VIEW_TITLES]
    for command in commands:
        if command.name in actions.all:
            place = " › ".join(command.place) or "Elsewhere"
            found.append(Function(command.name, command.text, place))
    return found


class KeysPage(Page):
    """Changes take effect at once; a preset that is changed becomes a set of one's own."""

    title = "Mouse and keys"

    def __init__(
        self,
        settings: Settings,
        actions: Actions,
        gather: Callable[[], Sequence[Command]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._actions = actions
        self._gather = gather
        self._functions: dict[str, Function] = {}
        self._wanted: tuple[str, str] | None = None  # function and key that another has

        self.head("Set")
        self.sets = QComboBox()
        self.sets.setAccessibleName("Set of keys and mouse gestures")
        self.sets.activated.connect(self._choose_set)
        self.load = QPushButton("Import…")
        self.load.clicked.connect(self._import)
        self.save = QPushButton("Export…")
        self.save.clicked.connect(self._export)
        self.row(self.sets, self.load, self.save)
        self._about = self.explain("")

        self.head("Mouse")
        self.mouse = MouseTable()
        self.mouse.chosen.connect(self._choose_gesture)
        self.column.addWidget(self.mouse)
        self._unreachable = Remark()
        self.column.addWidget(self._unreachable)

        self.head("Keys")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a function or a key")
        self.field.setAccessibleName("Find a function or a key")
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._filter)
        self.column.addWidget(self.field)
        self.tree = QTreeWidget()
        self.tree.setObjectName("keyTable")
        self.tree.setHeaderLabels(["Function", "Keys"])
        self.tree.setAccessibleName("Functions and their keys")
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setMinimumHeight(220)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setSectionsMovable(False)
        self.tree.currentItemChanged.connect(self._follow)
        self.column.addWidget(self.tree, 1)
        self.edit = KeyEdit()
        self.edit.setMaximumWidth(150)
        self.edit.pressed.connect(self.give)
        self.tree.itemActivated.connect(lambda *_: self.edit.setFocus())
        self.none = QPushButton("No key")
        self.none.clicked.connect(self._take_all)
        self.own = QPushButton("Its own key")
        self.own.setToolTip("Give this function the key again that it has in the set Saliscope")
        self.own.clicked.connect(self._own)
        self._for = label("")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._for, 1)
        for widget in (self.edit, self.none, self.own):
            line.addWidget(widget)
        self.column.addLayout(line)
        self.conflict = Remark()
        self.column.addWidget(self.conflict)
        self.take = QPushButton("")
        self.take.clicked.connect(self._take_over)
        self.keep = QPushButton("Leave it")
        self.keep.clicked.connect(self._leave)
        self.row(self.take, self.keep)
        self._leave()
        actions.keysChanged.connect(self.refresh)
        self.refresh()

    # What holds now

    @property
    def keymap(self) -> Keymap:
        """The set in use."""
        return self._actions.keymap.current

    def refresh(self) -> None:
        """Show what holds now."""
        keymap = self.keymap
        self.sets.clear()
        for known in PRESETS:
            self.sets.addItem(known.name)
        if keymap != preset(keymap.name):
            self.sets.addItem(keymap.name)
            self.sets.setCurrentIndex(len(PRESETS))
        else:
            self.sets.setCurrentText(keymap.name)
        self._about.setText(keymap.about)
        self.mouse.show_keymap(keymap)
        self._unreachable.say("\n".join(unreachable(keymap.mouse)), "warning")
        now = self._current()
        self.tree.clear()
        self._functions = {f.name: f for f in functions(self._gather(), self._actions)}
        for function in self._functions.values():
            keys = self._actions.keys_text(function.name)
            item = QTreeWidgetItem([f"{function.place} › {function.title}", keys])
            item.setData(0, _NAME, function.name)
            item.setToolTip(0, item.text(0))
            self.tree.addTopLevelItem(item)
            if function.name == now:
                self.tree.setCurrentItem(item)
        first = self.tree.topLevelItem(0)
        if self.tree.currentItem() is None and first is not None:
            self.tree.setCurrentItem(first)
        self._filter()
        self._follow()

    def choose(self, name: str) -> None:
        """Mark a function in the list."""
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if item is not None and item.data(0, _NAME) == name:
                self.tree.setCurrentItem(item)

    def _current(self) -> str:
        item = self.tree.currentItem()
        return str(item.data(0, _NAME)) if item is not None else ""

    def _follow(self, *_: object) -> None:
        function = self._functions.get(self._current())
        self._for.setText(f"Key for “{function.title}”" if function else "")
        for widget in (self.edit, self.none, self.own):
            widget.setEnabled(function is not None)
        self.own.setEnabled(function is not None and function.name in self.keymap.keys)
        self._leave()

    def _filter(self, *_: object) -> None:
        word = self.field.text().casefold().strip()
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if item is not None:
                item.setHidden(word not in f"{item.text(0)} {item.text(1)}".casefold())

    # Changing it

    def _use(self, keymap: Keymap) -> None:
        """Take up a set that differs from all presets as one of the user's own."""
        if keymap != preset(keymap.name) and preset(keymap.name) is not None:
            about = f"Began as “{keymap.name}”."
            keymap = replace(keymap, name=OWN, about=about)
        self._actions.keymap.use(keymap)

    def _choose_set(self, row: int) -> None:
        if row < len(PRESETS):
            self._actions.keymap.use(PRESETS[row])

    def _choose_gesture(self, gesture: str, what: str) -> None:
        self._use(self.keymap.with_mouse(gesture, what))

    def give(self, key: str) -> None:
        """Give the function marked a key; ask first where another has it."""
        name = self._current()
        try:
            key = normal(key)
        except KeymapError as error:
            self._leave()
            self.conflict.say(str(error), "warning")
            return
        holders = [n for n in self._functions if n != name and key in self._actions.keys_of(n)]
        if holders:
            self._wanted = (name, key)
            held = " and ".join(f"“{self._functions[n].title}”" for n in holders)
            self.conflict.say(f"{key} is the key for {held}.", "warning")
            self.take.setText(f"Give it to “{self._functions[name].title}” instead")
            self.take.show()
            self.keep.show()
            self.take.setFocus()
            return
        self._leave()
        self._use(self.keymap.with_keys(name, (key,)))

    def _take_over(self) -> None:
        if self._wanted is None:
            return
        name, key = self._wanted
        keymap = self.keymap
        for other in self._functions:
            keys = self._actions.keys_of(other)
            if other != name and key in keys:
                keymap = keymap.with_keys(other, tuple(k for k in keys if k != key))
        self._leave()
        self._use(keymap.with_keys(name, (key,)))

    def _leave(self) -> None:
        self._wanted = None
        self.conflict.say("")
        self.take.hide()
        self.keep.hide()

    def _take_all(self) -> None:
        self._use(self.keymap.with_keys(self._current(), ()))

    def _own(self) -> None:
        self._use(self.keymap.without(self._current()))

    # Files

    def _import(self) -> None:
        path = dialogs.choose_file(self, self._settings, "Import a set of keys", _FILES)
        if path is not None:
            self.say(lambda: self._actions.keymap.use(files.read(path)))

    def _export(self) -> None:
        keymap = self.keymap
        name = "saliscope-keys.json"
        path = dialogs.choose_target(self, self._settings, "Export the set of keys", name, _FILES)
        if path is not None:
            self.say(lambda: files.write(keymap, path), f"Written to {path.name}.")

    def say(self, act: Callable[[], object], done: str = "") -> None:
        """Do something with a file, and say under the set how it went."""
        try:
            act()
        except SaliscopeError as error:
            self._about.setText(str(error))
        else:
            if done:
                self._about.setText(done)
