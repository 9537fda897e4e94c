"""What each button and the wheel do: a choice a gesture."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from viewer.keymap import gestures
from viewer.keymap.keymap import Keymap
from viewer.widgets.section import label

#: Rows and columns of the table.
DEVICES = ("Left", "Middle", "Right", "Wheel")
HELD = ("", "Shift", "Ctrl", "Alt")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class MouseTable(QWidget):
    """``chosen``: a gesture and what it is to do, "" for nothing of its own."""

    chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for column, held in enumerate(HELD, start=1):
            grid.addWidget(label(f"With {held}" if held else "Alone", "secondary"), 0, column)
            grid.setColumnStretch(column, 1)
        self.boxes: dict[str, QComboBox] = {}
        for row, device in enumerate(DEVICES, start=1):
            grid.addWidget(label(gestures.spoken(device)), row, 0)
            for column, held in enumerate(HELD, start=1):
                name = f"{held}+{device}" if held else device
                self.boxes[name] = self._box(name)
                grid.addWidget(self.boxes[name], row, column)

    def _box(self, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(gestures.spoken(name))
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(9)
        box.addItem("As alone" if "+" in name else "Nothing", "")
        for key, text in gestures.functions(name).items():
            box.addItem(gestures.SHORT[key], key)
            box.setItemData(box.count() - 1, _capital(text), Qt.ItemDataRole.ToolTipRole)
        box.activated.connect(lambda _: self.chosen.emit(name, box.currentData()))
        return box

    def show_keymap(self, keymap: Keymap) -> None:
        """Show a set's choices."""
        for name, box in self.boxes.items():
            box.setCurrentIndex(max(box.findData(keymap.mouse.get(name, "")), 0))
            says = box.currentData(Qt.ItemDataRole.ToolTipRole) or box.currentText()
            box.setToolTip(f"{gestures.spoken(name)}: {says}")
