"""Finding commands by a few letters."""

from __future__ import annotations

import pytest

from viewer.fuzzy import match

TITLES = (
    "Edit › Undo brush stroke",
    "Edit › Tool › Brush",
    "View › One view",
    "Help › Tour of the window",
    "Image › Turn and flip › Turn left 90°",
    "File › Export › Mask as NIfTI",
    "File › Export › Mask as NRRD (3D Slicer)",
    "View › Overlay › Gate",
    "View › Fit",
    "View › Filter the cases",
)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("undo", "Edit › Undo brush stroke"),
        ("brush tool", "Edit › Tool › Brush"),
        ("nifti", "File › Export › Mask as NIfTI"),
        ("slicer", "File › Export › Mask as NRRD (3D Slicer)"),
        ("tl9", "Image › Turn and flip › Turn left 90°"),
        ("ove gate", "View › Overlay › Gate"),
        ("fit", "View › Fit"),
        ("TOUR", "Help › Tour of the window"),
    ],
)
def test_the_best_fit_is_what_was_meant(query, title):
    fits = {t: m.score for t in TITLES if (m := match(query, t)) is not None}
    assert max(fits, key=fits.__getitem__) == title


def test_letters_must_come_in_order_and_all_words_must_fit():
    assert match("odnu", "Undo") is None
    assert match("undo nonsense", "Undo brush stroke") is None
    assert match("", "Undo").letters == frozenset()


def test_the_letters_meant_are_named():
    assert match("gate", "View › Overlay › Gate").letters == {17, 18, 19, 20}
    assert match("x", "İx").letters == {1}  # a letter whose small form is two letters long
