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
    x, y: logical pixels on the view's canvas. pressure: of a pen, 0 to 1; 1 for a mouse. eraser:
    whether it is the other end of a pen.
    """

    view: ImageView
    row: float
    col: float
    x: float
    y: float
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    pressure: float = 1.0
    eraser: bool = False

    @property
    def reverses(self) -> bool:
        """Whether a drawing tool is to do the opposite: Alt, Ctrl, or a pen's other end."""
        return (self.alt or self.control) != self.eraser

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
        """The view's masks if they can be drawn on; else it is said in a sentence why not."""
        document = self.view.document
        active = document.active if document is not None else None
        if active is None or (active.visible and not active.locked):
            return document
        self.view.notice.emit(
            f"The mask “{active.label}” is locked against changes; unlock it or choose another."
            if active.locked
            else f"The mask “{active.label}” is hidden; show it to draw on it."
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
    hint: one line on how it is used; brief: the same where there is little room. draws: whether it
    changes masks (and needs a document).
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    shortcut: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    brief: ClassVar[str] = ""
    draws: ClassVar[bool] = False
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    #: The tool's look on the view has changed (a point was added, the brush has another size).
    changed = Signal()

    #: The view that was pressed on last while something is unfinished: it goes when that view does.
    begun_on: ImageView | None = None

    @property
    def busy(self) -> bool:
        """Whether something has been started and not finished."""
        return False

    @property
    def now(self) -> str:
        """What the tool would do now, one line: its hint, until something has been begun."""
        return self.hint

    def cursor_radius(self, view: ImageView) -> float | None:
        """Return the radius in image columns of the circle at the mouse, where there is one."""
        return None

    def cursor_aspect(self, view: ImageView) -> float:
        """Return what a row is high, in columns, where that circle is round; 1: in pixels."""
        return 1.0

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
