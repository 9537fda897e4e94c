"""The sidecar brings a mask back whole, and says nothing of the patient."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import MaskError
from engine.images.image import Identity, Image
from engine.masks import formats
from engine.masks.formats.export import export_all
from engine.masks.mask import ImageReference
from tests.engine.masks.mask_images import mask_on, stack

UIDS = ("1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4", "1.2.3.5")


def patient_image() -> Image:
    source = stack()
    identity = Identity(
        source_paths=(Path("/data/DOE_JANE/DOE_JANE_01.dcm"),),
        modality="MR",
        patient_name="Doe^Jane",
        patient_id="MRN-4711",
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.4",
        sop_instance_uids=UIDS,
        sop_frames=(1,) * 5,
        study_date="20250102",
    )
    return Image(source.pixels, source.geometry, identity, title="Doe, Jane")


def test_the_sidecar_tells_the_image_and_not_the_patient(tmp_path):
    image = patient_image()
    mask = mask_on(image)
    scores = {"gate": {"rma": np.float32(0.25), "rra": float("nan")}, "map": np.arange(3)}
    done = export_all([mask], image, tmp_path, provenance={"checkpoint": "demo", "scores": scores})
    text = (tmp_path / "Lesion.json").read_text(encoding="utf-8")
    for secret in ("Doe", "DOE", "4711", "20250102"):
        assert secret not in text
        assert not any(secret in p.name for p in done.paths)
    data = json.loads(text)
    assert data["image"]["sop_instance_uids"] == list(UIDS)
    assert data["image"]["key"] == image.key
    assert data["mask"]["author"] == "AB"
    assert data["mask"]["area_pixels"]["1"] == mask.area(0)
    assert data["mask"]["volume_ml"] == pytest.approx(mask.area() * 0.77 * 3.3 / 1000)
    assert data["provenance"]["scores"] == {"gate": {"rma": 0.25, "rra": None}, "map": [0, 1, 2]}
    np.testing.assert_allclose(data["geometry"]["frame_affines_lps"], image.geometry.frame_affines)
    export_all([mask], image, tmp_path / "named", include_patient=True)
    named = json.loads((tmp_path / "named" / "Lesion.json").read_text(encoding="utf-8"))
    assert named["image"]["patient_name"] == "Doe^Jane"
    assert named["image"]["source_files"] == ["DOE_JANE_01.dcm"]


def test_a_sidecar_brings_the_mask_back_whole(tmp_path):
    image = patient_image()
    mask = mask_on(image, label="Ödem / “links”")
    mask.colour = "#C792EA"
    for kinds in (("png",), ("nifti",), ("png", "nifti", "overlay")):
        folder = tmp_path / "-".join(kinds)
        export_all([mask], image, folder, kinds)
        (back,) = formats.read(folder / "Ödem_links.json", image)
        assert back.same_pixels(mask)
        assert (back.id, back.label, back.colour, back.author) == (
            mask.id,
            mask.label,
            mask.colour,
            "AB",
        )
        assert back.reference == ImageReference.of(image)
        assert back.notes == ()
    (volume,) = formats.read(tmp_path / "nifti" / "Ödem_links.nii.gz", image)
    assert (volume.label, volume.colour) == (mask.label, mask.colour)
    (picture,) = formats.read(tmp_path / "png" / "Ödem_links_f001.png", image)
    assert picture.label == mask.label


def test_a_sidecar_of_another_image_is_refused(tmp_path):
    image = patient_image()
    export_all([mask_on(image)], image, tmp_path)
    path = tmp_path / "Lesion.json"
    other = Image(image.pixels, image.geometry, Identity(sop_instance_uids=("9.9",) * 5))
    with pytest.raises(MaskError, match="UIDs differ"):
        formats.read(path, other)
    with pytest.raises(MaskError, match="another size"):
        formats.read(path, stack(frames=6))
    changed = Image(image.pixels + 1, image.geometry, image.identity)
    (back,) = formats.read(path, changed)
    assert "other pixels" in back.notes[0]


def test_hostile_sidecars_get_one_sentence(tmp_path):
    image = patient_image()
    export_all([mask_on(image)], image, tmp_path, ("png",))
    path = tmp_path / "Lesion.json"
    good = json.loads(path.read_text(encoding="utf-8"))

    def broken(**changes):
        return json.dumps(good | changes)

    outside = [{"name": "../secret.png", "frame": 1}]
    cases = [
        "",
        "[]",
        "nonsense",
        "[" * 100_000,
        broken(format="other"),
        broken(version=99),
        broken(version="1"),
        broken(mask={}),
        broken(image=None),
        broken(image=good["image"] | {"shape": [1]}),
        broken(image=good["image"] | {"shape": "ab"}),
        broken(mask=good["mask"] | {"colour": "javascript:"}),
        broken(mask=good["mask"] | {"label": "   "}),
        broken(files=outside),
        broken(files=[{"name": "..\\secret.png", "frame": 1}]),
        broken(files=[{"name": "Lesion_f001.png", "frame": 99}]),
        broken(files=[{"name": "Lesion_f001.png", "frame": None}]),
        broken(files=[{"name": "gone.png", "frame": 1}]),
        broken(files=[7]),
    ]
    for text in cases:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(MaskError, match=r"cannot be read as a mask: .+; .+\.$"):
            formats.read(path, image)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MaskError, match="no JSON"):
        formats.read(path, image)
