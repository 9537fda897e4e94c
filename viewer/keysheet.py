"""All keys and what the mouse does, as they are bound now: one sheet to look something up on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from viewer.actions import Actions
from viewer.canvas.bindings import VIEW_KEYS, VIEW_TITLES
from viewer.commands import Command
from viewer.keymap import gestures
from viewer.widgets.elided import Elided
from viewer.widgets.keycaps import Keycaps
from viewer.widgets.section import label

#: Keys that belong to what is being drawn, in every set.
DRAWING = (
    ("Return", "Close the polygon (or double-click)"),
    ("Backspace", "Take back the last corner"),
    ("Esc", "Give up what was begun"),
    ("Alt", "Brush erases, eraser paints"),
    ("Shift", "Straight line; sides at 45°"),
    ("Space", "Hold to move, tap to play"),
)
_COLUMN = 360


@dataclass(frozen=True)
class Group:
    """A headed part of the sheet: keys and what they do."""

    title: str
    rows: tuple[tuple[str, str], ...]


def groups(commands: Sequence[Command], actions: Actions) -> list[Group]:
    """Return what is bound, grouped as the menus; the mouse first."""
    mouse = actions.keymap.current.mouse
    order = {name: place for place, name in enumerate(("Left", "Middle", "Right", "Wheel"))}
    by_device = sorted(mouse, key=lambda g: (order[g.split("+")[-1]], g.count("+"), g))
    found = [
        Group(
            "Mouse",
            tuple(
                (gestures.spoken(name), _capital(gestures.functions(name)[mouse[name]]))
                for name in by_device
            ),
        ),
        Group(
            "On a view",
            tuple(
                (actions.keys_text(name), VIEW_TITLES[name])
                for name in VIEW_KEYS
                if name in VIEW_TITLES and actions.keys_text(name)
            ),
        ),
    ]
    rows: dict[str, list[tuple[str, str]]] = {}
    for command in commands:
        if command.keys:
            place = command.place[-1] if command.place[-1:] == ("Tool",) else command.place[:1]
            heading = place if isinstance(place, str) else "".join(place) or "Elsewhere"
            rows.setdefault(heading, []).append((command.keys, command.text))
    found += [Group(title, tuple(lines)) for title, lines in rows.items()]
    found.append(Group("While drawing", DRAWING))
    return [group for group in found if group.rows]


class KeySheet(QDialog):
    """Filtered by a word; follows another set of keys as it is chosen."""

    def __init__(
        self,
        parent: QWidget,
        actions: Actions,
        gather: Callable[[], Sequence[Command]],
        change: Callable[[], object],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self._actions = actions
        self._gather = gather
        self._columns = 0
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a key or what it does")
        self.field.setAccessibleName("Find a key or what it does")
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self.refresh)
        self._set = label("", "secondary")
        button = QPushButton("Change…")
        button.setAccessibleName("Change keys and mouse")
        button.setAutoDefault(False)
        button.clicked.connect(change)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.field, 1)
        head.addWidget(self._set)
        head.addWidget(button)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName("Keys and mouse")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 12)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        actions.keysChanged.connect(self.refresh)
        self.resize(min(1160, parent.width() - 40), min(720, parent.height() - 40))
        self.refresh()
        self.field.setFocus()

    @property
    def shown(self) -> list[Group]:
        """The groups that the word leaves."""
        word = self.field.text().casefold().strip()
        kept = []
        for group in groups(self._gather(), self._actions):
            rows = tuple(
                row for row in group.rows if word in f"{group.title} {row[0]} {row[1]}".casefold()
            )
            if rows:
                kept.append(Group(group.title, rows))
        return kept

    def refresh(self, *_: object) -> None:
        """Lay the sheet out anew."""
        self._set.setText(f"Set: {self._actions.keymap.current.name}")
        self._columns = max(1, (self.width() - 60) // _COLUMN)
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(32)
        found = self.shown
        for column in _balanced(found, self._columns):
            stack = QVBoxLayout()
            stack.setSpacing(20)
            for group in column:
                stack.addLayout(_laid_out(group))
            stack.addStretch(1)
            row.addLayout(stack, 1)
        if not found:
            row.addWidget(label("Nothing here is called that. Try fewer letters.", "secondary"))
        self._scroll.setWidget(content)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the columns that there is room for."""
        super().resizeEvent(event)
        if max(1, (self.width() - 60) // _COLUMN) != self._columns:
            self.refresh()


def _balanced(found: list[Group], columns: int) -> list[list[Group]]:
    """Share groups out among columns, in order, about equally long."""
    heights = [len(group.rows) + 2 for group in found]
    count = len(found)

    def longest(cuts: tuple[int, ...]) -> int:
        return max(sum(heights[a:b]) for a, b in pairwise((0, *cuts, count)))

    ways = combinations_with_replacement(range(count + 1), columns - 1)
    best = min(ways, key=longest)
    return [found[a:b] for a, b in pairwise((0, *best, count))]


def _laid_out(group: Group) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(0, 1)
    grid.addWidget(label(group.title.upper(), "heading"), 0, 0, 1, 2)
    for line, (keys, what) in enumerate(group.rows, start=1):
        text = Elided(what)
        caps = Keycaps(keys) if group.title != "Mouse" else label(keys)
        caps.setToolTip(what)
        grid.setRowMinimumHeight(line, 22)
        grid.addWidget(text, line, 0)
        grid.addWidget(caps, line, 1, Qt.AlignmentFlag.AlignRight)
    return grid


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
