"""The outline is the exact boundary: each side between a marked and an unmarked pixel, once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.masks import outline

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def sides(pixels):
    """Every unit side between marked and unmarked, by looking at each pixel's four sides."""
    found = set()
    rows, cols = pixels.shape
    for row, col in zip(*np.nonzero(pixels), strict=True):
        for dr, dc, side in (
            (-1, 0, (col, row, col + 1, row)),
            (1, 0, (col, row + 1, col + 1, row + 1)),
            (0, -1, (col, row, col, row + 1)),
            (0, 1, (col + 1, row, col + 1, row + 1)),
        ):
            r, c = row + dr, col + dc
            if not (0 <= r < rows and 0 <= c < cols and pixels[r, c]):
                found.add(tuple(int(v) for v in side))
    return found


def units(segments):
    """Cut segments into unit sides."""
    out = []
    for x0, y0, x1, y1 in segments:
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        out += [(x, y0, x + 1, y0) for x in range(x0, x1)]
        out += [(x0, y, x0, y + 1) for y in range(y0, y1)]
    return out


@given(masks, st.integers(1, 5))
def test_tiles_give_each_side_exactly_once(pixels, size):
    rows, cols = pixels.shape
    found = []
    for top in range(0, rows, size):
        for left in range(0, cols, size):
            box = (top, left, min(top + size, rows), min(left + size, cols))
            found += units(outline.segments(pixels, *box).tolist())
    assert len(found) == len(set(found))
    assert set(found) == sides(pixels)


@given(masks)
def test_paths_go_along_each_side_once_and_enclose_the_area(pixels):
    found, area = [], 0.0
    for path in outline.paths(pixels):
        x, y = path[:, 0], path[:, 1]
        following = np.roll(path, -1, axis=0)
        found += units(np.concatenate([path, following], axis=1).tolist())
        area += float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
    assert len(found) == len(set(found))
    assert set(found) == sides(pixels)
    assert area == pixels.sum()


def test_regions_that_touch_at_a_corner_have_a_path_each():
    pixels = np.zeros((4, 4), np.bool_)
    pixels[1, 1] = pixels[2, 2] = True
    assert sorted(len(path) for path in outline.paths(pixels)) == [4, 4]


def test_straight_sides_are_one_segment():
    pixels = np.ones((3, 50), np.bool_)
    assert len(outline.segments(pixels, 0, 0, 3, 50)) == 4
