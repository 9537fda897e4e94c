"""Where slices are missing, nothing is done or measured across the gap, and it is said why."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import MaskError
from engine.images.scan import scan
from engine.masks.mask import ImageReference, Mask
from engine.progress import Progress
from engine.report import page, style
from engine.report.findings import assemble
from tests.engine.images.dicom_files import save, slice_
from tests.viewer.conftest import settled
from viewer.masking.reshape import Reshape
from viewer.state.contents import Content


@pytest.fixture
def damaged(tmp_path):
    """A folder of six slices, 3 mm apart, the third of which is cut short."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for i in range(6):
        save(slice_(i * 3.0, value=i, InstanceNumber=i + 1), folder / f"IM{i}.dcm")
    (folder / "IM2.dcm").write_bytes((folder / "IM2.dcm").read_bytes()[:-20])
    return folder


def test_nothing_is_reshaped_through_a_gap(damaged):
    image = scan([damaged]).cases[0].series[0].load(None)
    pixels = np.zeros(image.shape, np.bool_)
    pixels[2:6, 1:5] = True
    mask = Mask(ImageReference.of(image), frames={1: pixels})
    for unit in ("px", "mm"):
        through = Reshape("grow", 3.0, unit, "through")
        with pytest.raises(MaskError, match="Slices are missing after slice 2, so nothing"):
            through.frames(mask, image.geometry, Progress())
    each = Reshape("grow", 1.0, "px", "each").frames(mask, image.geometry, Progress())
    assert list(each) == [1] and each[1].sum() > pixels.sum()


def test_the_panel_says_why_there_is_no_volume_and_the_report_how_many_slices(
    bare_window, damaged, until
):
    window = bare_window(damaged)
    state = window.state
    until(lambda: settled(window) and state.masks.document is not None)
    pixels = np.zeros(state.image.shape, np.bool_)
    pixels[2:6, 1:5] = True
    document = state.masks.document
    document.add_drawn("Lesion", {0: pixels, 3: pixels}, "drawn")
    masks = window.answers.masks
    masks.refresh()
    cell = masks.statistics.cells["Size", "whole"]
    until(lambda: cell.text() == "32 px")
    assert cell.toolTip() == "32 pixels. No volume: slices are missing after slice 2."
    with style.applied():
        made = page.draw(assemble(state.image, 0))
    texts = [text.get_text() for text in made.texts]
    assert any("1 of 6 slices could not be read" in text for text in texts)


def test_a_series_shown_beside_is_marked_too(bare_window, damaged, tmp_path, until):
    whole = tmp_path / "whole"
    whole.mkdir()
    for i in range(3):
        made = slice_(i * 3.0, value=i, InstanceNumber=i + 1, SeriesInstanceUID="1.2.3.4")
        made.PatientID, made.StudyInstanceUID = "8", "1.2.3"
        save(made, whole / f"W{i}.dcm")
    window = bare_window(whole)
    state = window.state
    state.open_paths([damaged], show=False)
    until(lambda: len(state.cases.opened.cases) == 2 and settled(window))
    other = next(c for c in state.cases.opened.cases if c is not state.case)
    state.contents.set(1, Content(other, other.series[0]))
    until(lambda: state.cases.incomplete(other.series[0]) is not None)
    assert window.notice.text.startswith("1 of 6 slices is left out, as the file IM2.dcm cannot")
    (row,) = [item for item in window.cases.model.items if item.series is other.series[0]]
    assert row.detail.startswith("1 not read")
