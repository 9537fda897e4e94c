"""Single exports with the choice to de-identify, driven in a window with a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from PIL import Image as Pillow

from engine.masks.mask import ImageReference, Mask
from tests.engine.export.test_nameless import assert_tells_nobody
from tests.engine.masks.mask_images import single_frames, turned
from viewer import dialogs
from viewer.export.single import SingleExport


def test_what_is_exported_is_de_identified_by_choice(
    qtbot, make_window, until, tmp_path: Path, monkeypatch
):
    image = single_frames(tmp_path / "in", turned(2))  # of "Test^Ada"
    window = make_window(tmp_path / "in")
    state = window.state
    drawn = np.zeros(state.image.shape, bool)
    drawn[3:9, 4:12] = True
    mask = Mask(ImageReference.of(state.image), "Ada left", author="Lovelace", frames={0: drawn})
    state.masks.document.import_mask(mask)
    until(lambda: window.actions_["export-mask-dicom"].isEnabled())
    out = tmp_path / "out"
    out.mkdir()
    headings: list[str] = []
    targets = iter([out / "plain.dcm", out / "mask.dcm", out / "Ada.dcm"])

    def choose(*given):
        headings.append(given[2])
        return next(targets)

    monkeypatch.setattr(dialogs, "choose_target", choose)
    choice = window.actions_["deidentify-exports"]
    assert not choice.isChecked()
    window.actions_["export-mask-dicom"].trigger()
    until(lambda: (out / "plain.dcm").is_file() and state.jobs.idle)
    assert pydicom.dcmread(out / "plain.dcm").PatientName == "Test^Ada"
    (out / "plain.dcm").unlink()

    choice.trigger()
    assert choice.isChecked()
    window.actions_["export-mask-dicom"].trigger()
    until(lambda: (out / "mask_removed.txt").is_file() and state.jobs.idle)
    assert [h.endswith("de-identified") for h in headings] == [False, True]
    made = pydicom.dcmread(out / "mask.dcm")
    assert made.PatientIdentityRemoved == "YES"
    until(lambda: "de-identified" in window.notice.text)
    assert "mask_removed.txt" in window.notice.text
    window.notice._action.click()
    sheet = window.exporting.privacy.sheet
    assert sheet.isVisible() and "Patient's Name" in sheet.text.toPlainText()
    assert sheet.text.toPlainText() == (out / "mask_removed.txt").read_text("utf-8").strip()
    sheet.accept()

    window.actions_["export-mask-dicom"].trigger()  # to a file that is called after the patient
    until(lambda: "choose another name" in window.notice.text)
    assert not (out / "Ada.dcm").exists()
    window.notice.clear()

    state.overlays.show(state.active_view, "gate")
    for kind in ("png", "nifti", "nrrd", "coco", "label-studio"):
        ending = {"png": ".png", "nifti": ".nii.gz", "nrrd": ".nrrd"}.get(kind, f".{kind}.json")
        window.exporting.write_mask(mask, out / f"{kind}{ending}", kind)
    window.exporting.write_picture(out / "view.png")
    window.exporting.write_everything(out / "all")
    single = window.findChild(SingleExport)
    single.write_figure(out / "figure.svg")
    single.write_report(out / "report.pdf")
    last = [out / f"{name}_removed.txt" for name in ("figure", "report", "view", "all/export")]
    until(lambda: state.jobs.idle and all(path.is_file() for path in last))
    assert_tells_nobody(out, image, image.key)
    assert (out / "all" / "Mask.json").is_file()
    with Pillow.open(out / "view.png") as shown:
        assert shown.width > 100

    choice.trigger()
    assert not window.exporting.privacy.on
