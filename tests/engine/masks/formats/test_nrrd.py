"""NRRD masks lie where they were drawn: told by SimpleITK, which shares none of the code."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from engine.errors import MaskError
from engine.images.image import Geometry, Image
from engine.masks.formats import nrrd
from engine.masks.mask import ImageReference, Mask
from tests.engine.masks.formats.checks import same
from tests.engine.masks.mask_images import (
    TURNS,
    assert_lies_where_it_was_drawn,
    mask_on,
    stack,
)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("frames", "step"), [(5, 3.3), (5, -2.5), (1, 3.3)])
def test_nrrd_lies_where_it_was_drawn(tmp_path, turn, frames, step):
    image = stack(TURNS[turn], frames, step)
    mask, out = mask_on(image), tmp_path / "m.nrrd"
    assert nrrd.export([mask], image, out) == ()
    assert_lies_where_it_was_drawn(out, mask, image)
    (back,) = nrrd.read(out, image)
    assert back.same_pixels(mask)
    assert (back.label, back.colour) == (mask.label, mask.colour)
    # What ITK writes of it, uncompressed and in its own way, comes back as well.
    for compressed in (True, False):
        other = tmp_path / "itk.nrrd"
        sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(out)), sitk.sitkInt16), str(other), compressed)
        assert nrrd.read(other, image)[0].same_pixels(mask)


def test_nrrd_of_loops_labels_and_images_without_a_place(tmp_path):
    image = stack(frames=4)
    cine = np.repeat(image.geometry.frame_affines[:1], 4, axis=0)
    loop = Image(image.pixels.copy(), Geometry((0.7, 1.1), cine))
    plain = Image(image.pixels.copy(), Geometry((0.25, 0.5)))
    for one in (loop, plain):
        mask = mask_on(one)
        nrrd.export([mask], one, tmp_path / "m.nrrd")
        assert nrrd.read(tmp_path / "m.nrrd", one)[0].same_pixels(mask)
    assert "size alone" in nrrd.read(tmp_path / "m.nrrd", plain)[0].notes[0]
    a, b = np.zeros((2, *image.shape), bool)
    a[2:4, 3:9] = b[10:13, 20:29] = True
    reference = ImageReference.of(image)
    masks = [Mask(reference, "Ödem", frames={1: a}), Mask(reference, "B", frames={1: b, 3: a})]
    nrrd.export(masks, image, tmp_path / "two.seg.nrrd")
    back = nrrd.read(tmp_path / "two.seg.nrrd", image)
    assert all(same(x, y) for x, y in zip(back, masks, strict=True))
    assert sitk.ReadImage(str(tmp_path / "two.seg.nrrd")).GetMetaData("Segment0_Name") == "Ödem"
    with pytest.raises(MaskError, match="overlaps"):
        nrrd.export([masks[0], masks[0]], image, tmp_path / "no.nrrd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"sizes: 30 20 5", b"sizes: 60000 60000 60000"), "its header announces"),
        ((b"sizes: 30 20 5", b"sizes: 30 20 6"), "cut short"),
        ((b"sizes: 30 20 5", b"sizes: 30 20 -5"), "damaged"),
        ((b"sizes: 30 20 5", b"sizes: a b c"), "damaged"),
        ((b"type: unsigned char", b"type: block"), "no numbers"),
        ((b"encoding: gzip", b"encoding: hex"), "encoding"),
        ((b"encoding: gzip", b"encoding: gzip\ndata file: ../../x"), "another folder"),
        ((b"space origin: (", b"space origin: (nan,1,2) #("), "damaged"),
        ((b"space origin: (", b"space origin: (400"), "elsewhere|outside"),
        ((b"NRRD0005", b"NRRX0005"), "no NRRD"),
    ],
)
def test_hostile_nrrd(tmp_path, change, message):
    image = stack()
    nrrd.export([mask_on(image)], image, tmp_path / "m.nrrd")
    data = (tmp_path / "m.nrrd").read_bytes()
    assert change[0] in data
    (tmp_path / "m.nrrd").write_bytes(data.replace(*change))
    with pytest.raises(MaskError, match=message):
        nrrd.read(tmp_path / "m.nrrd", image)


def test_a_nrrd_bomb_is_not_unpacked(tmp_path):
    image = stack()
    nrrd.export([mask_on(image)], image, tmp_path / "m.nrrd")
    head = (tmp_path / "m.nrrd").read_bytes().split(b"\n\n")[0]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = squeeze.compress(bytes(1 << 24)) + squeeze.flush()
    (tmp_path / "m.nrrd").write_bytes(head + b"\n\n" + bomb)
    assert nrrd.read(tmp_path / "m.nrrd", image)[0].is_empty
