"""What the measuring tools share: where measurements are kept, and the one being moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.measure.book import MeasureBook

if TYPE_CHECKING:
    from engine.images.image import Image
    from engine.measure.document import MeasureDocument
    from engine.measure.measurement import Measurement
    from viewer.canvas.view import ImageView


class Desk(QObject):
    """One a window. ``previewChanged``: what is being put or moved looks different."""

    previewChanged = Signal()

    def __init__(self, book: MeasureBook, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.book = book
        self.shown = True
        self._preview: tuple[Image, Measurement] | None = None

    def of(self, view: ImageView) -> MeasureDocument | None:
        """Return the measurements of what a view shows."""
        return None if view.image is None else self.book.of(view.image)

    def set_preview(self, view: ImageView, item: Measurement | None) -> None:
        """Show a measurement in place of that of the same id, or beside all, until it is put."""
        new = None if item is None or view.image is None else (view.image, item)
        if new != self._preview:
            self._preview = new
            self.previewChanged.emit()

    def items(self, view: ImageView) -> tuple[Measurement, ...]:
        """Return what a view shows on its frame, the preview included, the chosen one last."""
        document = self.of(view)
        if document is None or not self.shown:
            return ()
        items = {item.id: item for item in document.on(view.frame)}
        if self._preview is not None and self._preview[0] is view.image:
            item = self._preview[1]
            if item.on(view.frame):
                items[item.id] = item
        chosen = document.selected
        found = tuple(item for key, item in items.items() if chosen is None or key != chosen.id)
        if chosen is not None and chosen.id in items:
            found += (items[chosen.id],)
        return found
