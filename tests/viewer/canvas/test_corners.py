"""Texts in a view's corners and at its sides lie clear of one another, in small views too."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF

from engine.images.image import Display, Geometry, Image, Window
from tests.viewer.canvas.test_overlay import saliency
from viewer.canvas.annotations import font
from viewer.canvas.overlay import Overlay, OverlayStyle
from viewer.canvas.view import ImageView

SIZES = [(218, 172), (218, 282), (240, 330), (328, 585), (130, 130)]
LEVELS = [(0.25, 0.5, 0.75), (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98), (0.4, 0.45, 0.5, 0.55)]


def placed() -> Image:
    """An axial slice, whose sides are known."""
    affine = np.diag([1.0, 1.0, 1.0, 1.0])[:, [1, 0, 2, 3]]
    return Image(
        np.zeros((1, 60, 60), np.uint8),
        Geometry((1.0, 1.0), affine[None]),
        display=Display(windows=(Window(128, 255, "PHANTOM"),)),
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sign", ["nonnegative", "signed"])
@pytest.mark.parametrize("most", [708.0, 0.000265])
def test_numbers_of_contours_and_the_sides_letter_are_both_read(qtbot, size, sign, most):
    view = ImageView()
    qtbot.addWidget(view)
    view.show()
    view.set_image(placed())
    view.resize(*size)
    view.resize(size[0], size[1] + view.height() - view.surface.height())
    rows, cols = np.indices((60, 60))
    values = most * np.exp(-((rows - 30.0) ** 2 + (cols - 30.0) ** 2) / 300)
    made = saliency(values - (most / 2 if sign == "signed" else 0), sign)
    layers = view.layers
    styles = [*(("contours", levels) for levels in LEVELS), ("hot-spots", ()), ("wash", ())]
    for kind, levels in styles:
        view.set_overlay(Overlay(made, OverlayStyle(kind=kind, levels=levels, top=0.3)))
        view.grab()
        viewport, annotations = view.viewport, layers.annotations
        assert annotations.edges[1] == "L"
        letter = annotations.right_letter_box(viewport)
        numbers = annotations.numbers
        for box in numbers:
            assert not letter.intersects(box), (letter, box)
        corner = annotations.top_boxes(viewport)
        lines = [(box, text) for box, text in layers.colour_bar.numbers(viewport, corner)]
        assert [box for box, _ in lines] == numbers
        ends = {text for _, text in layers.colour_bar.labels()}
        for box, text in lines:
            if text not in ends:
                assert not any(box.intersects(other) for other in corner), text
        for one, other in combinations(numbers, 2):
            # A line of text is 17 px high, its figures less than 13.
            apart = one.adjusted(0, 2, 0, -2), other.adjusted(0, 2, 0, -2)
            assert not apart[0].intersects(apart[1])
        whole = QRectF(0, 0, viewport.width, viewport.height)
        assert whole.contains(letter)
        # At the side that it names: in the right third wherever the view is not tiny.
        assert letter.center().x() > viewport.width * 0.6 or min(size) < 172
        assert letter.width() >= QFontMetricsF(font(bold=True)).horizontalAdvance("L") - 0.01
    view.set_overlay(None)
    view.grab()
    middle = layers.annotations.right_letter_box(view.viewport).center().y()
    assert abs(middle - view.viewport.height / 2) < 1  # where nothing is in its way
