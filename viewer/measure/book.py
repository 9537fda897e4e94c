"""The measurements of every image opened since the program started, saved as they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.errors import SaliscopeError
from engine.images.image import Image

if TYPE_CHECKING:
    from engine.masks.shapes import Box
    from engine.measure.document import MeasureDocument

#: Changes this close together are written at once, ms.
_WRITE_MS = 300


class MeasureBook(QObject):
    """One document an image, by what the image holds: it is there again when opened again."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._documents: dict[str, MeasureDocument] = {}
        self._unsaved: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WRITE_MS)
        self._timer.timeout.connect(self.save)

    def of(self, image: Image) -> MeasureDocument:
        """Return an image's measurements; those kept from earlier are read once."""
        document = self._documents.get(image.key)
        if document is None:
            from engine.measure import store
            from engine.measure.document import MeasureDocument

            self._rescue(image.key)
            document = MeasureDocument(store.load(image.key))
            document.subscribe(self._noting(image.key))
            self._documents[image.key] = document
        return document

    def covers(self, image: Image) -> tuple[Box, ...]:
        """Return the boxes (rows, cols) of an image that are to be black in what is exported."""
        from engine.measure import covers

        return covers.boxes(self.of(image).items, image.shape)

    def save(self) -> None:
        """Write what has changed; what cannot be written is kept for the next time."""
        from engine.measure import store

        self._timer.stop()
        for key in tuple(self._unsaved):
            try:
                said = store.save(key, self._documents[key])
            except SaliscopeError as error:  # tried again with the next change, and at the end
                self.failed.emit(str(error))
            else:
                self._unsaved.discard(key)
                if said:
                    self.failed.emit(said)

    def _rescue(self, key: str) -> None:
        """Move what cannot be read out of the way before anything is written in its place."""
        from engine.measure import store

        try:
            said = store.rescue(key)
        except SaliscopeError as error:
            said = str(error)
        if said:  # not at once: a view may ask while it paints
            QTimer.singleShot(0, self, lambda: self.failed.emit(said))

    def _noting(self, key: str) -> Callable[[], None]:
        def note() -> None:
            self._unsaved.add(key)
            self._timer.start()
            self.changed.emit()

        return note
