"""Maps in figures, drawn in the style that was chosen on screen."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as Pillow

from engine.masks.shapes import Box
from engine.report import drawing, figure, picture, style
from engine.report.look import Kind, Look, lines_of
from engine.saliency.difference import difference
from engine.saliency.map import SaliencyMap
from viewer.canvas import overlay as window
from viewer.canvas.overlay_lines import colour_of
from viewer.canvas.overlay_lines import lines_of as on_screen

from .test_drawing import findings


def signed() -> SaliencyMap:
    one = findings().maps[0].map
    turned = np.ascontiguousarray(one.values[::-1, ::-1])
    other = SaliencyMap(
        "local", turned, turned[::4, ::4].copy(), "nonnegative", 1, "B", one.provenance
    )
    return difference(one, other)


def shown(look: Look, saliency: SaliencyMap | None = None) -> np.ndarray:
    """The figure's pixels where the image is."""
    said = findings()
    one = said.maps[0] if saliency is None else type(said.maps[0])(saliency)
    with style.applied():
        drawn = figure.draw(said, one, look=look)
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        box = drawn.axes[0].get_window_extent()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    return pixels[-int(box.y1) : -int(box.y0), int(box.x0) : int(box.x1)]


@pytest.mark.parametrize("kind", ["contours", "hot-spots"])
@pytest.mark.parametrize("map_of", [lambda: findings().maps[0].map, signed])
def test_lines_are_those_of_the_window(kind: Kind, map_of):
    saliency = map_of()
    look = Look(kind, levels=(0.2, 0.6), top=0.05)
    ours = lines_of(saliency, look)
    seen = window.Overlay(
        saliency, window.OverlayStyle(kind=kind, levels=look.levels, top=look.top)
    )
    theirs = on_screen(seen)
    assert sorted((round(x.value, 6), x.dashed) for x in ours.lines) == sorted(
        (round(x.value, 6), x.dashed) for x in theirs.lines
    )
    for line in theirs.lines:
        assert look.line_colour(saliency, line.at) == colour_of(seen, line).name()
    # Along a line of the map, its value is the level's.
    for line in ours.lines if kind == "contours" else ():
        for path in line.paths:
            rows, cols = (path[:, 1] - 0.5), (path[:, 0] - 0.5)
            near = saliency.values[np.rint(rows).astype(int), np.rint(cols).astype(int)]
            steep = np.abs(np.gradient(saliency.values)).max()
            np.testing.assert_allclose(near, line.value, atol=steep + 1e-6)


def test_a_wash_takes_colours_scale_and_threshold():
    said = findings()
    one = said.maps[0].map
    under = picture.under(said.image, 0)
    plain = picture.over(under, one)
    np.testing.assert_array_equal(plain, picture.over(under, one, Look()))
    hollow = picture.over(under, one, Look(threshold=0.5))
    high = one.range[1]
    faint = one.values < 0.5 * high
    np.testing.assert_array_equal(hollow[faint], under[faint])
    np.testing.assert_array_equal(hollow[~faint], plain[~faint])
    wide = picture.over(under, one, Look(low=0.0, high=3 * high))
    assert np.abs(wide.astype(int) - under).sum() < np.abs(plain.astype(int) - under).sum() / 2
    other = picture.over(under, one, Look(colours="viridis"))
    assert (other != plain).any()


@pytest.mark.parametrize("kind", ["contours", "hot-spots"])
def test_lines_leave_the_image_between_them_alone(kind: Kind):
    without = shown(Look(opacity=0.0))
    drawn = shown(Look(kind, top=0.1))
    changed = (np.abs(drawn - without).max(axis=2) > 12).mean()
    washed = (np.abs(shown(Look()) - without).max(axis=2) > 12).mean()
    assert 0.005 < changed < washed / 2


def test_the_figure_says_how_the_map_is_drawn(tmp_path: Path):
    said = findings()
    one = said.maps[0]
    look = Look("contours", levels=(0.25, 0.5), low=0.0, high=2.0, shared=True)
    text = " ".join(line for line, _ in figure._lines(said, one, look))
    assert "Lines at 25, 50 % of the scale." in text and "compared on screen" in text
    assert "scale from 0 to 2" in text
    figure.export(said, one, tmp_path / "f.png", look=look)
    with Pillow.open(tmp_path / "f.png") as made:
        about = json.loads(made.info["Description"])["drawn"]
    assert about["kind"] == "contours" and about["scale"] == [0.0, 2.0]
    assert about["levels"] == [0.25, 0.5]
    text = " ".join(line for line, _ in figure._lines(said, one, Look(threshold=0.2)))
    assert "Below 20 % of the scale nothing is drawn." in text
    with style.applied():
        drawn = figure.draw(said, one, look=look)
    bar = drawn.axes[1]
    assert [t.get_text() for t in bar.get_yticklabels()] == ["0", "0.5", "1", "2"]
    drawn = figure.draw(said, one, look=Look("hot-spots", top=0.1))
    level = lines_of(one.map, Look("hot-spots", top=0.1)).lines[0].value
    assert any(abs(tick - level) < 1e-9 for tick in drawn.axes[1].get_yticks())


def test_what_has_no_hot_spot_is_said():
    one = findings().maps[0].map
    nothing = SaliencyMap(
        "gate", np.zeros_like(one.values), one.raw, "nonnegative", 1, "B", one.provenance
    )
    found = lines_of(nothing, Look("hot-spots"))
    assert not found.lines and found.sentence.startswith("There is no hot spot")
    found = lines_of(nothing, Look("contours"))
    assert "no value reaches these levels" in found.sentence


def test_covers_hide_lines_too():
    said = replace(findings(), masks=())
    bare = replace(said, covers=(Box(5, 10, 20, 30),))
    with style.applied():
        drawn = figure.draw(bare, bare.maps[0], look=Look("contours"))
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
    panel = drawn.axes[0]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    inside = [(col, row) for row in range(6, 19) for col in range(11, 29)]
    for x, y in panel.transData.transform(inside).round().astype(int):
        assert pixels[pixels.shape[0] - 1 - y, x].max() < 40


def test_a_shut_gate_is_said_and_has_no_hot_spots():
    one = findings().maps[0]
    made = replace(one.map.provenance, parameters={"gate_opening": 0.001})
    shut = replace(one, map=replace(one.map, provenance=made))
    text = " ".join(figure.how_drawn(shut, Look()))
    assert "gate is shut" in text and "0.1 %" in text
    found = lines_of(shut.map, Look("hot-spots"))
    assert not found.lines and "gate is shut" in found.sentence
    assert not figure.how_drawn(one, Look())


def test_what_is_nearly_zero_is_not_outlined_and_both_say_so():
    one = findings().maps[0].map
    values = np.full_like(one.values, 1e-4)
    values[2:4, 3:8] = 1.0
    weak = SaliencyMap("gate", values, one.raw, "nonnegative", 1, "B", one.provenance)
    look = Look("hot-spots", top=0.1)
    (line,) = lines_of(weak, look).lines
    corners = np.vstack(line.paths)
    assert (corners.min(axis=0).tolist(), corners.max(axis=0).tolist()) == ([3, 2], [8, 4])
    share = f"{100 * 10 / values.size:.1f} %"
    assert f"only {share} reach 5 % of the map's strongest value" in lines_of(weak, look).sentence
    seen = on_screen(window.Overlay(weak, window.OverlayStyle(kind="hot-spots", top=0.1)))
    assert seen.legend == ("top 10 % of pixels", f"only {share} reach 5 % of peak")
    assert share in seen.note and len(seen.lines) == 1
    # Of a signed map, faint values below zero are not outlined because of their rank either.
    values = np.where(values < 1, np.float32(-1e-4), values)
    signed_map = SaliencyMap("local", values, one.raw, "signed", 1, "B", one.provenance)
    assert [line.dashed for line in lines_of(signed_map, look).lines] == [False]


def test_hot_spots_of_a_blurred_map_are_not_measured_by_its_single_pixels():
    one = findings().maps[0].map
    values = np.random.default_rng(5).laplace(0.02, 1.0, (200, 200)).astype(np.float32)
    pixels = SaliencyMap("shap-gate", values, values, "signed", 1, "B", one.provenance)
    found = lines_of(pixels, Look("hot-spots", top=0.1))
    assert "smoothed by" in found.sentence and "reach" not in found.sentence
    seen = on_screen(window.Overlay(pixels, window.OverlayStyle(kind="hot-spots", top=0.1)))
    assert not any("reach" in line for line in seen.legend)
    assert len(seen.lines) == len(found.lines) == 2


@pytest.mark.parametrize("highest", [1.0, 281.4, 1424.0])
def test_numbers_along_a_flat_bar_keep_clear_of_each_other(highest: float):
    one = findings().maps[0]
    values = np.linspace(0, highest, 400, dtype=np.float32).reshape(20, 20)
    given = replace(
        one, map=SaliencyMap("gate", values, values, "nonnegative", 1, "B", one.map.provenance)
    )
    written = set()
    for top in (0.02, 0.1, 0.16, 0.22, 0.3, 0.5, 0.8, 0.95):
        made = Figure(figsize=(1.66, 0.4))
        renderer = FigureCanvasAgg(made).get_renderer()
        axes = made.add_axes((0, 0.5, 1, 0.2))
        drawing.colour_bar(axes, given, upright=False, size=5.8, look=Look("hot-spots", top=top))
        made.draw(renderer)
        boxes = [text.get_window_extent(renderer) for text in axes.get_xticklabels()]
        written.add(len(boxes))
        for left, right in pairwise(sorted(boxes, key=lambda box: box.x0)):
            assert right.x0 - left.x1 > 1.0, top
    assert written == {2, 3}  # where there is room, the line's value is written
