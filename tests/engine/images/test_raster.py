"""PNG, JPEG, TIFF, BMP: values, colours, orientation, pages, damage."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from engine.errors import UnreadableImageError
from engine.images import raster, reader
from tests.engine.images.damage import fails

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def _rgb() -> np.ndarray:
    rgb = np.zeros((6, 8, 3), np.uint8)
    rgb[..., 0], rgb[..., 1], rgb[:3, ..., 2] = GREY, GREY[::-1], 200
    return rgb


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_and_colour_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    for pixels in (GREY, _rgb()):
        path = tmp_path / f"a.{suffix}"
        PillowImage.fromarray(pixels).save(path)
        image = reader.read(path)
        assert np.array_equal(image.frame(0), pixels)
        assert image.geometry.spacing is None
        assert raster.probe(path) == (1, (6, 8))


def test_jpeg_is_close(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    PillowImage.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    image = reader.read(tmp_path / "a.jpg")
    assert np.abs(image.frame(0).astype(int) - smooth).max() < 8


def test_grey_stored_as_rgb_becomes_grey(tmp_path: Path) -> None:
    PillowImage.fromarray(np.repeat(GREY[..., None], 3, axis=2)).save(tmp_path / "a.png")
    image = reader.read(tmp_path / "a.png")
    assert not image.is_colour
    assert np.array_equal(image.frame(0), GREY)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_values(tmp_path: Path, suffix: str) -> None:
    deep = (np.arange(48, dtype=np.uint16) * 1300).reshape(6, 8)
    PillowImage.fromarray(deep).save(tmp_path / f"a.{suffix}")
    image = reader.read(tmp_path / f"a.{suffix}")
    assert image.pixels.dtype.kind in "ui"
    assert np.array_equal(image.frame(0), deep)


def test_big_endian_16_bit_tiff(tmp_path: Path) -> None:
    deep = (np.arange(48, dtype=np.uint16) * 1300).reshape(6, 8)
    data = deep.astype(">u2").tobytes()
    tags = [
        (256, 3, 8), (257, 3, 6), (258, 3, 16), (259, 3, 1), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 3, 6), (279, 4, len(data)),
    ]  # fmt: skip
    directory = struct.pack(">H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value)
        directory += struct.pack(">HHI", tag, kind, 1) + packed
    content = b"MM\0*" + struct.pack(">I", 8 + len(data)) + data + directory + b"\0\0\0\0"
    (tmp_path / "a.tif").write_bytes(content)
    image = reader.read(tmp_path / "a.tif")
    assert np.array_equal(image.frame(0), deep)
    assert image.pixels.dtype.isnative


def test_float_tiff(tmp_path: Path) -> None:
    values = np.linspace(-3, 9, 48).reshape(6, 8).astype(np.float32)
    PillowImage.fromarray(values).save(tmp_path / "a.tif")
    assert np.array_equal(reader.read(tmp_path / "a.tif").frame(0), values)


def test_one_bit(tmp_path: Path) -> None:
    bits = GREY > 100
    PillowImage.fromarray(bits).save(tmp_path / "a.png")
    assert np.array_equal(reader.read(tmp_path / "a.png").frame(0), bits * np.uint8(255))


def test_palette(tmp_path: Path) -> None:
    picture = PillowImage.fromarray(_rgb()).quantize(16)
    picture.save(tmp_path / "a.png")
    image = reader.read(tmp_path / "a.png")
    assert np.array_equal(image.frame(0), np.asarray(picture.convert("RGB")))


def test_alpha_is_composited_over_black(tmp_path: Path) -> None:
    rgba = np.dstack([_rgb(), np.full((6, 8), 255, np.uint8)])
    PillowImage.fromarray(rgba).save(tmp_path / "opaque.png")
    opaque = reader.read(tmp_path / "opaque.png")
    assert np.array_equal(opaque.frame(0), _rgb())
    assert opaque.notes == ()

    rgba[:3, :, 3] = 0
    PillowImage.fromarray(rgba).save(tmp_path / "clear.png")
    clear = reader.read(tmp_path / "clear.png")
    assert (clear.frame(0)[:3] == 0).all()
    assert np.array_equal(clear.frame(0)[3:], _rgb()[3:])
    assert "transparent" in clear.notes[0]

    la = np.dstack([GREY, np.full((6, 8), 255, np.uint8)])
    PillowImage.fromarray(la).save(tmp_path / "la.png")
    assert np.array_equal(reader.read(tmp_path / "la.png").frame(0), GREY)


def test_cmyk(tmp_path: Path) -> None:
    cmyk = np.zeros((6, 8, 4), np.uint8)
    cmyk[..., 3] = 255 - GREY
    PillowImage.fromarray(cmyk, mode="CMYK").save(tmp_path / "a.tif")
    assert np.abs(reader.read(tmp_path / "a.tif").frame(0).astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    """The eight orientations of the Exif tag; the stored picture is turned back upright."""
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :16] = 250  # top left
    upright[:16, 32:] = 120  # top right
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright, 1), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    PillowImage.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    image = reader.read(path)
    assert image.shape == (32, 48)
    assert np.abs(image.frame(0).astype(int) - upright).mean() < 3
    assert raster.probe(path) == (1, (32, 48))


def test_pages_become_frames(tmp_path: Path) -> None:
    pages = [PillowImage.fromarray(GREY + np.uint8(i)) for i in range(4)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    image = reader.read(tmp_path / "a.tif")
    assert image.frames == 4
    assert np.array_equal(image.frame(3), GREY + np.uint8(3))
    assert raster.probe(tmp_path / "a.tif")[0] == 4


def test_pages_of_another_size_are_left_out_and_noted(tmp_path: Path) -> None:
    other = PillowImage.fromarray(np.zeros((3, 3), np.uint8))
    PillowImage.fromarray(GREY).save(tmp_path / "a.tif", save_all=True, append_images=[other])
    image = reader.read(tmp_path / "a.tif")
    assert image.frames == 1
    assert "another size" in image.notes[0]


def test_dots_per_inch_are_no_millimetres_but_imagej_units_are(tmp_path: Path) -> None:
    picture = PillowImage.fromarray(GREY)
    picture.save(tmp_path / "a.png", dpi=(300, 300))
    assert reader.read(tmp_path / "a.png").geometry.spacing is None
    tags = {270: "ImageJ=1.54f\nunit=mm\n", 282: 4.0, 283: 2.0, 296: 1}
    picture.save(tmp_path / "a.tif", tiffinfo=tags)
    assert reader.read(tmp_path / "a.tif").geometry.spacing == pytest.approx((0.5, 0.25))


def test_16_bit_colour_is_reduced_and_noted(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 65535, 256 * 100, 0) * 2 for _ in range(2))
    (tmp_path / "a.png").write_bytes(_png(2, 2, 16, 2, rows))
    image = reader.read(tmp_path / "a.png")
    assert image.frame(0)[0, 0].tolist() == [255, 100, 0]
    assert "16-bit" in image.notes[0]


def _png(width: int, height: int, depth: int, kind: int, raw: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        code = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(60_000, 60_000), (200_000, 10), (9_000, 9_000)])
def test_hostile_sizes_are_refused_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(_png(*size, 8, 0, b"\0" * 100))
    with pytest.raises(UnreadableImageError, match=r"million|far more pixels"):
        reader.read(tmp_path / "bomb.png")
    with pytest.raises(UnreadableImageError):
        raster.probe(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_cut_short_or_garbled_anywhere(tmp_path: Path, suffix: str) -> None:
    """Either an image of the right size or the one error; never anything else."""
    whole = io.BytesIO()
    rng = np.random.default_rng(1)
    PillowImage.fromarray(rng.integers(0, 255, (20, 30), np.uint8)).save(
        whole, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    )
    content = whole.getvalue()
    path = tmp_path / f"a.{suffix}"
    failed = 0
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        failed += fails(path)
    assert failed > len(content) // 11 // 2
    for _ in range(80):
        garbled = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            garbled[place] = rng.integers(0, 256)
        path.write_bytes(garbled)
        fails(path)


def test_a_png_is_probed_without_decoding_it(tmp_path: Path, monkeypatch) -> None:
    pixels = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
    path = tmp_path / "a.png"
    PillowImage.fromarray(pixels).save(path)
    turned = tmp_path / "turned.png"
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(pixels).save(turned, exif=exif)
    data = turned.read_bytes()
    at = data.index(b"eXIf") - 4
    chunk = data[at : at + 12 + int.from_bytes(data[at : at + 4], "big")]
    behind = tmp_path / "behind.png"  # the standard allows the orientation after the pixels
    end = data.index(b"IEND") - 4
    behind.write_bytes(data[:at] + data[at + len(chunk) : end] + chunk + data[end:])
    assert raster.probe(turned) == raster.probe(behind) == (1, (30, 20))
    assert raster.read(behind).shape == (30, 20)
    cut = tmp_path / "cut.png"
    cut.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableImageError, match=r"cut\.png"):
        raster.probe(cut)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    assert raster.probe(path) == (1, (20, 30))
