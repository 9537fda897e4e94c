"""De-identifying: on files made here with names everywhere, and on every file of pydicom's wheel.

What is gone is told by reading the bytes again, not by the list that the program gives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from engine.errors import UnreadableImageError
from engine.images.dicom.deidentify import Deidentifier, cover_pixels
from engine.images.reader import read as read_image
from engine.masks.shapes import Box
from tests.engine.images import dicom_files as made

SECRET = "Lovelace"


def telling(path: Path, **elements: object) -> Path:
    """A file that names its patient in every way there is."""
    study, inner = generate_uid(), generate_uid()
    dataset = made.dataset(
        np.arange(600, dtype=np.int16).reshape(20, 30),
        PixelSpacing=[0.7, 1.1],
        PatientBirthDate="18151210",
        PatientAddress=f"{SECRET} House",
        InstitutionName=f"{SECRET} Hospital",
        ReferringPhysicianName=f"{SECRET}^Byron",
        StudyDescription=f"leg of {SECRET}",
        StudyDate="20200102",
        AcquisitionDateTime="20200102030405",
        ImageComments=SECRET,
        StudyInstanceUID=study,
        RequestAttributesSequence=made.sequence(
            made.item(RequestedProcedureDescription=SECRET, StudyInstanceUID=study)
        ),
        ReferencedImageSequence=made.sequence(
            made.item(
                ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.4", ReferencedSOPInstanceUID=inner
            )
        ),
        DerivationCodeSequence=made.sequence(
            made.item(CodeMeaning="kept", PatientName=SECRET, OperatorsName=SECRET)
        ),
        **elements,
    )
    dataset.PatientName, dataset.PatientID = f"{SECRET}^Ada", f"{SECRET}-7"
    dataset.add_new((0x6000, 0x4000), "LT", SECRET)
    dataset.add_new((0x0010, 0xFFF0), "LO", f"{SECRET} of no edition")
    block = dataset.private_block(0x0019, f"{SECRET} ACME", create=True)
    block.add_new(1, "LO", SECRET)
    dataset.preamble = SECRET.encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = SECRET
    return made.save(dataset, path)


def test_nothing_of_the_patient_is_left_and_the_image_is_the_same(tmp_path):
    source, out = telling(tmp_path / "a.dcm"), tmp_path / "out.dcm"
    assert SECRET.encode() in source.read_bytes()
    run = Deidentifier()
    run.copy(source, "CASE001", out=out)
    data = out.read_bytes()
    for secret in (SECRET, "18151210", "20200102", "ACME"):
        assert secret.encode() not in data
    before, after = pydicom.dcmread(source), pydicom.dcmread(out)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert after[keyword].value != before[keyword].value
        assert before[keyword].value.encode() not in data
    assert after.PatientID == after.PatientName == "CASE001"
    assert after.PixelSpacing == before.PixelSpacing
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
    # PS3.15 E.1.1 and PS3.3 C.12.1.1.7: what was done is declared.
    assert after.PatientIdentityRemoved == "YES"
    assert [c.CodeValue for c in after.DeidentificationMethodCodeSequence] == ["113100"]
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert not [e for e in after.iterall() if e.tag.is_private]
    assert read_image(out).frames == 1


def test_the_list_names_attributes_and_no_values(tmp_path):
    run = Deidentifier()
    run.copy(telling(tmp_path / "a.dcm"), "CASE001")
    text = "\n".join(run.removed.sentences())
    for name in ("Patient's Name", "Institution Name", "Image Comments", "Study Date"):
        assert name in text
    assert "Derivation Code Sequence > Operators' Name" in text
    assert "Private elements removed: 2." in text
    for secret in (SECRET, "18151210", "20200102"):
        assert secret not in text
    # A sequence that went as a whole is listed once.
    gone = [n for n, w in run.removed.attributes.items() if w == "removed" and "Request Attr" in n]
    assert gone == ["Request Attributes Sequence"]


def test_one_uid_becomes_one_uid_throughout_a_run(tmp_path):
    first, second = telling(tmp_path / "a.dcm"), telling(tmp_path / "b.dcm")
    whole = pydicom.dcmread(first)
    other = pydicom.dcmread(second)
    other.ReferencedImageSequence[0].ReferencedSOPInstanceUID = whole.SOPInstanceUID
    other.save_as(second)
    run = Deidentifier()
    one, two = run.copy(first, "A"), run.copy(second, "A")
    assert two.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert two.SeriesInstanceUID == one.SeriesInstanceUID
    assert one.SOPClassUID == whole.SOPClassUID
    assert Deidentifier().copy(first, "A").SOPInstanceUID != one.SOPInstanceUID


@pytest.mark.parametrize(
    "name",
    [
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_palette.dcm",
        "rtdose_rle_1frame.dcm",
    ],
)
def test_covered_areas_are_dark_and_all_else_is_kept(tmp_path, name):
    source = get_testdata_file(name, download=False)
    assert isinstance(source, str)
    box, out = Box(2, 3, 6, 9), tmp_path / "out.dcm"
    run = Deidentifier()
    run.copy(Path(source), "CASE001", [box], out=out)
    before, after = read_image(Path(source)).pixels, read_image(out).pixels
    area = (slice(None), *box.slices)
    assert (after[area] == after[area].min()).all()
    assert after[area].min() <= before.min()
    rest = np.ones(before.shape[:3], bool)
    rest[area] = False
    np.testing.assert_array_equal(after[rest], before[rest])
    written = pydicom.dcmread(out)
    assert [c.CodeValue for c in written.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert written.BurnedInAnnotation == "NO"
    assert run.removed.covered == 1 and not run.removed.notes


def test_the_icon_does_not_show_what_is_covered(tmp_path):
    source = telling(tmp_path / "a.dcm", IconImageSequence=made.sequence(made.item(Rows=8)))
    dataset = pydicom.dcmread(source)
    cover_pixels(source, dataset, [Box(0, 0, 5, 30)])
    assert "IconImageSequence" in pydicom.dcmread(source) and "IconImageSequence" not in dataset


def test_text_in_the_pixels_is_warned_of(tmp_path):
    run = Deidentifier()
    run.copy(telling(tmp_path / "a.dcm"), "A")
    assert not run.removed.notes
    run.copy(telling(tmp_path / "us.dcm", Modality="US"), "A")
    assert "burnt in" in run.removed.notes[0]
    assert "burnt in" in run.removed.sentences()[-1]


def test_damaged_elements_go_and_damaged_pixels_get_a_sentence(tmp_path):
    dataset = pydicom.dcmread(telling(tmp_path / "a.dcm"))
    item = Dataset()
    item.add_new((0x0040, 0xA123), "PN", SECRET)
    dataset.ContentSequence = [item]
    dataset.save_as(tmp_path / "a.dcm")
    out = tmp_path / "out.dcm"
    Deidentifier().copy(tmp_path / "a.dcm", "A", out=out)
    assert SECRET.encode() not in out.read_bytes()
    dataset.PixelData = b"\0" * 10
    dataset.save_as(tmp_path / "short.dcm")
    with pytest.raises(UnreadableImageError, match="cannot be decoded to cover"):
        Deidentifier().copy(tmp_path / "short.dcm", "A", [Box(0, 0, 2, 2)])
