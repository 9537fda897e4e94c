"""Colours of maps: tables, scale, transparency and threshold."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from engine.images.image import Display, Image, Window
from engine.saliency.map import Provenance, SaliencyMap
from viewer.canvas import colours
from viewer.canvas.annotations import Annotations
from viewer.canvas.colour_bar import ColourBar
from viewer.canvas.numbers import nice_length, short
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.overlay_layer import OverlayLayer, to_steps
from viewer.canvas.viewport import Viewport


def saliency(values, sign="nonnegative", frame=0):
    provenance = Provenance("demo", "0", "gate", "channel-sum", frame=frame)
    values = np.asarray(values, np.float32)
    return SaliencyMap("gate", values, values.copy(), sign, 0, "benign", provenance)


def lightness(rgb):
    """CIE L* of sRGB, uint8 (n, 3)."""
    linear = np.asarray(rgb, float) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    y = linear @ (0.2126, 0.7152, 0.0722)
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize("name", colours.SEQUENTIAL)
def test_sequential_tables_are_matplotlibs_and_grow_evenly_lighter(name):
    from matplotlib import colormaps

    expected = np.round(colormaps[name](np.linspace(0, 1, 256))[:, :3] * 255)
    np.testing.assert_array_equal(colours.table(name), expected.astype(np.uint8))
    steps = np.diff(lightness(colours.table(name))[::8])
    assert steps.min() > 0 and steps.max() < 3 * np.median(steps)


@pytest.mark.parametrize("name", colours.DIVERGING)
def test_diverging_tables_leave_a_neutral_middle_with_equal_strength_both_ways(name):
    table = colours.table(name)
    assert len(table) % 2 == 1
    middle = len(table) // 2
    assert np.ptp(table[middle].astype(int)) <= 2
    light = lightness(table)
    assert (np.diff(light[middle::8]) > 0).all() and (np.diff(light[middle::-8]) > 0).all()
    assert np.abs(light - light[::-1]).max() < 5


def test_table_steps_go_to_the_nearest():
    values = np.array([[-1, 0, 0.1, 0.5, 0.999, 1, 7, np.nan, np.inf, -np.inf]], np.float32)
    steps = to_steps(values, 0.0, 1.0, 256)
    np.testing.assert_array_equal(steps[0], [0, 0, 26, 128, 255, 255, 255, 0, 255, 0])
    assert to_steps(np.array([[np.nan, 0.0]], np.float32), -2.0, 2.0, 255).tolist() == [[127, 127]]


def drawn(overlay, background=0):
    layer = OverlayLayer()
    layer.show(overlay)
    rows, cols = overlay.map.values.shape
    canvas = QImage(cols, rows, QImage.Format.Format_RGB32)
    canvas.fill(background)
    painter = QPainter(canvas)
    layer.paint(painter, Viewport((rows - 1) / 2, (cols - 1) / 2, 1.0, 1.0, cols, rows))
    painter.end()
    data = np.frombuffer(canvas.constBits(), np.uint8).reshape(rows, -1, 4)
    return data[:, :cols, 2::-1].astype(int)


def test_low_end_lets_the_image_through_and_the_top_is_the_tables_top():
    values = np.linspace(0, 2, 64, dtype=np.float32).reshape(8, 8)
    white = drawn(Overlay(saliency(values), OverlayStyle("viridis", opacity=1.0)), 0xFFFFFFFF)
    assert (white[0, 0] == 255).all()
    np.testing.assert_allclose(white[-1, -1], colours.table("viridis")[-1], atol=2)
    half = drawn(Overlay(saliency(values), OverlayStyle("viridis", opacity=0.5)))
    np.testing.assert_allclose(half[-1, -1], colours.table("viridis")[-1] / 2, atol=2)


def test_threshold_leaves_out_what_is_below():
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    overlay = Overlay(saliency(values), OverlayStyle("inferno", 1.0, threshold=0.6))
    seen = drawn(overlay).any(axis=2)
    np.testing.assert_array_equal(seen, np.round(values * 255) / 255 >= 0.6)


def test_signed_maps_diverge_around_zero():
    values = np.array([[-3, -1, 0, 1, 2]], np.float32)
    overlay = Overlay(saliency(values, "signed"), OverlayStyle(opacity=1.0))
    assert overlay.range == (-3, 3)
    seen = drawn(overlay)
    np.testing.assert_allclose(seen[0, 0], colours.table("purple-orange")[0], atol=2)
    assert (seen[0, 2] == 0).all()
    assert seen[0, 4].argmax() == 0 and seen[0, 0].argmax() == 2


def test_a_locked_scale_is_the_styles():
    overlay = Overlay(saliency([[0.0, 0.5]]), OverlayStyle(low=0.0, high=2.0))
    assert overlay.range == (0, 2)
    assert Overlay(saliency([[0.0, 0.5]])).range == (0, 0.5)
    assert Overlay(saliency([[0.0, 0.0]])).range == (0, 1)


def test_colour_bar_says_both_ends_and_zero():
    bar = ColourBar()
    bar.show(Overlay(saliency([[0.0, 0.834]])))
    assert bar.labels() == [(0.0, "0"), (1.0, "0.834")]
    bar.show(Overlay(saliency([[-0.2, 0.4]], "signed")))
    assert bar.labels() == [(0.0, "−0.400"), (0.5, "0"), (1.0, "+0.400")]


def test_overlay_shows_on_its_own_frame_only(make_view):
    black = Display(windows=(Window(128, 255),))
    view = make_view(Image(np.zeros((3, 20, 20), np.uint8), display=black), (300, 300))
    view.set_overlay(Overlay(saliency(np.ones((20, 20)), frame=1)))
    assert view.visible_overlay is None
    view.set_frame(1)
    assert view.visible_overlay is view.overlay
    view.pointing.mark(3, 4)
    assert view.pointing.reading.map_value == 1
    view.set_overlay_shown(False)
    assert view.visible_overlay is None
    view.set_overlay_shown(True)
    view.set_overlay(Overlay(saliency(np.ones((10, 10)), frame=1)))
    assert view.visible_overlay is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.8312, "0.831"),
        (-12.34, "−12.3"),
        (123.4, "123"),
        (1234567, "1.2e6"),
        (-0.000012, "−1.2e−5"),
        (float("nan"), "no value"),
    ],
)
def test_numbers_are_short(value, text):
    assert short(value) == text


def test_scale_bar_is_the_longest_nice_length_that_fits():
    assert [nice_length(x) for x in (0.7, 1.0, 4.9, 5.0, 19, 99.9)] == [0.5, 1, 2, 5, 10, 50]
    annotations = Annotations(spacing=0.5)
    for scale in (0.1, 0.7, 1.0, 3.3, 25.0):
        length, label = annotations.scale_bar(Viewport(0, 0, scale, 1.0, 600, 500))
        number, unit = label.split()
        mm = float(number) * {"mm": 1, "cm": 10, "µm": 0.001}[unit]
        assert length == pytest.approx(mm / 0.5 * scale)
        assert 40 <= length <= 110
    assert Annotations().scale_bar(Viewport(0, 0, 1.0, 1.0, 600, 500)) is None


def test_texts_stay_out_of_the_middle():
    annotations = Annotations(
        ["Im 1/1", "W 1  L 1", "10 × 10"], ["(1, 1)  3", "map 0.3"], ("R", "L", "A", "P"), 1.0
    )
    canvas = QImage(600, 500, QImage.Format.Format_RGB32)
    canvas.fill(0xFF808080)
    painter = QPainter(canvas)
    painter.setClipRect(QRectF(0, 0, 600, 500))
    annotations.paint(painter, Viewport(0, 0, 1.0, 1.0, 600, 500))
    painter.end()
    data = np.frombuffer(canvas.constBits(), np.uint8).reshape(500, 600, 4)[:, :, 0]
    assert (data[100:400, 100:500] == 0x80).all()
    assert (data != 0x80).sum() > 500


def test_the_side_of_the_patient_stands_clear_of_the_numbers_at_the_bar(qapp):
    from PySide6.QtGui import QFontMetricsF

    from viewer.canvas.annotations import font

    bar = ColourBar()
    assert bar.inset == 0
    bar.show(Overlay(saliency([[0.0, 1.0]])))
    narrow = bar.inset
    bar.show(Overlay(saliency([[-2126.0, 2126.0]], "signed")))
    foot = bar.labels()[0][1]
    assert bar.inset >= max(narrow, QFontMetricsF(font()).horizontalAdvance(foot))


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("width", [170, 220, 279, 281, 400])
def test_the_lower_letter_stands_clear_of_position_and_value(qapp, width, lines):
    """What is written alone at the letter's place is left as it is by the texts beside it."""

    def painted(texts: list[str], letter: str) -> np.ndarray:
        canvas = QImage(width, 260, QImage.Format.Format_RGB32)
        canvas.fill(0xFF808080)
        painter = QPainter(canvas)
        painter.setClipRect(QRectF(0, 0, width, 260))
        annotations = Annotations([], texts, ("", "", "", letter), 1.0)
        annotations.paint(painter, Viewport(0, 0, 1.0, 1.0, width, 260))
        painter.end()
        return np.frombuffer(canvas.constBits(), np.uint8).reshape(260, width, 4)[:, :, 0] != 0x80

    texts = ["(1240, 1248)  1004", "map 1.6e−6"] if width > 200 else ["(240, 248)  4", "map 424"]
    texts = texts[:lines]
    bar, letter = painted([], ""), painted([], "P") & ~painted([], "")
    words = painted(texts, "") & ~bar
    assert letter.any() and words.any() and not (letter & words).any()
