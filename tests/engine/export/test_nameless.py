"""One image's masks passed on: nothing in a file, or in its name, tells whose they are."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow

from engine.cli.main import main
from engine.errors import InvalidInputError
from engine.export.nameless import MASK, Nameless
from engine.images.image import Image
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.mask import ImageReference, Mask
from engine.masks.shapes import Box
from engine.measure import store
from engine.measure.document import MeasureDocument
from engine.measure.measurement import Measurement

from ..masks.mask_images import load, mask_on, single_frames, turned

NAMES = {
    "png": "out.png",
    "nifti": "out.nii.gz",
    "nrrd": "out.seg.nrrd",
    "dicom-seg": "out.dcm",
    "coco": "out.coco.json",
    "label-studio": "out.tasks.json",
}


def text_of(folder: Path) -> str:
    """All that lies in a folder: names, and contents as they are read."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            data = gzip.decompress(data)
        if b"encoding: gzip" in data:
            head, _, packed = data.partition(b"\n\n")
            data = head + gzip.decompress(packed)
        # Of compressed pixels, what may be text by more than chance.
        runs = re.findall(rb"[\x20-\x7e]{8,}", data)
        found.append(path.name + "\n" + b"\n".join(runs).decode("ascii"))
    return "\n".join(found)


def assert_tells_nobody(folder: Path, image: Image, *words: str) -> None:
    text = text_of(folder).lower()
    identity = image.identity
    uids = (
        identity.study_instance_uid,
        identity.series_instance_uid,
        identity.frame_of_reference_uid,
        *identity.sop_instance_uids,
    )
    for secret in ("Ada", "Lovelace", "Reader Name", *(u for u in uids if u), *words):
        # Not as a part of a word, nor of a digest: "ada" is three hexadecimal digits.
        assert not re.search(rf"(?<![a-z0-9]){re.escape(secret.lower())}(?![a-z0-9])", text), secret


@pytest.mark.parametrize("kind", NAMES)
def test_a_dicom_image_in_every_format(tmp_path: Path, kind):
    image = single_frames(tmp_path / "in", turned(3))
    mask = mask_on(image, label="Ada's lesion")
    mask.author = "Reader Name"
    (tmp_path / "out").mkdir()
    nameless = Nameless(image)
    told = {"maps": {"gate": {"image_key": image.key, "agreement": {"mask": mask.label}}}}
    done = nameless.write(
        [mask], tmp_path / "out" / NAMES[kind], kind, provenance=told, with_pictures=True
    )
    assert set((tmp_path / "out").iterdir()) == set(done.paths)
    assert_tells_nobody(tmp_path / "out", image, image.key)
    said = (tmp_path / "out" / "out_removed.txt").read_text("utf-8")
    assert said.startswith("DICOM PS3.15 Basic Application Level Confidentiality Profile")
    if kind == "dicom-seg":
        made = highdicom.seg.segread(tmp_path / "out" / NAMES[kind])
        assert made.PatientIdentityRemoved == "YES" and made.PatientName == "ANONYMOUS"
        assert "Patient's Name" in said and "UID" in said
        assert [s.SegmentLabel for s in made.SegmentSequence] == [MASK]
        pixels = np.zeros(image.pixels.shape, bool)
        origins = image.geometry.frame_affines[:, :3, 3]
        for stored, item in zip(
            made.pixel_array, made.PerFrameFunctionalGroupsSequence, strict=True
        ):
            place = np.array(item.PlanePositionSequence[0].ImagePositionPatient, float)
            away = np.linalg.norm(origins - place, axis=1)
            assert away.min() < 1e-4
            pixels[away.argmin()] = stored
        np.testing.assert_array_equal(pixels, mask.volume())
        return
    # Read on the image that knows nobody, the mask is whole again.
    path = next(p for p in done.paths if p.name.startswith("out") and p.suffix != ".txt")
    back = formats.read(path.with_name("out.json") if kind == "png" else path, nameless.image)
    assert [m.label for m in back] == [MASK] and not back[0].author
    assert back[0].same_pixels(mask)


@pytest.mark.parametrize("kind", [k for k in NAMES if k != "dicom-seg"])
def test_a_picture_is_not_called_after_its_file(tmp_path: Path, kind):
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "Lovelace_Ada.png"
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)).save(source)
    image = load(source)
    (tmp_path / "out").mkdir()
    mask = mask_on(image, label="Lovelace_Ada_mask")  # as an imported picture is called
    nameless = Nameless(image)
    nameless.write([mask], tmp_path / "out" / NAMES[kind], kind, with_pictures=True)
    assert_tells_nobody(tmp_path / "out", image)
    with pytest.raises(InvalidInputError, match="choose another name"):
        nameless.write([mask], tmp_path / "out" / "Lovelace_Ada-2.png", "png")


def test_the_command_line_does_the_same(tmp_path: Path, capsys):
    image = single_frames(tmp_path / "in", turned(4))
    drawn = mask_on(image)
    (tmp_path / "masks").mkdir()
    given = tmp_path / "masks" / "Lovelace_lesion.nii.gz"
    formats.write([drawn], image, given, "nifti")
    (tmp_path / "masks" / "Lovelace_lesion.json").unlink()  # its label is its file's name now
    (tmp_path / "out").mkdir()

    def convert(target: str, *more: str) -> int:
        arguments = [given, "--image", tmp_path / "in", "--out", tmp_path / "out" / target]
        return main(["convert-mask", *map(str, arguments), *more])

    for kind, name in NAMES.items():
        assert convert(name, "--to", kind, "--de-identify", "--pictures") == 0
        printed = capsys.readouterr()
        listed = [Path(line) for line in printed.out.splitlines()]
        assert all(path.is_file() for path in listed)
        assert re.fullmatch(r"out_removed(_\d)?\.txt", listed[-1].name)
        if kind == "dicom-seg":
            assert "UIDs are new" in printed.err
    assert_tells_nobody(tmp_path / "out", image)
    made = pydicom.dcmread(tmp_path / "out" / "out.dcm")
    assert made.PatientID == "ANONYMOUS" and made.SegmentSequence[0].SegmentLabel == MASK
    assert convert("Ada.dcm", "--deidentify") == 2
    assert "choose another name" in capsys.readouterr().err
    assert not (tmp_path / "out" / "Ada.dcm").exists()
    # Without it, the file can be stored beside its images.
    assert convert("beside.dcm") == 0
    assert pydicom.dcmread(tmp_path / "out" / "beside.dcm").PatientName == "Test^Ada"
    assert "carries the patient's name" in capsys.readouterr().err


@pytest.mark.parametrize("option", [(), ("--deidentify",)])
def test_covered_areas_are_black_in_the_pictures_that_go_along(tmp_path: Path, option):
    (tmp_path / "in").mkdir()
    pixels = np.full((20, 30), 200, np.uint8)
    Pillow.fromarray(np.stack([pixels, pixels])[0]).save(tmp_path / "in" / "us_scan.tiff")
    (series,) = [s for c in scan([tmp_path / "in"]).cases for s in c.series]
    image = series.load(None)
    document = MeasureDocument()
    document.add(Measurement("cover", 0, ((1.0, 2.0), (4.0, 9.0))))
    store.save(image.key, document)
    frames = {0: np.zeros((20, 30), bool)}
    frames[0][10:12, 10:12] = True
    formats.write([Mask(ImageReference.of(image), frames=frames)], image, tmp_path / "m.png", "png")
    (tmp_path / "out").mkdir()
    arguments = (tmp_path / "m.png", "--image", tmp_path / "in", "--out", tmp_path / "out/a.json")
    assert main(["convert-mask", *map(str, arguments), "--to", "coco", "--pictures", *option]) == 0
    shown = [p for p in (tmp_path / "out").iterdir() if p.suffix in (".png", ".tiff")]
    (box,) = [item.box(image.shape) for item in store.load(image.key)]
    assert isinstance(box, Box) and shown
    for path in shown:
        assert not np.asarray(Pillow.open(path))[box.slices].any()
    if option:
        assert "Areas covered" in (tmp_path / "out" / "a_removed.txt").read_text("utf-8")


def test_a_batch_names_no_mask_after_its_file(tmp_path: Path):
    from engine.export.batch import Item, export
    from engine.export.wanted import Wanted

    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "Lovelace_Ada.png"
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)).save(source)
    (case,) = scan([source]).cases
    image = case.series[0].load(None)
    masks = (mask_on(image, label="Lovelace_Ada_mask"), mask_on(image, 1, "Lesion"))
    kinds = tuple(kind for kind in NAMES if kind != "dicom-seg")
    wanted = Wanted(masks=kinds, images=True, overlays=True, deidentify=True)
    summary = export([Item(case, case.series[0], masks=masks)], tmp_path / "out", wanted)
    assert not summary.failed
    assert_tells_nobody(tmp_path / "out", image)
    names = {p.name for p in (tmp_path / "out" / "case_001").iterdir()}
    assert {"Mask.png", "Lesion.png"} <= names


def test_covers_that_cannot_be_read_stop_what_must_not_show_them(tmp_path: Path):
    from engine.export.batch import Item, export
    from engine.export.wanted import Wanted

    (tmp_path / "in").mkdir()
    Pillow.fromarray(np.full((20, 30), 9, np.uint8)).save(tmp_path / "in" / "a.png")
    (case,) = scan([tmp_path / "in"]).cases
    path = store.path_of(case.series[0].load(None).key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    item = Item(case, case.series[0])
    hidden = export([item], tmp_path / "out", Wanted(images=True, deidentify=True))
    (failure,) = hidden.failed
    assert "cover burnt-in text again" in failure.sentence
    assert not list((tmp_path / "out").rglob("*.png"))
    plain = export([item], tmp_path / "plain", Wanted(images=True))
    assert not plain.failed and any("cover burnt-in" in note for note in plain.notes)
    assert path.read_text() == "{"  # exporting changes nothing that is kept


def test_a_map_made_of_two_does_not_lead_back_by_theirs(tmp_path: Path):
    from engine.report import figure
    from engine.report.findings import assemble
    from engine.saliency.difference import difference
    from engine.saliency.map import Provenance, SaliencyMap

    image = single_frames(tmp_path / "in", turned(10))

    def saliency(name: str, column: int) -> SaliencyMap:
        values = np.zeros(image.shape, np.float32)
        values[:, column] = 1
        made = Provenance("Demo 1", "a", name, "channel-sum", image_key=image.key, frame=0)
        return SaliencyMap(name, values, values.copy(), "nonnegative", 1, "malignant", made)

    found = assemble(image, 0, maps=[difference(saliency("gate", 2), saliency("local", 5))])
    nameless = Nameless(image).findings(found)
    (one,) = nameless.maps
    (tmp_path / "out").mkdir()
    figure.export(nameless, one, tmp_path / "out" / "figure.svg")
    assert_tells_nobody(tmp_path / "out", image, image.key)
    first = one.map.provenance.parameters["first"]
    assert first["image_key"] == one.map.provenance.image_key == nameless.image.key
