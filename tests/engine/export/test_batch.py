"""Folders of cases out for real, with the shipped model, and read back by other libraries."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow

import resources
from engine.errors import InvalidInputError, MaskError, UnreadableImageError
from engine.export import names, running, sources
from engine.export.batch import Item, export
from engine.export.wanted import MAX_FRAMES, Summary, Wanted
from engine.images.image import Identity, Image
from engine.images.scan import scan
from engine.masks import formats
from engine.masks.autosave import Autosave
from engine.masks.document import MaskDocument
from engine.masks.mask import ImageReference, Mask
from engine.masks.shapes import Box
from engine.progress import Progress
from engine.session import Session

from ..masks.mask_images import mask_on, single_frames, turned


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(Path(str(resources.path("models", "demo.safetensors"))), device="cpu")


def items(*paths: Path, **more: object) -> list[Item]:
    found = scan(list(paths))
    assert not found.problems
    return [Item(c, s, **more) for c in found.cases for s in c.series]  # type: ignore[arg-type]


def picture(folder: Path, name: str = "Lovelace_Ada.png") -> Path:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(len(name)).integers(20, 250, (40, 60), np.uint8)
    Pillow.fromarray(pixels).save(folder / name)
    return folder / name


def series(folder: Path, masks: Sequence[str] = ("Lesion",)) -> Item:
    """Oblique DICOM slices of one "Test^Ada", with masks."""
    image = single_frames(folder, turned(7))
    (item,) = items(folder)
    drawn = tuple(mask_on(image, n, label) for n, label in enumerate(masks))
    return Item(item.case, item.series, masks=drawn)


def files(summary: Summary) -> set[str]:
    return {path.relative_to(summary.folder).as_posix() for path in summary.written}


def test_every_format_of_a_case_comes_back_and_names_nobody(tmp_path: Path):
    item = series(tmp_path / "in", ("Lesion", "Ada's edema"))
    image = item.series.load(None)
    kinds = ("png", "nifti", "nrrd", "dicom-seg", "coco", "label-studio")
    summary = export([item], tmp_path / "out", Wanted(masks=kinds))
    assert not summary.failed and not summary.stopped
    case = tmp_path / "out" / "case_001"
    assert {p for p in (tmp_path / "out").rglob("*") if p.is_file()} == set(summary.written)
    assert not any("ada" in path.name.lower() for path in (tmp_path / "out").rglob("*"))
    assert item.masks is not None
    for name in ("masks.dcm", "masks.coco.json", "masks.tasks.json"):
        back = formats.read(case / name, image)
        assert [m.label for m in back] == ["Lesion", "Mask"]
        assert all(b.same_pixels(m) for b, m in zip(back, item.masks, strict=True))
    for name in ("Lesion.nii.gz", "Lesion.nrrd", "Lesion.json"):
        (one,) = formats.read(case / name, image)
        assert one.same_pixels(item.masks[0])
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert record["cases"][0]["masks"] == ["Lesion", "Mask"]
    assert set(record["files"]) | {"export.json"} == files(summary)


def test_cases_are_numbered_on_and_nothing_is_overwritten(tmp_path: Path):
    item = series(tmp_path / "in")
    first = export([item], tmp_path / "out", Wanted(masks=("png",)))
    kept = {path: path.read_bytes() for path in first.written}
    second = export([item], tmp_path / "out", Wanted(masks=("png",)))
    assert all(path.read_bytes() == data for path, data in kept.items())
    assert "case_002/Lesion.json" in files(second) and "export_2.json" in files(second)


def test_with_a_model_maps_figures_report_and_scores(tmp_path: Path, session: Session):
    (tmp_path / "in").mkdir()
    path = picture(tmp_path / "in")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 15:40] = 255
    Pillow.fromarray(mask).save(tmp_path / "in" / "Lovelace_Ada_mask.png")
    wanted = Wanted(
        overlays=True, arrays=True, figures=("png", "svg"), report=True, scores=True, maps=("gate",)
    )
    summary = export(items(path.parent), tmp_path / "out", wanted, session=session)
    assert not summary.failed
    assert files(summary) == {
        "export.json",
        "scores.csv",
        *(
            f"case_001/{name}"
            for name in (
                "map_gate.png",
                "map_gate.npy",
                "maps.json",
                "masks.png",
                "figure_gate.png",
                "figure_gate.svg",
                "report.pdf",
            )
        ),
    }
    (row,) = csv.DictReader((tmp_path / "out" / "scores.csv").open(encoding="utf-8"))
    values = np.load(tmp_path / "out" / "case_001" / "map_gate.npy", allow_pickle=False)
    expected = np.maximum(values, 0)[mask > 0].sum() / np.maximum(values, 0).sum()
    assert float(row["rma"]) == pytest.approx(expected, rel=1e-4)
    assert float(row["chance"]) == pytest.approx(250 / 2400, rel=1e-5)
    assert row["mask"] == "Reference" and row["sha256"] == session.checkpoint.sha256
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert record["cases"][0]["model"]["sha256"] == session.checkpoint.sha256


def test_each_image_is_asked_of_its_own_model(tmp_path: Path, session: Session):
    found = items(*(picture(tmp_path / "in", f"{n}.png") for n in range(2)))
    asked: list[str] = []

    def choose(image: Image, modality: str) -> tuple[Session, str]:
        asked.append(image.identity.source_paths[0].name)
        if len(asked) == 2:
            raise InvalidInputError("No model is installed; say which checkpoint to use.")
        return session, "no model here was trained on MRI"

    wanted = Wanted(scores=True, report=True, maps=("fusion",))
    summary = export(found, tmp_path / "out", wanted, choose=choose)
    assert asked == ["0.png", "1.png"]
    assert [row["map"] for row in summary.rows] == ["gate"]
    (failure,) = summary.failed
    assert failure.what == "case_002, model" and "No model is installed" in failure.sentence
    assert {"case_001/report.pdf", "case_002/report.pdf"} <= files(summary)
    unknown = export(found[:1], tmp_path / "o2", Wanted(report=True, maps=("x",)), session=session)
    assert "no map 'x'" in unknown.failed[0].sentence and "gate" in unknown.failed[0].sentence


def test_de_identified_images_and_segmentations_belong_together(tmp_path: Path):
    item = series(tmp_path / "in")
    wanted = Wanted(masks=("dicom-seg", "nifti", "coco"), images=True, deidentify=True)
    summary = export([item], tmp_path / "out", wanted)
    assert not summary.failed
    original = item.series.load(None)
    secrets = [
        "Ada",
        "AB",
        *original.identity.sop_instance_uids,
        original.identity.series_instance_uid,
        original.identity.study_instance_uid,
        original.identity.frame_of_reference_uid,
    ]
    for path in (tmp_path / "out").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for secret in secrets[2:] if path.suffix == ".gz" else secrets:
            if path.suffix == ".dcm" and secret == "AB":
                continue  # two letters are in any binary file
            assert secret.encode() not in data, (path, secret)
            assert secret not in path.name
    case = tmp_path / "out" / "case_001"
    (found,) = items(case / "images")
    image = found.series.load(None)
    np.testing.assert_array_equal(image.pixels, original.pixels)
    np.testing.assert_allclose(image.geometry.frame_affines, original.geometry.frame_affines)
    assert item.masks is not None
    for name in ("masks.dcm", "Lesion.nii.gz", "masks.coco.json", "Lesion.json"):
        (back,) = formats.read(case / name, image)
        assert back.same_pixels(item.masks[0]), name
        assert not back.notes, (name, back.notes)
    segmentation = highdicom.seg.segread(case / "masks.dcm")
    assert segmentation.PatientIdentityRemoved == "YES"
    # No pixels of it were cleaned, and it holds none that could show a name.
    codes = [code.CodeValue for code in segmentation.DeidentificationMethodCodeSequence]
    assert codes == ["113100"] and not any("burnt in" in note for note in summary.notes)
    assert segmentation.PatientID == "CASE001" == pydicom.dcmread(found.series.paths[0]).PatientID
    assert segmentation.StudyInstanceUID == image.identity.study_instance_uid
    referenced = {uids[2] for uids in segmentation.get_source_image_uids()}
    assert referenced <= set(image.identity.sop_instance_uids)
    text = (tmp_path / "out" / "removed.txt").read_text("utf-8")
    assert "Patient's Name" in text and "Test" not in text and summary.removed


def test_nothing_de_identified_leads_back_to_the_original(tmp_path: Path, session: Session):
    item = series(tmp_path / "in")
    key = item.series.load(None).key
    ruined = tmp_path / "in" / "Lovelace_Ada.dcm"

    def fail(progress: Progress | None) -> Image:
        raise UnreadableImageError(ruined, "it is cut off", "export it again")

    bad = Item(item.case, replace(item.series, load=fail, paths=(ruined,)))
    wanted = Wanted(
        arrays=True, figures=("png", "pdf"), report=True, maps=("gate",), deidentify=True
    )
    summary = export([item, bad], tmp_path / "out", wanted, session=session)
    # On the screen, the file that has to be looked after is named.
    assert [f.sentence[:16] for f in summary.failed] == ["Lovelace_Ada.dcm"]
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"maps_f001.json", "figure_gate_f001.pdf", "report.pdf"} <= {p.name for p in written}
    for path in written:
        data = path.read_bytes()
        assert key.encode() not in data and b"Lovelace" not in data, path
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert record["failed"][0]["sentence"].startswith("The file cannot be read: it is cut off")


def test_names_of_dicom_files_are_not_written_in_any_export(tmp_path: Path):
    item = series(tmp_path / "in")
    hidden = names.to_hide([item.series], everything=False)
    assert hidden and names.unnamed(f"case_001: {hidden[0]} is x.", hidden) == (
        "case_001: the file is x."
    )
    assert not names.to_hide([items(picture(tmp_path / "p"))[0].series], everything=False)
    assert names.to_hide([items(picture(tmp_path / "p"))[0].series], everything=True) == (
        "Lovelace_Ada.png",
    )


def test_of_many_frames_as_many_are_drawn_as_is_said(tmp_path: Path):
    image = single_frames(tmp_path / "in", turned(7), frames=MAX_FRAMES + 1)
    (item,) = items(tmp_path / "in")
    frames = {i: np.eye(20, 30, dtype=bool) for i in range(image.frames)}
    mask = Mask(ImageReference.of(image), "Lesion", frames=frames)
    wanted = Wanted(overlays=True)
    summary = export([Item(item.case, item.series, masks=(mask,))], tmp_path / "out", wanted)
    drawn = sorted(p.name for p in summary.written if p.name.startswith("masks_f"))
    assert len(drawn) == MAX_FRAMES
    assert drawn[0] == "masks_f001.png" and drawn[-1] == f"masks_f{image.frames:03d}.png"
    assert any(f"of {MAX_FRAMES} frames; 1 are left out" in n for n in summary.notes)


def test_a_de_identified_picture_leaves_its_name_and_covered_areas(tmp_path: Path):
    path = picture(tmp_path / "in")
    (item,) = items(path.parent)
    image = item.series.load(None)
    drawn = np.zeros((1, *image.shape), bool)
    drawn[0, 5:9, 6:20] = True
    mask = Mask(ImageReference.of(image), "Lesion", author="Byron", frames={0: drawn[0]})
    box = Box(0, 0, 8, 30)
    wanted = Wanted(
        masks=("png", "coco", "label-studio"), overlays=True, figures=("svg",), report=True,
        images=True, deidentify=True,
    )  # fmt: skip
    told = Item(item.case, item.series, masks=(mask,), covers=(box,))
    summary = export([told], tmp_path / "out", wanted)
    assert not summary.failed
    for one in (tmp_path / "out").rglob("*"):
        assert "lovelace" not in one.name.lower()
        if one.is_file():
            assert b"Lovelace" not in one.read_bytes() and b"Byron" not in one.read_bytes()
    case = tmp_path / "out" / "case_001"
    pictures = [p for p in case.rglob("*.png") if p.name != "Lesion.png"]
    assert len(pictures) == 3  # the image, the one that COCO and Label Studio show, the outlines
    for one in pictures:
        pixels = np.asarray(Pillow.open(one).convert("L"))
        dark = pixels[box.slices]
        outlined = np.zeros_like(drawn[0])
        outlined[4:10, 5:21] = one.name == "masks.png"
        assert not dark[~outlined[box.slices]].any() or dark.max() == image.pixels.min()
        assert pixels[20:].any()


def test_what_fails_costs_itself_alone(tmp_path: Path):
    good, bad = picture(tmp_path / "in", "a.png"), picture(tmp_path / "in", "b.png")
    found = items(good, bad)
    bad.write_bytes(b"no picture any more")
    summary = export(found, tmp_path / "out", Wanted(images=True))
    (failure,) = summary.failed
    assert "b.png cannot be read" in failure.sentence and failure.what == "case_002"
    assert "case_001/images/image.png" in files(summary)
    assert "1 thing could not be written" in summary.sentence()


def test_segmentations_of_pictures_fail_with_a_way_out(tmp_path: Path):
    path = picture(tmp_path / "in")
    (item,) = items(path)
    image = item.series.load(None)
    told = Item(item.case, item.series, masks=(mask_on(image),))
    summary = export([told], tmp_path / "out", Wanted(masks=("dicom-seg", "png")))
    (failure,) = summary.failed
    assert "not from DICOM" in failure.sentence and "NIfTI" in failure.sentence
    assert any(name.endswith("Lesion.png") for name in files(summary))


def test_cancelling_keeps_what_is_there_and_says_so(tmp_path: Path):
    found = items(*(picture(tmp_path / "in", f"{n}.png") for n in range(4)))
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.4 else None)
    summary = export(found, tmp_path / "out", Wanted(images=True), progress=progress)
    assert summary.stopped.startswith("Cancelled; ")
    assert "case_001/images/image.png" in files(summary)
    assert not any(name.startswith("case_004") for name in files(summary))
    record = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert record["stopped"] == summary.stopped


def test_a_full_disk_ends_the_batch_with_one_sentence(tmp_path: Path, monkeypatch):
    found = items(*(picture(tmp_path / "in", f"{n}.png") for n in range(3)))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", full)
    monkeypatch.setattr(running, "FULL_BYTES", 1 << 62)
    summary = export(found, tmp_path / "out", Wanted(images=True))
    assert summary.stopped.startswith("The disk is full") and summary.cases == 1
    assert "no space left" in summary.failed[0].sentence
    assert not list((tmp_path / "out").rglob("*partial*"))


def test_folders_that_cannot_be_written_get_one_sentence(tmp_path: Path):
    found = items(picture(tmp_path / "in"))
    (tmp_path / "file").write_text("x")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MaskError, match="cannot be made"):
            export(found, target, Wanted(images=True))
    odd = tmp_path / "ä ö'\n\"; rm -rf ✓" / "-x"
    summary = export(found, odd, Wanted(images=True))
    assert not summary.failed and (odd / "case_001" / "images" / "image.png").is_file()


def test_wishes_that_make_no_sense(tmp_path: Path):
    found = items(picture(tmp_path / "in"))
    for wanted, why in (
        (Wanted(), "Nothing was chosen"),
        (Wanted(images=True, deidentify=True, include_patient=True), "choose one"),
        (Wanted(figures=("png",), dpi=10), "dots"),
        (Wanted(scores=True), "need a model"),
    ):
        with pytest.raises(InvalidInputError, match=why):
            export(found, tmp_path / "out", wanted)


def test_masks_are_found_where_they_are_kept(tmp_path: Path):
    path = picture(tmp_path / "in", "a.png")
    (item,) = items(path)
    image = item.series.load(None)
    saved, beside = mask_on(image, 1, "Saved"), mask_on(image, 2, "Beside")
    document = MaskDocument(image)
    keeper = Autosave(document)
    document.import_mask(saved.copy(id=saved.id))
    assert keeper.flush()
    formats.export_all([beside, saved], image, path.parent, ["nifti"])
    elsewhere = mask_on(single_frames(tmp_path / "other", turned(1)), 3, "Other")
    formats.export_all(
        [elsewhere], single_frames(tmp_path / "again", turned(1)), path.parent, ["nifti"]
    )
    found, notes = sources.masks_of(image, item.series)
    assert [m.label for m in found] == ["Saved", "Beside"] and not notes
    assert found[0].same_pixels(saved) and found[1].same_pixels(beside)
    keeper.close()
    shutil.copytree(path.parent, tmp_path / "moved")
    for json_ in path.parent.glob("*.json"):
        json_.unlink()
    found, _ = sources.masks_of(image, item.series, [tmp_path / "moved"])
    assert [m.label for m in found] == ["Saved", "Beside"]


@pytest.mark.parametrize(
    ("name", "number", "texts"),
    [
        (
            "Li^Ada-Maria",
            "MRN7",
            {
                "Ada": False,
                "edema of maria": False,
                "x_MRN7": False,
                "Adamantinoma": True,
                "Lipoma": True,
                "li, left": False,
                "AdaMaria 2": False,
                "Lesion": True,
            },
        ),
        (  # a script that puts no spaces between words
            "Wang^XiaoDong=王^小東=",
            "",
            {"小東の病変": False, "wangxiaodong": False, "病変": True, "Swangled": True},
        ),
        (  # as macOS writes names of files: a letter and its accent are two characters
            "M\u00fcller^Ren\u00e9",
            "",
            {"Mu\u0308ller_mask": False, "rene\u0301 2": False, "M\u00dcLLER": False, "Mu": True},
        ),
        ("Mu\u0308ller^Ada", "", {"m\u00fcller": False, "mullerian": True}),
    ],
)
def test_names_never_hold_a_patients(name: str, number: str, texts: dict[str, bool]):
    identity = Identity(patient_name=name, patient_id=number)
    image = Image(np.zeros((1, 4, 4), np.uint8), identity=identity)
    for text, safe in texts.items():
        assert (names.without_patient(text, image, "Mask") == text) == safe, text


def test_what_was_written_is_counted_by_kind(tmp_path: Path):
    item = series(tmp_path / "in", ("Lesion", "Oedema"))
    wanted = Wanted(masks=("nifti", "dicom-seg", "coco"), images=True, overlays=True)
    summary = export([item], tmp_path / "out", wanted)
    lines = summary.kinds()
    assert lines[0] == "  1 × export.json, the list of all of this"
    assert {"  2 × NIfTI", "  1 × Segmentation, DICOM", "  5 × image, DICOM"} <= set(lines)
    assert "  1 × COCO annotations" in lines
    assert sum(int(line.split()[0]) for line in lines) == len(summary.written)
