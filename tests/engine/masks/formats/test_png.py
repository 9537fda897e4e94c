"""PNG masks are lossless, and pictures of any kind are read as masks."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.formats import png
from tests.engine.masks.formats.checks import garbled, refused
from tests.engine.masks.mask_images import mask_on, stack


def test_png_is_lossless_8_bit_and_of_the_images_size(tmp_path):
    image = Image(np.arange(600, dtype=np.uint16).reshape(1, 20, 30))
    mask = mask_on(image)
    (path,) = png.export(mask, image, tmp_path / "m.png")
    with Pillow.open(path) as picture:
        assert (picture.mode, picture.size, picture.format) == ("L", (30, 20), "PNG")
        np.testing.assert_array_equal(np.asarray(picture), mask.frame(0) * np.uint8(255))
    assert png.read(path, image).same_pixels(mask)
    # The same, read by another library.
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(values == 255, mask.frame(0))


def test_png_of_several_frames_is_a_file_a_drawn_frame(tmp_path):
    image = stack(frames=12)
    mask = mask_on(image)
    paths = png.export(mask, image, tmp_path / "m.png")
    assert [p.name for p in paths] == ["m_f001.png", "m_f005.png", "m_f012.png"]
    for path, index in zip(paths, mask.frames, strict=True):
        back = png.read(path, image)
        assert list(back.frames) == [index]
        np.testing.assert_array_equal(back.frame(index), mask.frame(index))
    plain = paths[0].rename(tmp_path / "plain.png")
    with pytest.raises(MaskError, match="does not say which"):
        png.read(plain, image)
    assert list(png.read(plain, image, frame=7).frames) == [7]
    with pytest.raises(MaskError, match="does not say which"):
        png.read(plain.rename(tmp_path / "m_f013.png"), image)


def test_png_of_any_kind_is_read(tmp_path):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    drawn = mask_on(image).frame(0)
    grey = drawn.astype(np.uint8)
    alpha = np.zeros((20, 30, 4), np.uint8)
    alpha[drawn, 3] = 200
    painted = np.zeros((20, 30, 4), np.uint8)
    painted[..., :3] = 255  # white, but only seen where it is opaque
    painted[drawn, 3] = 255
    red = np.zeros((20, 30, 4), np.uint8)
    red[..., 3] = 255
    red[drawn, 0] = 1
    palette = Pillow.fromarray(grey * 3, "P")
    palette.putpalette([0, 0, 0] * 3 + [200, 10, 10] + [0, 0, 0] * 252)
    pictures = {
        "one.png": Pillow.fromarray(grey),
        "bit.png": Pillow.fromarray(grey * 255).convert("1"),
        "deep.png": Pillow.fromarray(grey.astype(np.uint16) * 256),
        "palette.png": palette,
        "alpha.png": Pillow.fromarray(alpha),
        "painted.png": Pillow.fromarray(painted),
        "red.png": Pillow.fromarray(red),
        "rgb.bmp": Pillow.fromarray(red[..., :3].copy()),
        "float.tif": Pillow.fromarray(drawn.astype(np.float32)),
        "la.png": Pillow.fromarray(grey * 255).convert("LA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        np.testing.assert_array_equal(png.read_pixels(tmp_path / name, (20, 30)), drawn, name)


def test_hostile_pictures_get_one_sentence(tmp_path):
    image = Image(np.zeros((1, 20, 30), np.uint8))
    good = tmp_path / "good.png"
    png.export(mask_on(image), image, good)
    data = good.read_bytes()
    huge = bytearray(data)
    huge[16:24] = (0x7FFFFFFF).to_bytes(4, "big") * 2
    cases = {
        "empty.png": b"",
        "text.png": b"hello",
        "torn.png": data[: len(data) // 2],
        "head.png": data[:33],
        "huge.png": bytes(huge),
        "jpeg.png": b"\xff\xd8\xff\xe0" + b"\0" * 40,
    }
    cases |= garbled(data, 60, len(data), ".png")
    assert refused(tmp_path, cases, lambda path: png.read(path, image)) >= 6
    with pytest.raises(MaskError):
        png.read(tmp_path / "missing.png", image)
    with pytest.raises(MaskError, match="30 × 20 pixels and the image has 20 × 30"):
        png.read(good, Image(np.zeros((1, 30, 20), np.uint8)))
