"""What the corners of a view say: how the image is shown, and what lies under the cursor."""

from __future__ import annotations

from engine.images.image import Image, Window
from viewer.canvas import numbers
from viewer.canvas.readout import CursorReading
from viewer.canvas.turn import Turn


def shown(
    image: Image, frame: int, window: Window | None, inverted: bool, zoom: float, turn: Turn
) -> list[str]:
    """Return frame, window, size with zoom (device pixels a column spans) and turn, one a line."""
    lines = [f"Im {frame + 1}/{image.frames}"]
    if window is not None:
        text = f"W {numbers.grey(window.width)}  L {numbers.grey(window.centre)}"
        name = f"  {window.name}" if window.name else ""
        lines.append(text + name + ("  inverted" if inverted else ""))
    rows, cols = image.shape
    lines.append(f"{cols} × {rows}  {zoom:.0%}".replace("%", " %"))
    if not turn.is_plain:
        lines.append(turn.words)
    return lines


def read(reading: CursorReading | None) -> list[str]:
    """Return position, value and the map's value under the cursor; nothing off the image."""
    if reading is None or not reading.inside:
        return []
    row, col = reading.pixel
    value = reading.value
    text = (
        ", ".join(str(v) for v in value) if isinstance(value, tuple) else numbers.grey(value or 0.0)
    )
    lines = [f"({col}, {row})  {text}" + (f" {reading.unit}" if reading.unit else "")]
    if reading.map_value is not None:
        lines.append(f"map {numbers.short(reading.map_value)}")
    return lines
