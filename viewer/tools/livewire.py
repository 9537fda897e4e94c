"""Outlines that snap to edges: the cheapest path from click to click (livewire)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.images.image import Image
from engine.masks.livewire import Livewire, simplified
from viewer.jobs import log_unexpected
from viewer.tools.base import Pointer
from viewer.tools.outline import Outline
from viewer.tools.outlining import CornerTool
from viewer.tools.polygon import on_first

if TYPE_CHECKING:
    from viewer.canvas.view import ImageView

#: Starts ``work`` off the GUI thread; then ``done`` is called on it with what that returns, or
#: ``ended`` where it failed or was stopped, with whether it failed.
Beside = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[bool], None]], None]

FAILED = (
    "The livewire could not find the edges of this image, so its lines are straight here; begin "
    "another outline to try again, or use the polygon."
)

#: Frames of fewer pixels than this have their edges found at once: that takes some 30 ms.
AT_ONCE = 300_000


class LivewireTool(CornerTool):
    """Click along an edge and the line follows it; Shift draws straight, Alt or Ctrl erases.

    ``beside`` finds the edges of large frames off the GUI thread, from when the mouse first comes
    over them; lines are straight until then. Without it they are found at once.
    """

    name = "livewire"
    title = "Livewire"
    icon = "livewire"
    shortcut = "S"
    hint = (
        "Click along an edge and the line snaps to it; double-click or Enter closes. "
        "Shift draws straight, Alt erases."
    )

    def __init__(self) -> None:
        super().__init__()
        self.beside: Beside | None = None
        self._wire: tuple[Image, int, Livewire] | None = None
        self._sought: tuple[Image, int] | None = None
        self._failed: tuple[Image, int] | None = None
        self._last: Pointer | None = None  # where the mouse was while edges were being found
        self._legs: list[int] = []  # how many points each click has added

    @property
    def now(self) -> str:
        """What comes next."""
        if self._sought is not None:
            return "Finding the edges of this image; lines are straight until then."
        if self._failed is not None:
            return "No edges could be found here: lines are straight. Another outline tries again."
        if self._outline is None:
            return self.hint
        does = "erases" if self._outline.erase else "marks"
        return (
            f"Click to hold the line; double-click, Enter or the first point closes and {does}. "
            "Shift: straight, Backspace: one back."
        )

    def press(self, pointer: Pointer) -> None:
        """Hold the line here, or close on the first point."""
        outline = self._outline
        if outline is None:
            self._failed = None
            outline = self.begin(pointer)
            if outline is not None:
                at = _inside(pointer)
                outline.points, outline.anchors, self._legs = [at], [at], [1]
                self._hold(pointer, at)
                self.changed.emit()
            return
        if not outline.belongs_to(pointer.view):
            return
        outline.erase = pointer.reverses
        if len(self._legs) >= 2 and on_first(outline, pointer):
            self.close()
            return
        leg = self._leg(outline, pointer)
        if leg:
            outline.points += leg
            assert outline.anchors is not None
            outline.anchors.append(leg[-1])
            self._legs.append(len(leg))
            self._hold(pointer, leg[-1])
        outline.trail = []
        self.changed.emit()

    def hover(self, pointer: Pointer) -> None:
        """Show how the line would run to the mouse."""
        outline = self._outline
        self._last = pointer
        if outline is None and pointer.view.document is not None:
            self._follow(pointer)
        if outline is not None and outline.belongs_to(pointer.view):
            outline.trail = self._leg(outline, pointer)
            outline.erase = pointer.reverses
            self.changed.emit()

    def step_back(self) -> bool:
        """Take the last click back, and with the first one the outline."""
        outline = self._outline
        if outline is None or outline.anchors is None:
            return False
        del outline.points[-self._legs.pop() :]
        outline.anchors.pop()
        outline.trail = []
        if not outline.anchors:
            self._outline = None
        elif self._wire is not None:
            self._wire[2].set_anchor(_whole(outline.anchors[-1]))
        self.changed.emit()
        return True

    def fill(self, outline: Outline) -> None:
        """Follow the edge back to the first point, and take what lies inside."""
        if self._wire is not None and outline.anchors:
            way = simplified(self._wire[2].path_to(_whole(outline.anchors[0])))
            outline.points += way[1:-1]
        outline.document.fill_lasso(
            outline.frame,
            outline.points,
            erase=outline.erase,
            name="Erase livewire" if outline.erase else "Livewire",
        )

    def _leg(self, outline: Outline, pointer: Pointer) -> list[tuple[float, float]]:
        """Return the points after the last held one, on the way to the mouse."""
        row, col = _inside(pointer)
        if (row, col) == outline.points[-1]:
            return []
        wire = None if pointer.shift else self._follow(pointer)
        if wire is None:
            return [(row, col)]
        return simplified(wire.path_to(_whole((row, col))))[1:]

    def _hold(self, pointer: Pointer, at: tuple[float, float]) -> None:
        """Let the next leg start from a point."""
        wire = self._follow(pointer)
        if wire is not None:
            wire.set_anchor(_whole(at))

    def _follow(self, pointer: Pointer) -> Livewire | None:
        """Return the paths on the frame that the view shows, None while its edges are sought."""
        image, frame = pointer.view.image, pointer.view.frame
        assert image is not None
        wire = self._wire
        if wire is not None and wire[0] is image and wire[1] == frame:
            return wire[2]
        self._wire = None
        if _is(self._failed, image, frame):
            return None
        self._failed = None
        view = pointer.view
        if self.beside is None or image.shape[0] * image.shape[1] < AT_ONCE:
            self._sought = (image, frame)
            try:
                found = _edges(image, frame)
            except Exception as error:  # of memory, or of an image that is like no other
                log_unexpected("finding edges", error)
                self._give_up(image, frame, view, failed=True)
                return None
            self._sought = None
            self._wire = (image, frame, found)
            return found
        if not _is(self._sought, image, frame):
            self._sought = (image, frame)
            self.beside(
                lambda: _edges(image, frame),
                lambda found: self._take(image, frame, found),
                lambda failed: self._give_up(image, frame, view, failed=failed),
            )
            self.changed.emit()
        return None

    def _give_up(self, image: Image, frame: int, view: ImageView, *, failed: bool) -> None:
        """Draw straight lines on a frame whose edges were not found; if that failed, say so."""
        if not _is(self._sought, image, frame):
            return
        self._sought = None
        if failed:
            self._failed = (image, frame)
            view.notice.emit(FAILED)
        self.changed.emit()

    def _take(self, image: Image, frame: int, found: Livewire) -> None:
        """Follow edges from here on; what was drawn meanwhile stays straight."""
        if not _is(self._sought, image, frame):
            return
        self._sought = None
        self._wire = (image, frame, found)
        outline = self._outline
        if outline is not None and outline.anchors:
            found.set_anchor(_whole(outline.anchors[-1]))
            if self._last is not None and outline.belongs_to(self._last.view):
                outline.trail = self._leg(outline, self._last)
        self.changed.emit()


def _is(what: tuple[Image, int] | None, image: Image, frame: int) -> bool:
    return what is not None and what[0] is image and what[1] == frame


def _edges(image: Image, frame: int) -> Livewire:
    wire = Livewire(image.grey(frame))
    wire.prepare()
    return wire


def _whole(at: tuple[float, float]) -> tuple[int, int]:
    return int(at[0]), int(at[1])


def _inside(pointer: Pointer) -> tuple[float, float]:
    """Return the pixel under the mouse, the nearest one of the image."""
    assert pointer.view.image is not None
    rows, cols = pointer.view.image.shape
    row, col = pointer.pixel
    return float(min(max(row, 0), rows - 1)), float(min(max(col, 0), cols - 1))
