"""The run lengths of COCO and Label Studio: exact, and closed to hostile input."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.masks.formats import brush_rle, coco_rle

# Encoded by pycocotools 2.0.11 and label-studio-converter 0.0.59.
KNOWN = np.zeros((5, 7), bool)
KNOWN[1:4, 2:6] = KNOWN[0, 0] = True
KNOWN_COCO = "01:2H000004"
KNOWN_BRUSH = [0, 0, 0, 140, 57, 27, 252, 127, 248, 124, 2, 255, 253, 176, 11, 255, 246, 192, 47]
KNOWN_BRUSH += [255, 225, 240, 0]


@st.composite
def masks(draw):
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random(shape) < draw(st.floats(0, 1))


def test_known_encodings():
    assert coco_rle.to_letters(coco_rle.runs(KNOWN)) == KNOWN_COCO
    assert brush_rle.encode(KNOWN) == KNOWN_BRUSH
    np.testing.assert_array_equal(
        coco_rle.pixels(coco_rle.from_letters(KNOWN_COCO, 35), (5, 7)), KNOWN
    )
    np.testing.assert_array_equal(brush_rle.decode(bytes(KNOWN_BRUSH), (5, 7)), KNOWN)


@settings(max_examples=40, deadline=None)
@given(masks())
def test_both_come_back_exactly(pixels):
    letters = coco_rle.to_letters(coco_rle.runs(pixels))
    counts = coco_rle.from_letters(letters, pixels.size)
    np.testing.assert_array_equal(coco_rle.pixels(counts, pixels.shape), pixels)
    brush = bytes(brush_rle.encode(pixels))
    np.testing.assert_array_equal(brush_rle.decode(brush, pixels.shape), pixels)


@settings(max_examples=40, deadline=None)
@given(masks())
def test_coco_is_what_pycocotools_writes(pixels):
    oracle = pytest.importorskip("pycocotools.mask")
    theirs = oracle.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert coco_rle.to_letters(coco_rle.runs(pixels)) == theirs["counts"].decode()


def test_long_runs_of_a_large_picture():
    pixels = np.zeros((700, 900), bool)
    pixels[300:] = True
    brush = bytes(brush_rle.encode(pixels))
    assert len(brush) < 200
    np.testing.assert_array_equal(brush_rle.decode(brush, pixels.shape), pixels)


def test_brush_words_as_they_are_and_single_channels():
    # Written by hand: 4 values, words of 8 bits, widths 3 4 8 16; 0, width 0, 4 words.
    bits = f"{4:032b}" + f"{7:05b}" + "0010001101111111" + "0" + "00" + "011"
    bits += "".join(f"{v:08b}" for v in (0, 255, 3, 0))
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    np.testing.assert_array_equal(brush_rle.decode(data, (2, 2)), [[0, 1], [1, 0]])
    # As RGBA these are one pixel, and opacity says it is not marked.
    np.testing.assert_array_equal(brush_rle.decode(data, (1, 1)), [[False]])


@pytest.mark.parametrize(
    ("letters", "message"),
    [
        ("01:2H00000P", "ends within"),
        ("0", "cover"),
        ("1:2\x7f", "letters"),
        ("oooooooooooooooooooo0", "letters"),
        ("nnnnnnnnnnn0", "beyond"),
        ("é", "letters|cover|beyond"),
        ("0" * 1000, "more runs"),
    ],
)
def test_hostile_coco_letters(letters, message):
    with pytest.raises(ValueError, match=message):
        coco_rle.pixels(coco_rle.from_letters(letters, 35), (5, 7))


@pytest.mark.parametrize("counts", [[2**62, 2**62], [-1, 36], [35.0], [True] * 35, ["35"], [36]])
def test_hostile_coco_counts(counts):
    with pytest.raises(ValueError, match="run"):
        coco_rle.pixels(counts, (5, 7))


@pytest.mark.parametrize("cut", range(0, len(KNOWN_BRUSH) - 1, 3))
def test_truncated_brush(cut):
    with pytest.raises(ValueError, match=r"cut short|encodes"):
        brush_rle.decode(bytes(KNOWN_BRUSH[:cut]), (5, 7))


def test_hostile_brush():
    huge = bytes([255, 255, 255, 255, *KNOWN_BRUSH[4:]])
    with pytest.raises(ValueError, match="encodes 4294967295 values"):
        brush_rle.decode(huge, (5, 7))
    with pytest.raises(ValueError, match="longer than any"):
        brush_rle.decode(bytes(KNOWN_BRUSH) + bytes(10**6), (5, 7))
    beyond = f"{4:032b}" + f"{7:05b}" + "0010001101111111" + "111" + "1" * 16 + "1" * 8
    beyond += "0" * (-len(beyond) % 8)
    with pytest.raises(ValueError, match="beyond"):
        brush_rle.decode(int(beyond, 2).to_bytes(len(beyond) // 8, "big"), (1, 1))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.text(max_size=30))
def test_noise_is_refused_or_of_the_right_size(data, text):
    for decode in (
        lambda: brush_rle.decode(data, (5, 7)),
        lambda: coco_rle.pixels(coco_rle.from_letters(text, 35), (5, 7)),
    ):
        with contextlib.suppress(ValueError):
            assert decode().shape == (5, 7)
