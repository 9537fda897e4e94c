"""Mouse, wheel and keys on a view, handed to tools and commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QTabletEvent, QWheelEvent

from engine.errors import SaliscopeError
from viewer.canvas import bindings
from viewer.canvas.scrolling import Spin
from viewer.tools.base import Pointer, Tool
from viewer.tools.pan import PanTool
from viewer.tools.scroll import ScrollTool
from viewer.tools.window_level import WindowLevelTool
from viewer.tools.zoom import ZoomTool

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView


#: Space held longer than this, s, was meant for moving the image.
TAP_S = 0.4


class Interaction:
    """One view's input. A drag belongs to the button that began it until that button comes up."""

    def __init__(self, view: ImageView) -> None:
        self._view = view
        self._pan = PanTool()
        self._zoom = ZoomTool()
        self._scroll = ScrollTool()
        self._drags: dict[str, Tool] = {
            "pan": self._pan,
            "zoom": self._zoom,
            "slices": self._scroll,
            "window-level": WindowLevelTool(),
        }
        #: Pressure of the pen (0 to 1), and whether it is held the other way round.
        self.pen: tuple[float, bool] = (1.0, False)
        self._dragging: tuple[Qt.MouseButton, Tool] | None = None
        self._space = False
        self._tap = False  # Space went down, and nothing has been done with it
        self._space_down = 0.0
        self._slices = 0.0
        self._spin = Spin()
        self._commands: dict[str, Callable[[], object]] = {
            "slice-previous": lambda: view.request_frame(view.frame - 1),
            "slice-next": lambda: view.request_frame(view.frame + 1),
            "slice-back": lambda: view.request_frame(view.frame - bindings.PAGE),
            "slice-forward": lambda: view.request_frame(view.frame + bindings.PAGE),
            "slice-first": lambda: view.request_frame(0),
            "slice-last": lambda: view.request_frame(view.frames - 1),
            "fit": view.fit,
            "one-to-one": view.one_to_one,
            "zoom-in": lambda: view.zoom_by(bindings.ZOOM_STEP),
            "zoom-out": lambda: view.zoom_by(1 / bindings.ZOOM_STEP),
            "reset-window": view.reset_window,
            "invert": view.invert,
            "tool-smaller": lambda: self._resize(-1),
            "tool-larger": lambda: self._resize(1),
        }

    @property
    def dragging(self) -> bool:
        """Whether a button that began something is still down."""
        return self._dragging is not None

    def cursor(self) -> Qt.CursorShape:
        """Return the mouse's shape."""
        if self._dragging is not None and self._dragging[1] is self._pan:
            return Qt.CursorShape.ClosedHandCursor
        if self._dragging is not None and self._dragging[1] in self._drags.values():
            return self._dragging[1].cursor
        if self._space:
            return Qt.CursorShape.OpenHandCursor
        return self._view.tool.cursor

    def press(self, event: QMouseEvent | QTabletEvent) -> None:
        """A button went down."""
        if self._view.image is None or self._dragging is not None:
            return
        button = event.button()
        tool = self._tool_for(button, event.modifiers())
        if tool is None:
            return
        pointer = self.locate(event.position(), event.modifiers())
        if tool is self._view.tool:
            held = (grip(pointer) for grip in self._view.grips)
            tool = next((other for other in held if other is not None), tool)
        if tool.draws and self._view.read_only:
            self._view.notice.emit(self._view.read_only)
            return
        self._dragging = (button, tool)
        self._tap = False
        double = event.type() == QEvent.Type.MouseButtonDblClick
        with self._refusals():
            tool.double_click(pointer) if double else tool.press(pointer)
            tool.begun_on = self._view if tool.busy else None

    def move(self, event: QMouseEvent | QTabletEvent) -> None:
        """The mouse moved, with or without a button."""
        if self._view.image is None:
            return
        pointer = self.locate(event.position(), event.modifiers())
        with self._refusals():
            if self._dragging is not None:
                self._dragging[1].move(pointer)
            else:
                self._view.tool.hover(pointer)
        self._view.pointing.follow(pointer)

    def release(self, event: QMouseEvent | QTabletEvent) -> None:
        """A button came up."""
        if self._dragging is None or event.button() != self._dragging[0]:
            return
        tool = self._dragging[1]
        self._dragging = None
        with self._refusals():
            tool.release(self.locate(event.position(), event.modifiers()))

    def leave(self) -> None:
        """The mouse left the view."""
        self._view.pointing.follow(None)

    def wheel(self, event: QWheelEvent) -> None:
        """The wheel turned, or two fingers moved on a touchpad."""
        view = self._view
        if view.image is None:
            return
        pixels = event.pixelDelta()
        angle = event.angleDelta()
        # Alt turns the wheel sideways on most platforms, Shift on some.
        turned = (angle.y() or angle.x()) / bindings.NOTCH
        what = bindings.current().wheel(event.modifiers())
        touchpad = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        travelled = float(pixels.y() or pixels.x()) if touchpad else 0.0
        if what == "tool-size":
            if view.tool.resize(travelled / bindings.PIXELS_PER_SLICE if touchpad else turned):
                event.accept()
                return
            what = bindings.current().plain_wheel  # a tool without a size leaves it to the view
        if what == "zoom" or (what == "slices" and view.frames == 1):
            steps = travelled / bindings.PIXELS_PER_ZOOM_STEP if touchpad else turned
            at = event.position()
            view.zoom_by(bindings.ZOOM_STEP**steps, at.x(), at.y())
        elif what == "slices":
            steps = travelled / bindings.PIXELS_PER_SLICE if touchpad else turned
            if self._slices * steps < 0:  # turning back answers at once
                self._slices = 0.0
            self._slices += steps
            whole = int(self._slices)
            self._slices -= whole
            if whole and not touchpad:  # touchpads accelerate by themselves
                direction = 1 if whole > 0 else -1
                whole *= self._spin.step(event.timestamp(), direction, view.frames)
            if whole:
                view.request_frame(view.frame - whole)
        event.accept()

    def takes(self, event: QKeyEvent) -> bool:
        """Return whether a key belongs to something unfinished rather than to a menu's shortcut."""
        tool = self._view.tool
        if not (tool.busy or self._dragging is not None):
            return False
        return event.matches(QKeySequence.StandardKey.Undo) or event.key() in (
            Qt.Key.Key_Escape,
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_Backspace,
            Qt.Key.Key_Delete,
        )

    def key_press(self, event: QKeyEvent) -> bool:
        """Use a key; return whether it was used."""
        view, key = self._view, event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = self._tap = True
                self._space_down = time.monotonic()
            return True
        if key == Qt.Key.Key_Escape:
            return self.cancel()
        if event.matches(QKeySequence.StandardKey.Undo):
            return view.tool.step_back() or view.tool.busy
        with self._refusals():
            if not (view.tool.draws and view.read_only) and view.tool.key(
                view, key, event.modifiers()
            ):
                return True
        command = bindings.current().command(key, event.modifiers())
        if view.image is None or command is None:
            return False
        self._commands[command]()
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        """Let go of a key; return whether it was used."""
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = False
                if self._tap and time.monotonic() - self._space_down < TAP_S:
                    self._view.tapped.emit()
                self._tap = False
            return True
        return False

    def lose_focus(self) -> None:
        """Keys that come up elsewhere are never seen: let go of them now."""
        self._space = self._tap = False

    def cancel(self) -> bool:
        """Give up what is under way; return whether there was anything."""
        tool = self._view.tool if self._dragging is None else self._dragging[1]
        if not tool.busy:
            return False
        self._dragging = None
        tool.cancel()
        return True

    def abandon(self) -> None:
        """Give up what was begun on this view, for it shows something else now.

        All views share one tool: what it has begun on another view stays.
        """
        if self._dragging is not None or self._view.tool.begun_on is self._view:
            self.cancel()

    def finish(self) -> None:
        """End a drag because the view moves on to another frame or image."""
        if self._dragging is not None and self._dragging[1] is not self._scroll:
            tool = self._dragging[1]
            self._dragging = None
            with self._refusals():
                tool.finish()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Hand on, as a sentence, why something could not be done (a locked mask)."""
        try:
            yield
        except SaliscopeError as error:
            self._dragging = None
            self._view.notice.emit(str(error))

    def locate(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> Pointer:
        """Return a canvas position as the tools see it."""
        row, col = self._view.viewport.to_image(at.x(), at.y())
        return Pointer(self._view, row, col, at.x(), at.y(), modifiers, *self.pen)

    def _tool_for(self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier) -> Tool | None:
        what = bindings.current().drag(button, modifiers, space=self._space)
        return self._view.tool if what == "tool" else self._drags.get(what or "")

    def _resize(self, steps: float) -> None:
        self._view.tool.resize(steps)
