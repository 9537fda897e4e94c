"""Statistics against numpy, and the list of labels."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import MaskError
from engine.images.image import Geometry, Image
from engine.masks import labels, measure
from engine.masks.document import MaskDocument
from engine.masks.labels import DEFAULTS, Label
from engine.masks.mask import COLOURS, REFERENCE_COLOUR, ImageReference, Mask


def test_statistics_are_numpys():
    rng = np.random.default_rng(0)
    values = rng.normal(300, 40, (4, 20, 30)).astype(np.float32)
    values[1, 3, 3] = np.nan
    image = Image(values, Geometry(spacing=(0.5, 0.8), slice_spacing=3.0))
    drawn = rng.random(values.shape) < 0.2
    drawn[1, 3, 3], drawn[2] = True, False
    mask = Mask(ImageReference.of(image), frames=dict(enumerate(drawn)))
    whole = measure.statistics(mask, image)
    under = values[drawn]
    assert whole.pixels == drawn.sum()
    assert whole.frames == 3
    assert whole.mm2 is None
    assert whole.ml == pytest.approx(drawn.sum() * 0.5 * 0.8 * 3 / 1000)
    assert whole.mean == pytest.approx(np.nanmean(under, dtype=np.float64))
    assert whole.sd == pytest.approx(np.nanstd(under, dtype=np.float64))
    one = measure.statistics(mask, image, 0)
    assert one.mm2 == pytest.approx(drawn[0].sum() * 0.4)
    assert one.mean == pytest.approx(values[0][drawn[0]].mean(dtype=np.float64))
    assert (one.low, one.high) == (values[0][drawn[0]].min(), values[0][drawn[0]].max())
    empty = measure.statistics(mask, image, 2)
    assert (empty.pixels, empty.frames, empty.mean, empty.mm2) == (0, 0, None, 0.0)
    with pytest.raises(MaskError, match="does not fit"):
        measure.statistics(mask, Image(values[:2]))


def test_labels_survive_being_written_and_bad_text():
    given = (Label("Muskel ä “x”", "#56B4E9"), Label("Fat", "#F0E442"))
    assert labels.from_text(labels.to_text(given)) == given
    for bad in ("", "{}", "[1]", '[["", "#123456"]]', '[["A", "red"]]', "[[1, 2, 3]]"):
        assert labels.from_text(bad) == DEFAULTS
    with pytest.raises(MaskError, match="twice"):
        labels.checked([Label("A", "#123456"), Label(" A ", "#654321")])


def test_a_numbered_name_has_its_labels_colour():
    given = (Label("Les", "#111111"), Label("Lesion", "#56B4E9"))
    assert labels.colour_of("Lesion", given) == "#56B4E9"
    assert labels.colour_of("Lesion 12", given) == "#56B4E9"
    assert labels.colour_of("Lesions", given) is None
    assert labels.colour_of("Other", given) is None


def seen(colours) -> dict[str, np.ndarray]:
    """Colours in CIE Lab as colour-blind eyes see them: Machado, Oliveira and Fernandes (2009)."""
    from skimage.color import rgb2lab

    deficiencies = {
        "protanopia": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deuteranopia": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        "tritanopia": [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    }
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    found = {"none": rgb2lab(rgb[None])[0]}
    for name, matrix in deficiencies.items():
        light = np.clip(linear @ np.array(matrix).T, 0, 1)
        srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        found[name] = rgb2lab(srgb[None])[0]
    return found


def test_the_palette_is_told_apart_by_colour_blind_eyes():
    for name, lab in seen(COLOURS).items():
        distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
        distances[np.diag_indices(len(lab))] = np.inf
        assert distances.min() > 16, (name, np.unravel_index(distances.argmin(), distances.shape))
        assert (lab[:, 0] > 45).all(), "dark on black"


@pytest.mark.parametrize("table", ["inferno", "magma", "viridis", "cividis"])
@pytest.mark.parametrize("sign", ["nonnegative", "signed"])
def test_the_reference_is_told_from_lines_of_maps(table, sign):
    """At any level, in any table; the orange that it once had was one of inferno's."""
    from engine.report.look import Look
    from tests.engine.saliency.test_scale import saliency

    look = Look("contours", colours="" if sign == "signed" else table)
    made = saliency(np.arange(12.0).reshape(3, 4) - 3, sign)
    levels = np.linspace(-0.9 if sign == "signed" else 0.1, 0.9, 19)
    lines = [look.line_colour(made, level) for level in levels]
    for name, lab in seen([REFERENCE_COLOUR, *lines]).items():
        assert np.linalg.norm(lab[1:] - lab[0], axis=1).min() > 15, (name, table, sign)


def test_a_new_mask_takes_its_labels_colour():
    document = MaskDocument(Image(np.zeros((1, 9, 9), np.uint8)))
    document.labels = (Label("Lesion", "#D55E00"), Label("Fat", "#F0E442"))
    assert document.add_mask().colour == "#D55E00"
    assert document.add_mask("Fat").colour == "#F0E442"
    second = document.add_mask("Fat")
    assert (second.label, second.colour) == ("Fat 2", COLOURS[0])
