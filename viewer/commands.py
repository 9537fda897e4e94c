"""Every command of the window as data: where it stands, its keys, and why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar
from shiboken6 import isValid

from viewer.state import AppState


@dataclass(frozen=True)
class Command:
    """One thing that can be done.

    place: the menus that lead to it, outermost first. name: of the action, "" for those that menus
    make as they open. why: a sentence on why it cannot be done now, "" where it can.
    """

    text: str
    place: tuple[str, ...]
    keys: str
    run: Callable[[], object]
    name: str = ""
    why: str = ""
    checked: bool | None = None

    @property
    def title(self) -> str:
        """The text with what leads to it, as it is searched."""
        return " › ".join((*self.place, self.text))


def plain(text: str) -> str:
    """Return a menu's text without its mnemonic and what stands beyond a tabulator."""
    return text.split("\t")[0].replace("&&", "\0").replace("&", "").replace("\0", "&")


def gather(
    bar: QMenuBar, named: dict[str, QAction], state: AppState, more: tuple[QMenu, ...] = ()
) -> list[Command]:
    """Return the commands of all menus, filled as if they were open, and those in none."""
    names = {id(action): name for name, action in named.items()}
    found: list[Command] = []
    seen: set[int] = set()
    tops = [action.menu() for action in bar.actions()]
    for menu in (*tops, *more):
        if isinstance(menu, QMenu):
            for action, place in _walk(menu, (plain(menu.title()),)):
                if id(action) not in seen:
                    seen.add(id(action))
                    found.append(_command(action, place, names.get(id(action), ""), state))
    for name, action in named.items():
        if id(action) not in seen:
            found.append(_command(action, (), name, state))
    return [command for command in found if command.text]


def _walk(menu: QMenu, place: tuple[str, ...]) -> Iterator[tuple[QAction, tuple[str, ...]]]:
    menu.aboutToShow.emit()  # menus such as the recent files are made as they open
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from _walk(below, (*place, plain(action.text())))
        elif not action.isSeparator() and action.isVisible():
            yield action, place


def _command(action: QAction, place: tuple[str, ...], name: str, state: AppState) -> Command:
    def run() -> None:
        if isValid(action) and action.isEnabled():
            action.trigger()

    native = QKeySequence.SequenceFormat.NativeText
    return Command(
        text=plain(action.text()).rstrip("…"),
        place=place,
        keys=", ".join(key.toString(native) for key in action.shortcuts()),
        run=run,
        name=name,
        why="" if action.isEnabled() else why_not(action, name, state),
        checked=action.isChecked() if action.isCheckable() else None,
    )


def why_not(action: QAction, name: str, state: AppState) -> str:
    """Return why an action is disabled: what its owner says, else what is missing."""
    said = action.property("why")
    if said:
        return str(said)
    if name in ("undo", "redo"):
        return f"There is nothing to {name}."
    if state.image is None:
        return "Open an image first."
    masks = state.masks
    if ("mask" in name or name == "clear") and all(mask.is_empty for mask in masks.all):
        return "Draw a mask first."
    if name == "clear":
        return "The mask is empty on this frame."
    if state.analysis.session is None and "map" in name:
        return "Load a model first."
    return "Not available for this image."
