"""Turning and mirroring the view: the display alone, with everything that lies on it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest

from engine.images.image import Geometry, Image
from engine.masks.document import MaskDocument
from engine.masks.shapes import disc
from viewer.canvas.links import Links
from viewer.canvas.turn import PLAIN, Turn
from viewer.canvas.viewport import Viewport
from viewer.tools.brush import BrushSize, BrushTool

ALL = [Turn(quarters, mirrored) for mirrored in (False, True) for quarters in range(4)]


def axial(rows=40, cols=56):
    rng = np.random.default_rng(3)
    affine = np.eye(4)
    affine[:3, :2] = [[0, 1], [1, 0], [0, 0]]  # columns run to the patient's left, rows back
    pixels = rng.integers(0, 1000, (2, rows, cols), dtype=np.int16)
    return Image(pixels, Geometry((1.0, 1.0), np.stack([affine, affine])))


@pytest.fixture
def view(make_view):
    view = make_view(axial())
    view.set_annotations_shown(False)
    return view


def shown(turn, pixels):
    """What the eye should see, by numpy alone."""
    seen = np.fliplr(pixels) if turn.mirrored else pixels
    return np.rot90(seen, -turn.quarters)


@pytest.mark.parametrize("turn", ALL)
def test_positions_go_to_the_screen_and_back(turn):
    port = Viewport(row=11.0, col=7.0, scale=3.0, aspect=1.7, width=200, height=120, turn=turn)
    for row, col in ((0.0, 0.0), (11.0, 7.0), (30.5, -4.25)):
        at = port.to_widget(row, col)
        assert port.to_image(at.x(), at.y()) == pytest.approx((row, col))
        mapped = port.transform().map(col + 0.5, row + 0.5)
        assert mapped == pytest.approx((at.x(), at.y()))
    near = port.zoomed(2.0, 30, 90)
    assert near.to_image(30, 90) == pytest.approx(port.to_image(30, 90))
    before = port.to_widget(5, 5)
    after = port.panned(12, -9).to_widget(5, 5)
    assert (after.x() - before.x(), after.y() - before.y()) == pytest.approx((12, -9))
    area = QRectF(10, 20, 60, 30)
    seen = port.to_image_rect(area)
    back = port.to_widget_rect(seen.top(), seen.left(), seen.bottom(), seen.right())
    assert (back.x(), back.y(), back.width(), back.height()) == pytest.approx((10, 20, 60, 30))


def test_turns_are_a_group():
    start = np.arange(6).reshape(2, 3)
    for turn in ALL:
        pixels = shown(turn, start)
        assert np.array_equal(shown(turn.turned(1), start), np.rot90(pixels, -1))
        assert np.array_equal(shown(turn.flipped(), start), np.fliplr(pixels))
        assert np.array_equal(shown(turn.flipped(vertically=True), start), np.flipud(pixels))
    assert len({turn.words for turn in ALL}) == 8 and PLAIN.words == ""


@pytest.mark.parametrize("turn", ALL)
def test_pixels_are_painted_turned(view, turn):
    view.set_turn(turn)
    view.set_viewport(view.viewport.at_scale(5.0))
    grabbed = view.surface.grab().toImage()
    ratio = grabbed.devicePixelRatio()
    rows, cols = view.image.shape
    grey = np.zeros((rows, cols), int)
    expected = {}
    for row, col in itertools.product(range(12, 28), range(16, 40)):
        at = view.viewport.to_widget(row, col)
        where = QPoint(int(at.x() * ratio), int(at.y() * ratio))
        if grabbed.rect().contains(where):
            grey[row, col] = grabbed.pixelColor(where).red()
            expected[row, col] = view.image.frame(0)[row, col]
    assert len(expected) > 300
    seen = np.array([grey[at] for at in expected])
    assert np.corrcoef(seen, np.array(list(expected.values())))[0, 1] > 0.97


@pytest.mark.parametrize(
    ("turn", "edges"),
    [
        (PLAIN, ("R", "L", "A", "P")),
        (Turn(1), ("P", "A", "R", "L")),
        (Turn(2), ("L", "R", "P", "A")),
        (Turn(0, True), ("L", "R", "A", "P")),
        (PLAIN.flipped(vertically=True), ("R", "L", "P", "A")),
    ],
)
def test_the_patients_sides_follow(view, turn, edges):
    view.set_turn(turn)
    assert tuple(view.layers.annotations.edges) == edges
    view.set_frame(1)
    assert tuple(view.layers.annotations.edges) == edges
    view.set_image(axial())
    assert view.turn == PLAIN and tuple(view.layers.annotations.edges) == ("R", "L", "A", "P")


@pytest.mark.parametrize("turn", ALL)
def test_drawing_lands_under_the_mouse_and_is_painted_there(view, turn):
    document = MaskDocument(view.image)
    document.add_mask("Lesion", colour="#FF0000")
    view.set_document(document)
    view.set_turn(turn)
    size = BrushSize()
    size.set_radius(3.0)
    view.set_tool(BrushTool(size))
    QTest.mouseClick(
        view.surface, Qt.MouseButton.LeftButton, pos=view.viewport.to_widget(10, 33).toPoint()
    )
    drawn = document.active.frame(0)
    row, col = np.argwhere(drawn).mean(axis=0)
    assert (row, col) == pytest.approx((10, 33), abs=0.5)
    document.paint(0, disc((10, 33), 6, view.image.shape))
    view.pointing.follow(None)
    picture = view.surface.grab().toImage()
    ratio = picture.devicePixelRatio()
    edge = view.viewport.to_widget(10, 33 + 6.5)  # on the outline
    around = [
        picture.pixelColor(int(edge.x() * ratio) + dx, int(edge.y() * ratio) + dy)
        for dx in (-2, -1, 0, 1, 2)
        for dy in (-2, -1, 0, 1, 2)
    ]
    assert any(c.red() > 200 and c.green() < 80 for c in around)


def test_a_turned_view_still_fits_and_linked_views_turn_with_it(view, make_view):
    other = make_view(view.image, (300, 300))
    links = Links()
    links.add(view)
    links.add(other)
    view.set_turn(Turn(1))
    assert other.turn == Turn(1) and view.is_fitted
    seen = view.view_rect()
    assert seen.width() >= 56 - 1e-6 and seen.height() >= 40 - 1e-6
    assert min(seen.width() - 56, seen.height() - 40) == pytest.approx(0, abs=1e-6)
    links.set_linked(other, False)
    view.set_turn(PLAIN)
    assert other.turn == Turn(1)
