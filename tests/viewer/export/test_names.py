"""A mask that is called after its patient is not so called on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.masks.mask import ImageReference, Mask
from tests.engine.masks.mask_images import single_frames, turned
from tests.viewer.conftest import settled
from viewer import dialogs


def test_file_names_that_are_offered_hold_no_patients(
    qtbot, make_window, tmp_path: Path, monkeypatch
):
    single_frames(tmp_path / "in", turned(2))  # of "Test^Ada"
    window = make_window(tmp_path / "in")
    state = window.state
    drawn = np.zeros(state.image.shape, bool)
    drawn[3:9, 4:12] = True
    reference = ImageReference.of(state.image)
    state.masks.document.import_mask(Mask(reference, "Ada left", frames={0: drawn}))
    qtbot.waitUntil(lambda: window.actions_["export-mask-png"].isEnabled())
    offered: list[str] = []
    monkeypatch.setattr(dialogs, "choose_target", lambda *given: offered.append(given[3]))
    for name in ("png", "nifti", "dicom", "coco"):
        window.actions_[f"export-mask-{name}"].trigger()
    assert offered == ["Mask.png", "Mask.nii.gz", "Mask.dcm", "Mask.coco.json"]
    (tmp_path / "out").mkdir()
    window.exporting.write_everything(tmp_path / "out")
    qtbot.waitUntil(lambda: settled(window))
    written = [path.name for path in (tmp_path / "out").iterdir()]
    assert "Mask.json" in written and not any("ada" in name.lower() for name in written)


def test_the_list_to_choose_from_hides_names_as_the_window_does(make_window, tmp_path: Path):
    single_frames(tmp_path / "in", turned(2))
    window = make_window(tmp_path / "in")
    for hidden in (False, True):
        window.state.privacy.set_hidden(hidden)
        window.actions_["export-cases"].trigger()
        (row,) = window.batch.dialog._rows()
        assert ("Ada" in row.text(0) + row.toolTip(0)) != hidden


def test_what_failed_names_no_file_while_names_are_hidden(bare_window, tmp_path: Path):
    from engine.export.wanted import Failure, Summary

    window = bare_window()
    window.batch.ask()
    dialog = window.batch.dialog
    sentence = "“Lovelace_Ada.dcm” cannot be read; it may be damaged."
    summary = Summary(tmp_path, failed=[Failure("case_0001", sentence)])
    for hidden in (False, True):
        window.state.privacy.set_hidden(hidden)
        dialog._finished(summary)
        assert ("Ada" in dialog.details.toPlainText()) != hidden
        assert "cannot be read" in dialog.details.toPlainText()
        dialog._failed(sentence)
        assert ("Ada" in dialog.outcome.text()) != hidden
    dialog.reject()
