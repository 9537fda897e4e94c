"""The measurements of one image, with undo by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from engine.masks.history import History, Step
from engine.measure.geometry import Point
from engine.measure.measurement import Measurement

LIMIT_BYTES = 4 * 2**20

Listener = Callable[[], None]


class MeasureDocument:
    """In the order in which they were put. Belongs to one thread; masks know nothing of it."""

    def __init__(self, items: Iterable[Measurement] = ()) -> None:
        self._items: dict[str, Measurement] = {item.id: item for item in items}
        self._known = set(self._items)
        self._selected = ""
        self._history = History(LIMIT_BYTES)
        self._listeners: list[Listener] = []

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of them."""
        return tuple(self._items.values())

    @property
    def history(self) -> History:
        """The steps."""
        return self._history

    @property
    def undo_text(self) -> str:
        """What undo would turn back, "" if nothing."""
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, "" if nothing."""
        return self._history.redo_text

    @property
    def known(self) -> frozenset[str]:
        """The ids of all that were ever here, those that are gone too."""
        return frozenset(self._known)

    @property
    def selected(self) -> Measurement | None:
        """The one that keys and the list speak of."""
        return self._items.get(self._selected)

    def on(self, frame: int) -> tuple[Measurement, ...]:
        """Return those shown on a frame."""
        return tuple(item for item in self._items.values() if item.on(frame))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after every change; return what ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def select(self, measurement_id: str) -> None:
        """Choose one, "" for none; no step to undo."""
        if measurement_id not in self._items:
            measurement_id = ""
        if measurement_id != self._selected:
            self._selected = measurement_id
            self._tell()

    def add(self, item: Measurement) -> None:
        """Put one, and choose it."""
        self._do(f"{item.title} measurement" if item.kind != "cover" else "Cover", None, item)

    def move(self, measurement_id: str, points: Iterable[Point]) -> None:
        """Give one other points; ``KeyError`` if there is none of this id."""
        old = self._items[measurement_id]
        new = replace(old, points=tuple(points))
        if new != old:
            self._do(f"Move {old.title.lower()}", old, new)

    def remove(self, measurement_id: str) -> None:
        """Delete one; ``KeyError`` if there is none of this id."""
        old = self._items[measurement_id]
        self._do(f"Delete {old.title.lower()}", old, None)

    def clear(self) -> None:
        """Delete all but the covers."""
        gone = [item for item in self._items.values() if item.kind != "cover"]
        if gone:
            edits = [_Edit(self, item, None) for item in gone]
            step = Step("Delete all measurements", edits)
            step.apply()
            self._history.push(step)
            self._tell()

    def undo(self) -> bool:
        """Turn the newest step back; return False if there was none."""
        return self._changed(self._history.undo())

    def redo(self) -> bool:
        """Do the step again that was undone last; return False if there was none."""
        return self._changed(self._history.redo())

    def _changed(self, done: bool) -> bool:
        if done:
            self._tell()
        return done

    def _do(self, name: str, old: Measurement | None, new: Measurement | None) -> None:
        edit = _Edit(self, old, new)
        edit.apply()
        self._history.push(Step(name, [edit]))
        self._tell()

    def _put(self, old: Measurement | None, new: Measurement | None) -> None:
        if new is not None:
            self._items[new.id] = new
            self._known.add(new.id)
            self._selected = new.id
        elif old is not None:
            self._items.pop(old.id, None)
            if self._selected == old.id:
                self._selected = ""

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


@dataclass
class _Edit:
    document: MeasureDocument
    old: Measurement | None
    new: Measurement | None

    def apply(self) -> None:
        self.document._put(self.old, self.new)

    def revert(self) -> None:
        self.document._put(self.new, self.old)

    @property
    def nbytes(self) -> int:
        return 200 + 64 * sum(len(m.points) for m in (self.old, self.new) if m is not None)
