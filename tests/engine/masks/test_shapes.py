"""Shapes against references that share none of their code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from skimage.draw import polygon as skimage_polygon

from engine.masks import shapes
from engine.masks.shapes import Stamp

SHAPE = (37, 53)

coordinate = st.floats(-40, 90, allow_nan=False)
points = st.tuples(coordinate, coordinate)


def full(stamp: Stamp, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    out = np.zeros(shape, bool)
    assert stamp.cover.shape == stamp.box.shape
    assert stamp.cover.dtype == bool
    out[stamp.box.slices] = stamp.cover
    if stamp.cover.size:
        assert 0 <= stamp.box.top < stamp.box.bottom <= shape[0]
        assert 0 <= stamp.box.left < stamp.box.right <= shape[1]
    return out


def distance_to_segment(p, q, shape=SHAPE) -> np.ndarray:
    grid = np.stack(np.mgrid[: shape[0], : shape[1]], -1).astype(float)
    p, q = np.array(p, float), np.array(q, float)
    along = q - p
    square = along @ along
    t = np.clip(((grid - p) @ along) / square, 0, 1) if square > 0 else np.zeros(shape)
    return np.linalg.norm(grid - (p + t[..., None] * along), axis=-1)


@settings(max_examples=300, deadline=None)
@given(points, points, st.floats(0, 45))
@example((0.0, 0.0), (1.5e-6, 1.0), 0.0)
@example((3.0, 2.0), (3.0, 9.0), 0.0)
def test_a_capsule_is_every_centre_within_the_radius(p, q, radius):
    distance = distance_to_segment(p, q)
    drawn = full(shapes.capsule(p, q, radius, SHAPE))
    certain = np.abs(distance - radius) > 1e-6
    np.testing.assert_array_equal(drawn[certain], (distance <= radius)[certain])


@pytest.mark.parametrize(("radius", "count"), [(0, 1), (1, 5), (2, 13), (3, 29), (5, 81)])
def test_a_disc_on_a_centre_holds_its_border(radius, count):
    # The Gauss circle problem: lattice points within an integer radius, border included.
    assert full(shapes.disc((18, 20), radius, SHAPE)).sum() == count


def test_a_fast_mouse_leaves_no_gap():
    drawn = full(shapes.capsule((2.3, 1.7), (33.1, 50.2), 1.0, SHAPE))
    from scipy import ndimage

    _, pieces = ndimage.label(drawn, np.ones((3, 3)))
    assert pieces == 1
    assert drawn[2:34].any(axis=1).all()


def test_outside_the_image_there_is_nothing():
    assert shapes.disc((-20, -20), 5, SHAPE).box.is_empty
    assert shapes.capsule((-9, 80), (90, 81), 3, SHAPE).box.is_empty
    assert shapes.polygon([(-9, -9), (-9, -2), (-2, -2)], SHAPE).box.is_empty


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e12])
def test_points_that_are_no_points_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        shapes.disc((bad, 3), 2, SHAPE)
    with pytest.raises(ValueError, match="finite"):
        shapes.polygon([(0, 0), (0, bad), (5, 5)], SHAPE)


# Vertices off the lattice and off its diagonals: no centre lies on an outline, where the
# references follow rules of their own.
ragged = st.lists(
    st.tuples(st.integers(-15, 50), st.integers(-15, 65)), min_size=3, max_size=12, unique=True
)


def jittered(vertices) -> np.ndarray:
    rng = np.random.default_rng(abs(hash(tuple(vertices))) % 2**32)
    return np.array(vertices, float) + rng.uniform(0.05, 0.45, (len(vertices), 2))


def grid_points() -> np.ndarray:
    return np.stack(np.mgrid[: SHAPE[0], : SHAPE[1]], -1).reshape(-1, 2).astype(float)


def winding_number(vertices: np.ndarray) -> np.ndarray:
    """The turns around every pixel centre, by summing the angles."""
    offset = vertices[None] - grid_points()[:, None]
    angle = np.arctan2(offset[..., 0], offset[..., 1])
    step = np.roll(angle, -1, axis=1) - angle
    step = (step + np.pi) % (2 * np.pi) - np.pi
    return np.rint(step.sum(axis=1) / (2 * np.pi)).astype(int).reshape(SHAPE)


@settings(max_examples=150, deadline=None)
@given(ragged)
def test_a_polygon_agrees_with_skimage_and_a_lasso_with_the_winding_number(vertices):
    corners = jittered(vertices)
    expected = np.zeros(SHAPE, bool)
    rows, cols = skimage_polygon(corners[:, 0], corners[:, 1], SHAPE)
    expected[rows, cols] = True
    np.testing.assert_array_equal(full(shapes.polygon(corners, SHAPE)), expected)
    turns = winding_number(corners)
    np.testing.assert_array_equal(full(shapes.polygon(corners, SHAPE)), turns % 2 == 1)
    np.testing.assert_array_equal(full(shapes.lasso(corners, SHAPE)), turns != 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(3, 25), min_size=5, max_size=14))
def test_a_simple_polygon_agrees_with_matplotlib(radii):
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + 0.1234
    corners = np.stack([18.317 + np.sin(angles) * radii, 25.271 + np.cos(angles) * radii], axis=-1)
    expected = Outline(corners).contains_points(grid_points()).reshape(SHAPE)
    np.testing.assert_array_equal(full(shapes.polygon(corners, SHAPE)), expected)
    np.testing.assert_array_equal(full(shapes.lasso(corners, SHAPE)), expected)


@given(st.integers(1, 35), st.integers(1, 51))
@settings(max_examples=40, deadline=None)
def test_polygons_that_share_edges_share_no_pixel_and_leave_none(row, col):
    # Four rectangles on integer coordinates around (row, col), and their diagonals.
    corners = [(0, 0), (0, 53), (37, 53), (37, 0)]
    parts = [
        full(shapes.polygon([corners[i], corners[(i + 1) % 4], (row, col)], SHAPE))
        for i in range(4)
    ]
    np.testing.assert_array_equal(sum(p.astype(int) for p in parts), 1)


def test_the_two_rules_differ_on_a_pentagram():
    angles = np.arange(5) * 4 * np.pi / 5
    star = np.stack([18.2 + 15 * np.cos(angles), 26.3 + 15 * np.sin(angles)], -1)
    assert not full(shapes.polygon(star, SHAPE))[18, 26]
    assert full(shapes.polygon(star, SHAPE, "non-zero"))[18, 26]


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.floats(-5, 40), st.floats(-5, 60)),
    st.tuples(st.floats(0.3, 30), st.floats(0.3, 30)),
    st.floats(-4, 4),
)
def test_an_ellipse_is_its_equation(centre, radii, angle):
    grid = grid_points() - centre
    across = grid[:, 0] * np.cos(angle) + grid[:, 1] * np.sin(angle)
    along = grid[:, 1] * np.cos(angle) - grid[:, 0] * np.sin(angle)
    value = ((across / radii[0]) ** 2 + (along / radii[1]) ** 2).reshape(SHAPE)
    drawn = full(shapes.ellipse(centre, radii, SHAPE, angle))
    certain = np.abs(value - 1) > 1e-6
    np.testing.assert_array_equal(drawn[certain], (value <= 1)[certain])


def ring() -> np.ndarray:
    return full(shapes.disc((18, 26), 14, SHAPE)) & ~full(shapes.disc((18, 26), 9, SHAPE))


def test_an_enclosed_region_is_filled_and_an_open_one_is_not():
    pixels = ring()
    inside = full(shapes.enclosed(pixels, (18, 26)))
    np.testing.assert_array_equal(inside, full(shapes.disc((18, 26), 9, SHAPE)))
    np.testing.assert_array_equal(full(shapes.holes(pixels)), inside)
    assert shapes.enclosed(pixels, (0, 0)).box.is_empty
    assert shapes.enclosed(pixels, (18, 14)).box.is_empty  # marked itself
    assert shapes.enclosed(pixels, (99, 14)).box.is_empty
    pixels[18, 26:] = False  # a gap, one pixel wide
    assert shapes.enclosed(pixels, (18, 26)).box.is_empty
    assert shapes.holes(pixels).box.is_empty


def test_the_border_of_the_image_does_not_close_a_region():
    pixels = np.zeros(SHAPE, bool)
    pixels[:, 20] = True
    assert shapes.enclosed(pixels, (5, 5)).box.is_empty
    pixels[10, :21] = pixels[20, :21] = True
    assert shapes.enclosed(pixels, (15, 5)).box.is_empty


def test_a_diagonal_line_closes():
    pixels = np.zeros(SHAPE, bool)
    for i in range(5):
        pixels[10 + i, 20 + i] = pixels[10 + i, 20 - i] = True
        pixels[18 - i, 20 + i] = pixels[18 - i, 20 - i] = True
    region = full(shapes.enclosed(pixels, (14, 20)))
    assert region.sum() == 25
    assert not (region & pixels).any()


def test_a_piece_is_what_hangs_together():
    pixels = ring()
    pixels[2, 2] = pixels[3, 3] = True
    np.testing.assert_array_equal(
        np.argwhere(full(shapes.component(pixels, (2, 2)))), [[2, 2], [3, 3]]
    )
    assert shapes.component(pixels, (0, 0)).box.is_empty
