"""A measurement as data: what was put where; what it amounts to is computed from the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from uuid import uuid4

from engine.images.image import Image
from engine.masks import shapes
from engine.masks.shapes import Box, Stamp
from engine.measure import geometry
from engine.measure.geometry import Point
from engine.measure.scale import Scale, scale_at
from engine.measure.statistics import Statistics, statistics

Kind = Literal["distance", "angle", "ellipse", "polygon", "cover"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: dict[Kind, str] = {
    "distance": "Distance",
    "angle": "Angle",
    "ellipse": "Ellipse",
    "polygon": "Area",
    "cover": "Cover",
}
#: How many points each has; a polygon has at least three, at most ``MOST_POINTS``.
POINTS: dict[Kind, int] = {"distance": 2, "angle": 3, "ellipse": 2, "polygon": 3, "cover": 2}
MOST_POINTS = 4096


@dataclass(frozen=True)
class Measurement:
    """Put on one frame of an image.

    points: (row, col), 0 at the centre of the first pixel. distance: two ends. angle: an arm's
    end, the corner, the other arm's end. ellipse and cover: two opposite corners of the box.
    polygon: its corners. A cover hides what is burnt into the pixels of every frame.
    """

    kind: Kind
    frame: int
    points: tuple[Point, ...]
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        count = len(self.points)
        right = 3 <= count <= MOST_POINTS if self.kind == "polygon" else count == POINTS[self.kind]
        if not right:
            raise ValueError(f"{count} points make no {self.kind}")

    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES[self.kind]

    def on(self, frame: int) -> bool:
        """Whether it is shown on a frame."""
        return self.kind == "cover" or self.frame == frame

    def box(self, shape: tuple[int, int]) -> Box:
        """Return the whole pixels that its points' box touches, within (rows, cols)."""
        rows, cols = [p[0] for p in self.points], [p[1] for p in self.points]
        edges = (min(rows) + 0.5, min(cols) + 0.5, max(rows) + 1.5, max(cols) + 1.5)
        top, left, bottom, right = (int(edge // 1) for edge in edges)
        limit = shapes.Box(0, 0, *shape)
        return Box(
            max(top, limit.top),
            max(left, limit.left),
            min(bottom, limit.bottom),
            min(right, limit.right),
        )

    def stamp(self, shape: tuple[int, int]) -> Stamp:
        """Return the pixels that an ellipse or polygon holds; nothing for other kinds."""
        if self.kind == "ellipse":
            (r0, c0), (r1, c1) = self.points
            centre = ((r0 + r1) / 2, (c0 + c1) / 2)
            return shapes.ellipse(centre, (abs(r1 - r0) / 2, abs(c1 - c0) / 2), shape)
        if self.kind == "polygon":
            return shapes.polygon(self.points, shape)
        return shapes.nothing()

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {
            "id": self.id,
            "kind": self.kind,
            "frame": self.frame,
            "points": [list(p) for p in self.points],
        }


def from_json(found: object) -> Measurement:
    """Read what ``as_json`` gave; ``ValueError`` for anything else."""
    if not isinstance(found, dict):
        raise ValueError("a measurement is an object")
    kind, frame, points, name = (found.get(key) for key in ("kind", "frame", "points", "id"))
    if kind not in KINDS or not isinstance(frame, int) or not isinstance(points, list):
        raise ValueError("not a measurement")
    if not isinstance(name, str) or not 0 < len(name) <= 64:
        raise ValueError("a measurement has an id")
    read: list[Point] = []
    for point in points:
        if not (
            isinstance(point, list)
            and len(point) == 2
            and all(isinstance(v, (int, float)) and abs(v) < shapes.FARTHEST for v in point)
        ):
            raise ValueError("a point is (row, col)")
        read.append((float(point[0]), float(point[1])))
    return Measurement(kind, frame, tuple(read), name)


@dataclass(frozen=True)
class Result:
    """What a measurement amounts to. value: in ``unit``, None where it cannot be said.

    more: further lines, as they are shown. remark: why it is in pixels, or has no value.
    """

    value: float | None
    unit: str
    more: tuple[str, ...] = ()
    remark: str = ""
    statistics: Statistics | None = None

    @property
    def text(self) -> str:
        """The value with its unit."""
        if self.value is None:
            return "–"
        return f"{_figure(self.value, self.unit)}{'' if self.unit == '°' else ' '}{self.unit}"


def measure(image: Image, what: Measurement) -> Result:
    """Say what a measurement amounts to on its image."""
    scale = scale_at(image, _extent(what))
    if what.kind == "distance":
        start, stop = what.points
        return Result(
            geometry.length(start, stop, scale.spacing), scale.unit, remark=_remark(scale)
        )
    if what.kind == "angle":
        first, corner, last = what.points
        value = geometry.angle(first, corner, last, scale.spacing)
        square = scale.is_physical or image.geometry.pixel_aspect is not None
        return Result(value, "°", remark="" if square else f"{scale.why}: pixels taken as square")
    if what.kind == "cover":
        return Result(None, "")
    found = statistics(image, what.frame, what.stamp(image.shape))
    unit = "mm²" if scale.is_physical else "px²"
    if what.kind == "ellipse":
        start, stop = what.points
        down, across = sorted(geometry.ellipse_axes(start, stop, scale.spacing))
        area = geometry.ellipse_area(start, stop, scale.spacing)
        size = f"{_figure(across, scale.unit)} × {_figure(down, scale.unit)} {scale.unit}"
        return Result(area, unit, (size, *_lines(image, found)), _remark(scale), found)
    if geometry.crosses_itself(what.points):
        return Result(None, unit, _lines(image, found), "its outline crosses itself", found)
    area = geometry.polygon_area(what.points, scale.spacing)
    around = geometry.path_length(what.points, scale.spacing, closed=True)
    size = f"perimeter {_figure(around, scale.unit)} {scale.unit}"
    return Result(area, unit, (size, *_lines(image, found)), _remark(scale), found)


def describe(image: Image, items: Sequence[Measurement]) -> str:
    """Return measurements as a table of text, one a line, tab-separated, with a heading."""
    lines = ["What\tSlice\tValue\tUnit\tMean\tSD\tMin\tMax\tPixels\tRemark"]
    for item in items:
        if item.kind == "cover":
            continue
        result = measure(image, item)
        found = result.statistics
        numbers = ["", "", "", "", ""]
        if found is not None:
            deviation = "" if found.deviation is None else f"{found.deviation:.6g}"
            numbers = [f"{found.mean:.6g}", deviation, f"{found.lowest:.6g}"]
            numbers += [f"{found.highest:.6g}", str(found.count)]
        value = "" if result.value is None else f"{result.value:.6g}"
        cells = (item.title, str(item.frame + 1), value, result.unit, *numbers, result.remark)
        lines.append("\t".join(cells))
    return "\n".join(lines)


def _extent(what: Measurement) -> tuple[Point, ...]:
    if what.kind != "ellipse":
        return what.points
    (r0, c0), (r1, c1) = what.points
    return (r0, (c0 + c1) / 2), (r1, (c0 + c1) / 2), ((r0 + r1) / 2, c0), ((r0 + r1) / 2, c1)


def _remark(scale: Scale) -> str:
    return "" if scale.is_physical else f"in pixels: {scale.why}"


def _lines(image: Image, found: Statistics | None) -> tuple[str, ...]:
    if found is None:
        return ("no pixel inside",)
    unit = f" {image.display.unit}" if image.display.unit else ""
    deviation = "–" if found.deviation is None else f"{found.deviation:.4g}"
    return (
        f"mean {found.mean:.4g}  sd {deviation}{unit}",
        f"min {found.lowest:.4g}  max {found.highest:.4g}  n {found.count}",
    )


def _figure(value: float, unit: str) -> str:
    if unit == "°":
        return f"{value:.1f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"
