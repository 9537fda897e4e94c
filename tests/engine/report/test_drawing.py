"""Figures and pages, drawn for real and read back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image as Pillow

from engine.errors import InvalidInputError, MaskError
from engine.evaluation.coherence import coherence
from engine.images.image import Geometry, Identity, Image
from engine.masks.mask import ImageReference, Mask
from engine.masks.shapes import Box
from engine.report import drawing, figure, page, picture, style
from engine.report.findings import Findings, MapFinding, Model
from engine.report.look import Kind, Look
from engine.saliency.map import Provenance, SaliencyMap


def finding(image: Image, mask: Mask, name: str = "gate") -> MapFinding:
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    values = np.exp(-((rows - 12) ** 2 + (cols - 20) ** 2) / 60).astype(np.float32)
    made = SaliencyMap(
        name,
        values,
        values[::4, ::4].copy(),
        "nonnegative",
        1,
        "Suspicious",
        Provenance("Demo 1.0", "ab" * 32, name, "channel-sum", {"outside_anatomy": 0.25}),
    )
    return MapFinding(made, coherence(values, mask.frame(0)))


def findings(
    spacing: tuple[float, float] | None = (0.5, 0.5), maps: int = 1, **more: Any
) -> Findings:
    pixels = np.random.default_rng(0).integers(100, 255, (1, 40, 60), np.uint8)
    identity = Identity(patient_name="Lovelace^Ada", patient_id="MRN-7", study_date="20200102")
    image = Image(pixels, Geometry(spacing), identity)
    drawn = np.zeros(image.shape, bool)
    drawn[8:17, 15:26] = True
    mask = Mask(ImageReference.of(image), "Lesion", frames={0: drawn})
    chosen = tuple(finding(image, mask) for _ in range(maps))
    model = Model("Demo", "1.0", "ab" * 32, "cpu", "float32", True)
    return Findings(
        image, 0, None, (mask,), mask, maps=chosen, model=model, case="Case 001", **more
    )


@pytest.mark.parametrize("dpi", [300, 600])
def test_a_png_has_the_resolution_it_says_and_its_provenance(tmp_path: Path, dpi: int):
    said, out = findings(), tmp_path / "f.png"
    figure.export(said, said.maps[0], out, dpi=dpi)
    with Pillow.open(out) as made:
        assert made.info["dpi"] == pytest.approx((dpi, dpi), rel=1e-3)
        assert made.width == pytest.approx(figure.WIDTH * style.MM * dpi, abs=1)
        about = json.loads(made.info["Description"])
    assert about["model"]["sha256"] == "ab" * 32
    assert about["maps"]["gate"]["agreement"]["rma"] == said.maps[0].scores.rma
    assert "Lovelace" not in json.dumps(about)


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_vector_figures_say_everything_and_keep_the_images_pixels(tmp_path: Path, kind: str):
    said, out = findings(), tmp_path / f"f.{kind}"
    figure.export(said, said.maps[0], out)
    data = out.read_bytes()
    if kind == "svg":
        assert b"ab" * 32 in data and b"<path" in data
        assert b"<text" not in data  # outlines: the same on a machine without the typeface
    else:
        assert b"/Type3" in data  # embedded, as a kind that every reader shows
        assert re.search(rb"/Width 60\b", data) and re.search(rb"/Height 40\b", data)
    assert b"Lovelace" not in data


def test_lines_below_a_figure_hold_scores_beside_chance_hash_and_warning():
    said = findings()
    text = " ".join(line for line, _ in figure._lines(said, said.maps[0]))
    score = said.maps[0].scores
    assert f"RMA {score.rma:.2f} (chance {score.chance_rma:.2f}, centred prior" in text
    assert f"RRA {score.rra:.2f}" in text
    assert "ab" * 32 in text and "channel-sum" in text and "Saliscope" in text
    assert "25% of it outside the anatomy" in text
    assert "Not a medical device" in text
    assert "no pixel size" in " ".join(t for t, _ in figure._lines(findings(None), said.maps[0]))


def test_a_model_that_may_not_suit_is_warned_of():
    from engine.session import Prediction

    shares = dict.fromkeys(("fusion", "global", "local"), (0.2, 0.8))
    said = findings(
        prediction=Prediction(("Benign", "Malignant"), shares, 1),
        unsuited="no model here was trained on MRI",
    )
    sentence = "The model may not suit the image: no model here was trained on MRI."
    assert sentence in figure.answer(said)
    with style.applied():
        texts = " ".join(t.get_text() for t in page.draw(said).texts)
    assert sentence in texts


def test_an_image_without_a_lesion_to_answer_about_is_doubted_on_figures_and_pages():
    from engine.evaluation.presence import GateOpening, Presence
    from engine.session import Prediction

    shares = dict.fromkeys(("fusion", "global", "local"), (0.8, 0.2))
    known = Presence(100, 20, 0.9, 0.95, 0.6, "made up")
    for opening, doubted in ((0.02, True), (0.9, False)):
        gate = GateOpening(opening, known)
        said = findings(prediction=Prediction(("Benign", "Malignant"), shares, 0, gate))
        assert any("may be no lesion" in line for line in figure.answer(said)) is doubted
        with style.applied():
            texts = " ".join(t.get_text() for t in page.draw(said).texts).replace("\n", " ")
        assert ("may be no lesion" in texts) is doubted


def test_a_scale_bar_is_a_round_number_of_mm_drawn_at_its_length():
    from matplotlib.figure import Figure

    for across, expected in ((0.5, 5.0), (1.0, 10.0), (0.02, 0.2), (7.0, 100.0)):
        said = findings((0.3, across))
        axes = Figure().add_subplot()
        assert drawing.scale_bar(axes, said.image) == pytest.approx(expected)
        x = axes.lines[0].get_xdata()
        assert (x[1] - x[0]) * across == pytest.approx(expected)
    assert drawing.scale_bar(Figure().add_subplot(), findings(None).image) is None


def test_the_boundary_is_that_of_the_pixels():
    rng = np.random.default_rng(3)
    pixels = rng.random((12, 9)) < 0.5
    edges = drawing.boundary(pixels)
    length = np.abs(edges[:, 1] - edges[:, 0]).sum()
    padded = np.pad(pixels, 1).astype(int)
    assert length == np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    one = np.zeros((4, 4), bool)
    one[1, 2] = True
    assert {tuple(map(tuple, e)) for e in drawing.boundary(one).tolist()} == {
        ((1.5, 0.5), (2.5, 0.5)),
        ((1.5, 1.5), (2.5, 1.5)),
        ((1.5, 0.5), (1.5, 1.5)),
        ((2.5, 0.5), (2.5, 1.5)),
    }


def test_covered_areas_show_neither_image_nor_map():
    said = findings(covers=(Box(5, 10, 15, 30),))
    shown = picture.under(said.image, 0, covers=said.covers)
    assert not shown[5:15, 10:30].any() and shown[20:].all()
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    drawing.frame(axes, said, said.maps[0])
    drawn = np.asarray(axes.images[0].get_array())
    assert not drawn[5:15, 10:30].any()
    plain = picture.over(picture.under(said.image, 0), said.maps[0].map)
    np.testing.assert_array_equal(drawn[20:], plain[20:])


def test_bad_wishes_and_refusing_folders_get_one_sentence(tmp_path: Path):
    said = findings()
    with pytest.raises(InvalidInputError, match="ends in"):
        figure.export(said, None, tmp_path / "f.gif")
    with pytest.raises(InvalidInputError, match="dots"):
        figure.export(said, None, tmp_path / "f.png", dpi=5)
    with pytest.raises(MaskError, match="cannot be written"):
        figure.export(said, None, tmp_path / "gone" / "f.png")


def test_texts_are_broken_and_cut_to_their_width():
    with style.applied():
        text = "Unlike the training data, so that the answer may mean nothing here"
        for line in style.wrapped(text, 30, 8):
            assert style.width_of(line, 8) <= 30
        assert " ".join(style.wrapped(text, 30, 8)) == text
        cut = style.elided("a" * 300, 20, 8)
        assert cut.endswith("…") and style.width_of(cut, 8) <= 20
        assert style.elided("$x^2$ short", 60, 8) == "$x^2$ short"


@pytest.mark.parametrize("maps", [0, 1, 4, 10])
@pytest.mark.parametrize("masks", [1, 9])
@pytest.mark.parametrize("kind", ["wash", "hot-spots"])
def test_a_page_holds_all_of_it_without_overlap(maps: int, masks: int, kind: Kind):
    said = findings(
        maps=maps,
        measurements=tuple((f"Distance {n}", f"{n} mm") for n in range(8)),
        notes=("A note.",),
    )
    mask = said.masks[0]
    many = (mask, *(mask.copy() for _ in range(masks - 1)))
    said = replace(said, masks=many, compared=many[0])
    if kind != "wash":  # each map says something of its own
        named = [
            replace(m, map=replace(m.map, name=name))
            for m, name in zip(said.maps, ("global", "local", "gate", "attention"), strict=False)
        ]
        said = replace(said, maps=(*named, *said.maps[4:]))
    looks = {m.map.name: Look(kind, top=0.4) for m in said.maps}
    with style.applied():
        made = page.draw(said, looks=looks)
        canvas = FigureCanvasAgg(made)
        canvas.draw()
        renderer = canvas.get_renderer()
        bars = [axes for axes in made.axes if axes.axison]
        texts = [*made.texts, *(t for bar in bars for t in bar.get_xticklabels())]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    edge = made.bbox
    for number, (text, box) in enumerate(boxes):
        assert edge.x0 < box.x0 and box.x1 < edge.x1 and edge.y0 < box.y0, text
        for other, beside in boxes[number + 1 :]:
            apart = (
                min(box.x1, beside.x1) - max(box.x0, beside.x0) < 1
                or min(box.y1, beside.y1) - max(box.y0, beside.y0) < 1.5
            )
            assert apart, (text, other)


def test_a_page_draws_maps_as_the_views_do(tmp_path: Path):
    said = replace(findings(), masks=(), compared=None)
    bare = picture.under(said.image, 0)

    def panel(look: Look) -> tuple[np.ndarray, str]:
        with style.applied():
            made = page.draw(said, looks={"gate": look})
        shown = made.axes[1].get_images()[0].get_array()
        assert bool(made.axes[1].collections) == (look.kind != "wash")
        return np.asarray(shown), " ".join(t.get_text() for t in made.texts)

    wash, text = panel(Look())
    assert not np.array_equal(wash, bare) and "Lines at" not in text
    lines, text = panel(Look("contours", levels=(0.3, 0.6)))
    np.testing.assert_array_equal(lines, bare)  # no colour is laid over the image
    assert "Lines at 30, 60 % of the scale." in text and "each on its own scale" in text
    _, text = panel(Look("hot-spots", top=0.05, low=0.0, high=3.0, shared=True))
    assert "the 5 % of the pixels with the highest values" in text
    assert "on the scale shared on screen" in text
    page.export(said, tmp_path / "r.pdf", looks={"gate": Look("contours", levels=(0.3, 0.6))})
    assert b'"kind": "contours"' in (tmp_path / "r.pdf").read_bytes()


def test_a_page_names_the_patient_only_when_asked(tmp_path: Path):
    said = findings()
    for asked in (False, True):
        with style.applied():
            made = page.draw(said, include_patient=asked)
        text = " ".join(t.get_text() for t in made.texts)
        assert ("Lovelace" in text) == ("MRN-7" in text) == ("20200102" in text) == asked
        assert "Research use only. Not a medical device" in text
        assert "ab" * 32 in text
    page.export(said, tmp_path / "r.pdf")
    data = (tmp_path / "r.pdf").read_bytes()
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") == 1
    assert b"Lovelace" not in data
