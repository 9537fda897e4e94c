"""The masks of the image on screen: the document, its autosave, and which one is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from engine.images.image import Image
from engine.masks.measure import Counted
from viewer.settings import Settings
from viewer.state.labels import LabelList
from viewer.state.storage import REFERENCE

if TYPE_CHECKING:
    from engine.masks.change import Change
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask

_FRAME_MS = 16


class Masks(QObject):
    """Passes on what the document says: pixels at once, all else once a screen frame."""

    documentChanged = Signal(object)  # MaskDocument or None
    changed = Signal()
    comparedPixels = Signal(object)  # Change of the compared mask
    comparedReset = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.labels = LabelList(settings, self)
        self.labels.changed.connect(self._use_labels)
        self.document: MaskDocument | None = None
        self.counted = Counted()
        self.image: Image | None = None
        self._compared_id = ""
        self._last_compared = ""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._throttle = QTimer(self)
        self._throttle.setSingleShot(True)
        self._throttle.setInterval(_FRAME_MS)
        self._throttle.timeout.connect(self.changed)

    def set_document(self, image: Image | None, document: MaskDocument | None) -> None:
        """Turn to another image's masks."""
        self._unsubscribe()
        self.image = image
        self.document = document
        self.counted.clear()
        self._compared_id = ""
        if document is not None:
            self._unsubscribe = document.subscribe(self._on_change)
        self._use_labels()
        self._remember()
        self.documentChanged.emit(document)
        self.comparedReset.emit()
        self.changed.emit()

    @property
    def all(self) -> tuple[Mask, ...]:
        """Every mask of the image."""
        return self.document.masks if self.document is not None else ()

    @property
    def compared_id(self) -> str:
        """The mask chosen for comparing, "" to follow the active one."""
        return self._compared_id

    @property
    def compared(self) -> Mask | None:
        """The mask that maps are compared with: the chosen one, else the active one.

        While nothing has been drawn yet, the mask that came with the image takes its place.
        """
        chosen = next((mask for mask in self.all if mask.id == self._compared_id), None)
        if chosen is not None or self.document is None:
            return chosen
        active = self.document.active
        if active is None or active.is_empty:
            return next((mask for mask in self.all if mask.id == REFERENCE), active)
        return active

    def compare_with(self, mask_id: str) -> None:
        """Compare maps with one mask, or with the active one for ""."""
        self._compared_id = mask_id
        self._remember()
        self.comparedReset.emit()
        self.changed.emit()

    def compared_pixels(self, frame: int) -> NDArray[np.bool_] | None:
        """Return a frame of the compared mask."""
        compared = self.compared
        return compared.frame(frame) if compared is not None else None

    def _use_labels(self) -> None:
        if self.document is not None:
            self.document.labels = self.labels.all

    def _remember(self) -> None:
        compared = self.compared
        self._last_compared = compared.id if compared is not None else ""

    def _on_change(self, change: Change) -> None:
        if change.kind in ("pixels", "added", "removed"):
            self.counted.forget(change.mask_id, change.frame)
        compared = self.compared
        now = compared.id if compared is not None else ""
        if now != self._last_compared:
            self._last_compared = now
            self.comparedReset.emit()
        elif change.kind == "pixels" and change.mask_id == now:
            self.comparedPixels.emit(change)
        if not self._throttle.isActive():
            self._throttle.start()
