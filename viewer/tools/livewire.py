"""Outlines that snap to edges: the cheapest path from click to click (livewire)."""

from __future__ import annotations

from engine.images.image import Image
from engine.masks.livewire import Livewire, simplified
from viewer.tools.base import Pointer
from viewer.tools.outline import Outline
from viewer.tools.outlining import CornerTool
from viewer.tools.polygon import on_first


class LivewireTool(CornerTool):
    """Click along an edge and the line follows it; Shift draws straight, Alt or Ctrl erases."""

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
        self._wire: tuple[Image, int, Livewire] | None = None
        self._legs: list[int] = []  # how many points each click has added

    @property
    def now(self) -> str:
        """What comes next."""
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
            outline = self.begin(pointer)
            if outline is not None:
                at = _inside(pointer)
                outline.points, outline.anchors, self._legs = [at], [at], [1]
                self._follow(pointer).set_anchor((int(at[0]), int(at[1])))
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
            self._follow(pointer).set_anchor((int(leg[-1][0]), int(leg[-1][1])))
        outline.trail = []
        self.changed.emit()

    def hover(self, pointer: Pointer) -> None:
        """Show how the line would run to the mouse."""
        outline = self._outline
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
            row, col = outline.anchors[-1]
            self._wire[2].set_anchor((int(row), int(col)))
        self.changed.emit()
        return True

    def fill(self, outline: Outline) -> None:
        """Follow the edge back to the first point, and take what lies inside."""
        if self._wire is not None and outline.anchors:
            first = outline.anchors[0]
            way = simplified(self._wire[2].path_to((int(first[0]), int(first[1]))))
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
        if pointer.shift:
            return [(row, col)]
        return simplified(self._follow(pointer).path_to((int(row), int(col))))[1:]

    def _follow(self, pointer: Pointer) -> Livewire:
        """Return the paths on the frame that the view shows."""
        view = pointer.view
        assert view.image is not None
        wire = self._wire
        if wire is None or wire[0] is not view.image or wire[1] != view.frame:
            wire = self._wire = (view.image, view.frame, Livewire(view.image.grey(view.frame)))
        return wire[2]


def _inside(pointer: Pointer) -> tuple[float, float]:
    """Return the pixel under the mouse, the nearest one of the image."""
    assert pointer.view.image is not None
    rows, cols = pointer.view.image.shape
    row, col = pointer.pixel
    return float(min(max(row, 0), rows - 1)), float(min(max(col, 0), cols - 1))
