"""The reader's list of labels, remembered between starts."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from engine.masks import labels
from engine.masks.labels import Label
from viewer.settings import Settings

_KEY = "masks/labels"


class LabelList(QObject):
    """The names and colours that masks are given."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        text = settings.text(_KEY)
        if text and labels.understood(text) is None:
            settings.set_aside(_KEY, "The list of labels")
        self._labels = labels.from_text(text)

    @property
    def all(self) -> tuple[Label, ...]:
        """The labels, in the reader's order."""
        return self._labels

    def set_all(self, wanted: Iterable[Label]) -> None:
        """Replace the list; raises ``MaskError`` for a bad or repeated name."""
        found = labels.checked(wanted)
        if found != self._labels:
            self._labels = found
            self._settings.set(_KEY, labels.to_text(found))
            self.changed.emit()
