"""Choosing labels: the menu of names with their colours, and the dialog that edits the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QColorDialog,
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.errors import MaskError
from engine.masks.labels import DEFAULTS, Label, checked
from engine.masks.mask import COLOURS
from viewer.dialogs import accept_or_cancel
from viewer.state.labels import LabelList
from viewer.widgets.section import label

_ORIGIN = Qt.ItemDataRole.UserRole
_COLOUR = Qt.ItemDataRole.UserRole + 1


def swatch(colour: str, size: int = 14) -> QIcon:
    """Return a small square of a colour."""
    icon = QIcon()
    for scale in (1, 2, 3):
        picture = QPixmap(size * scale, size * scale)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(128, 136, 146), scale))  # white is seen on white as well
        painter.setBrush(QColor(colour))
        inset = 2 * scale
        painter.drawRoundedRect(picture.rect().adjusted(inset, inset, -inset, -inset), 2, 2)
        painter.end()
        picture.setDevicePixelRatio(scale)
        icon.addPixmap(picture)
    return icon


def fill_menu(menu: QMenu, labels: Sequence[Label], choose: Callable[[Label], object]) -> None:
    """Put one entry a label into a menu."""
    for entry in labels:
        action = menu.addAction(swatch(entry.colour), entry.name.replace("&", "&&"))
        action.setIconVisibleInMenu(True)
        action.triggered.connect(lambda *_, entry=entry: choose(entry))


class LabelsDialog(QDialog):
    """Edits a list of labels. ``renamed``: what each that has changed, by its old name, is now."""

    def __init__(self, parent: QWidget, labels: LabelList) -> None:
        super().__init__(parent)
        self._labels = labels
        self.renamed: dict[str, Label] = {}
        self.setWindowTitle("Labels")
        self.setMinimumSize(360, 420)
        self.list = QListWidget()
        self.list.setAccessibleName("Labels")
        self.list.setIconSize(QSize(14, 14))
        self.list.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.list.itemDoubleClicked.connect(self.list.editItem)
        self._wrong = label("", "secondary")
        self._wrong.setWordWrap(True)
        side = QVBoxLayout()
        side.setSpacing(8)
        for text, act in (
            ("Add", self.add),
            ("Rename", lambda: self._current(self.list.editItem)),
            ("Colour…", lambda: self._current(self._recolour)),
            ("Remove", lambda: self._current(self._remove)),
            ("Defaults", lambda: self._fill(DEFAULTS)),
        ):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda *_, act=act: act())
            side.addWidget(button)
        side.addStretch(1)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.list, 1)
        middle.addLayout(side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addWidget(label("Double-click to rename, drag to reorder.", "secondary"))
        layout.addLayout(middle, 1)
        layout.addWidget(self._wrong)
        layout.addWidget(accept_or_cancel(self))
        self._fill(labels.all)

    @property
    def asked(self) -> list[Label]:
        """The list as it is shown."""
        items = [self.list.item(i) for i in range(self.list.count())]
        return [Label(item.text(), item.data(_COLOUR)) for item in items]

    def add(self) -> None:
        """Add a label in the colour that is used least, and let its name be typed."""
        names = {entry.name for entry in self.asked}
        used = [entry.colour.upper() for entry in self.asked]
        colour = min(COLOURS, key=lambda c: (used.count(c), COLOURS.index(c)))
        number = next(n for n in range(1, 1000) if f"Label {n}" not in names)
        item = self._append(Label(f"Label {number}", colour), origin="")
        self.list.setCurrentItem(item)
        self.list.editItem(item)

    def accept(self) -> None:
        """Take the list if it is good; else say what is wrong with it."""
        before = {entry.name: entry for entry in self._labels.all}
        try:
            found = checked(self.asked)
            if not found:
                raise MaskError("A list needs one label at least; add one.")
            self._labels.set_all(found)
        except MaskError as error:
            self._wrong.setText(str(error))
            return
        for index, entry in enumerate(found):
            origin = self.list.item(index).data(_ORIGIN)
            if origin in before and before[origin] != entry:
                self.renamed[origin] = entry
        super().accept()

    def _fill(self, labels: Sequence[Label]) -> None:
        self.list.clear()
        for entry in labels:
            self._append(entry, origin=entry.name)

    def _append(self, entry: Label, origin: str) -> QListWidgetItem:
        item = QListWidgetItem(swatch(entry.colour), entry.name)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        item.setData(_ORIGIN, origin)
        item.setData(_COLOUR, entry.colour)
        self.list.addItem(item)
        return item

    def _current(self, act: Callable[[QListWidgetItem], object]) -> None:
        item = self.list.currentItem()
        if item is not None:
            act(item)

    def _recolour(self, item: QListWidgetItem) -> None:
        colour = QColorDialog.getColor(QColor(item.data(_COLOUR)), self, "Colour of the label")
        if colour.isValid():
            item.setData(_COLOUR, colour.name())
            item.setIcon(swatch(colour.name()))

    def _remove(self, item: QListWidgetItem) -> None:
        self.list.takeItem(self.list.row(item))
