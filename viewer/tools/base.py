"""What a tool is: it is told what mouse and keys do in image coordinates, and acts on a view."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPainter

from engine.masks.document import MaskDocument

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


@dataclass(frozen=True)
class Pointer:
    """Where the mouse is, in the image and on the view.

    row, col: image position, 0 at the centre of the first pixel; beyond the image too.
    x, y: logical pixels on the view's canvas.
    """

    view: ImageView
    row: float
    col: float
    x: float
    y: float
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier

    @property
    def shift(self) -> bool:
        """Whether Shift is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def alt(self) -> bool:
        """Whether Alt is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.AltModifier)

    @property
    def control(self) -> bool:
        """Whether Ctrl is held (Cmd on macOS)."""
        return bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)

    @property
    def pixel(self) -> tuple[int, int]:
        """The pixel (row, col) that the position lies in; may be outside the image."""
        return floor(self.row + 0.5), floor(self.col + 0.5)

    @property
    def drawable(self) -> MaskDocument | None:
        """The view's masks if they can be drawn on; a hidden one is refused with a sentence."""
        document = self.view.document
        if document is None or document.active is None or document.active.visible:
            return document
        self.view.notice.emit(
            f"The mask “{document.active.label}” is hidden; show it to draw on it."
        )
        return None

    @property
    def inside(self) -> bool:
        """Whether the position lies on the image."""
        image = self.view.image
        if image is None:
            return False
        rows, cols = image.shape
        return -0.5 <= self.row < rows - 0.5 and -0.5 <= self.col < cols - 0.5


class Tool(QObject):
    """One way of using the left mouse button. One instance serves all views.

    name: its key. title: for people. icon: the icon's name. shortcut: the key that takes it up.
    hint: one line for the state bar. draws: whether it changes masks (and needs a document).
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    shortcut: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    draws: ClassVar[bool] = False
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    #: The tool's look on the view has changed (a point was added, the brush has another size).
    changed = Signal()

    @property
    def busy(self) -> bool:
        """Whether something has been started and not finished."""
        return False

    @property
    def radius(self) -> float | None:
        """The radius in image columns of the circle drawn at the mouse, where there is one."""
        return None

    def press(self, pointer: Pointer) -> None:
        """The left button went down."""

    def move(self, pointer: Pointer) -> None:
        """The mouse moved with the left button down."""

    def hover(self, pointer: Pointer) -> None:
        """The mouse moved with no button down."""

    def release(self, pointer: Pointer) -> None:
        """The left button came up."""

    def double_click(self, pointer: Pointer) -> None:
        """The button was pressed twice; comes after the first press and release."""
        self.press(pointer)

    def key(self, view: ImageView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Use a key press; return whether it was used."""
        return False

    def step_back(self) -> bool:
        """Take back the last step of something unfinished; return whether there was one."""
        return False

    def finish(self) -> None:
        """End a drag as if the button had come up here: the view moves on to something else."""

    def cancel(self) -> None:
        """Give up what was started, leaving no trace."""

    def resize(self, steps: float) -> bool:
        """Make the tool larger or smaller; return whether it has a size."""
        return False

    def paint(self, painter: QPainter, view: ImageView) -> None:
        """Paint a preview of what was started, in logical canvas coordinates."""
