"""The masks of the image: a row each, and the size and intensities of the active one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from engine.images.gaps import after
from engine.masks.labels import Label
from viewer import icons
from viewer.panels.mask_row import MaskRow
from viewer.panels.mask_statistics import StatisticsTable, area_text
from viewer.state import AppState
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section

if TYPE_CHECKING:
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask


#: Statistics are counted at most this often, ms: reading them takes longer.
_COUNT_MS = 120


class MasksPanel(Section):
    """A row a mask; every change goes through the document and can be undone."""

    editLabels = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Masks", parent)
        self._state = state
        self._rows: dict[str, MaskRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._remark = Remark()
        self.body.addLayout(self._list)
        self.body.addWidget(self._remark)
        self.add = self._button("plus", "Add a mask", self._on_add)
        self.clear = self._button("eraser", "Clear the active mask on this frame", self._on_clear)
        self.remove = self._button("trash", "Remove the active mask", self._on_remove)
        self.statistics = StatisticsTable()
        self._uncounted = False
        self._counting = QTimer(self)
        self._counting.setSingleShot(True)
        self._counting.setInterval(_COUNT_MS)
        self._counting.timeout.connect(self._count)
        self.body.addWidget(self.statistics)
        state.masks.changed.connect(self.refresh)
        state.frameChanged.connect(self.refresh)
        self.refresh()

    @property
    def rows(self) -> dict[str, MaskRow]:
        """The rows by mask id."""
        return self._rows

    def _button(self, icon: str, what: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icons.icon(icon, size=16))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(what)
        button.setAccessibleName(what)
        button.setProperty("icon-name", icon)
        button.clicked.connect(act)
        self.extra.addWidget(button)
        return button

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        super().retheme()
        for button in self.findChildren(QToolButton):
            name = button.property("icon-name")
            if name:
                button.setIcon(icons.icon(name, size=16))

    def refresh(self, *_: object) -> None:
        """Show the document as it is."""
        masks, document = self._state.masks, self._state.masks.document
        ids = tuple(mask.id for mask in masks.all)
        if ids != tuple(self._rows):
            self._rebuild(ids)
        active = document.active if document is not None else None
        for mask in masks.all:
            self._rows[mask.id].show_mask(mask, self._measure(mask), mask is active)
        has_image = document is not None
        self.add.setEnabled(has_image)
        self.clear.setEnabled(active is not None and active.area(self._state.frame) > 0)
        self.remove.setEnabled(active is not None)
        if not has_image:
            self._remark.say("Open an image to draw on it.")
        elif not ids:
            self._remark.say("Take the brush and draw; a mask is added with the first stroke.")
        else:
            self._remark.say("")
        if self._counting.isActive():
            self._uncounted = True  # a brush over a large mask must not wait for its mean
        else:
            self._show_statistics(active)
            self._counting.start()

    def _measure(self, mask: Mask) -> str:
        document, frame = self._state.masks.document, self._state.frame
        assert document is not None
        text = area_text(mask.area(frame), document.area_mm2(mask.id, frame))
        compared = self._state.masks.compared
        both = compared is not None and mask is not compared
        if compared is not None and both and compared.area(frame) and mask.area(frame):
            dice = document.dice(compared.id, mask.id, frame)
            if dice is not None:
                text += f" · Dice {dice:.2f}"
        return text

    def _count(self) -> None:
        if self._uncounted:
            self._uncounted = False
            document = self._state.masks.document
            self._show_statistics(document.active if document is not None else None)
            self._counting.start()

    def _show_statistics(self, active: Mask | None) -> None:
        document, image = self._state.masks.document, self._state.image
        if document is None or image is None or active is None or active.is_empty:
            self.statistics.hide()
            return
        counted = self._state.masks.counted
        here = counted.statistics(active, image, self._state.frame)
        whole = counted.statistics(active, image) if image.frames > 1 else None
        self.statistics.show_mask(
            active.label,
            here,
            whole,
            image.display.unit,
            document.frame_word,
            image.frames,
            no_volume=f"No volume: slices are missing {after(image.geometry.gaps)}"
            if image.geometry.gaps
            else "",
        )

    def _rebuild(self, ids: tuple[str, ...]) -> None:
        document = self._state.masks.document
        gone, self._rows = self._rows, {}
        if document is not None:
            for mask_id in ids:
                row = self._rows[mask_id] = self._row(mask_id, document)
                self._list.addWidget(row)
        # Last, for a name that is being typed in a row is taken as the row goes.
        for row in gone.values():
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()

    def _row(self, mask_id: str, document: MaskDocument) -> MaskRow:
        row = MaskRow(mask_id, lambda: self._state.masks.labels.all)
        row.chosen.connect(document.set_active)
        row.renamed.connect(self._rename)
        row.labelled.connect(self._label)
        row.recoloured.connect(document.recolour)
        row.shown.connect(document.set_visible)
        row.shownAlone.connect(document.show_only)
        row.locked.connect(document.set_locked)
        row.duplicated.connect(document.duplicate_mask)
        row.removed.connect(self._remove)
        row.editLabels.connect(self.editLabels)
        return row

    def _rename(self, mask_id: str, text: str) -> None:
        document = self._state.masks.document
        if document is not None and text and any(mask.id == mask_id for mask in document.masks):
            self._state.attempt(lambda: document.rename(mask_id, text))
        self.refresh()

    def _label(self, mask_id: str, label: Label) -> None:
        document = self._state.masks.document
        if document is not None:
            document.give_label(mask_id, label)

    def _remove(self, mask_id: str) -> None:
        document = self._state.masks.document
        if document is not None:
            self._state.attempt(lambda: document.remove_mask(mask_id))

    def _on_add(self) -> None:
        document = self._state.masks.document
        if document is not None:
            document.add_mask()

    def _on_clear(self) -> None:
        document = self._state.masks.document
        if document is not None:
            self._state.attempt(lambda: document.clear(self._state.frame))

    def _on_remove(self) -> None:
        document = self._state.masks.document
        if document is not None and document.active is not None:
            self._remove(document.active.id)
