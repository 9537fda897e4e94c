"""The picture of an image with its masks' outlines."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from engine.images.image import Image
from engine.masks.formats import overlay
from engine.masks.mask import ImageReference, Mask


def test_the_overlay_is_the_image_with_an_outline(tmp_path):
    grey = np.linspace(0, 255, 600).astype(np.uint8).reshape(1, 20, 30)
    image = Image(grey)
    pixels = np.zeros((20, 30), bool)
    pixels[5:12, 6:20] = True
    mask = Mask(ImageReference.of(image), frames={0: pixels})
    overlay.export([mask], image, 0, tmp_path / "o.png")
    with Pillow.open(tmp_path / "o.png") as picture:
        assert picture.size == (30, 20)
        values = np.asarray(picture)
    border = pixels.copy()
    border[6:11, 7:19] = False
    np.testing.assert_array_equal((values == (0x4D, 0xD0, 0xE1)).all(axis=2), border)
    bare = overlay.render([], image, 0)
    np.testing.assert_array_equal(values[~border], bare[~border])
    assert (bare[..., 0] == bare[..., 1]).all()
    mask.visible = False
    np.testing.assert_array_equal(overlay.render([mask], image, 0), bare)
