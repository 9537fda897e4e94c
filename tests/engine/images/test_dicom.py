"""DICOM: units, windows, colours, places, functional groups, broken headers."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image as PillowImage
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    UltrasoundImageStorage,
)

from engine.errors import UnreadableImageError
from engine.images import limits, reader, windowing
from engine.images.dicom import codestream
from engine.images.dicom.identity import spoken
from engine.images.image import Window
from engine.images.orientation import edge_labels
from engine.images.scan import scan
from tests.engine.images.dicom_files import dataset, item, save, sequence, slice_

RAMP = np.arange(48, dtype=np.int16).reshape(8, 6) * 10


# --- Units -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [(1, 0, "i2"), (1, -1024, "i4"), (2, 5, "i4"), (0.5, 0.25, "f4"), (-1, 0, "i4")],
)
def test_rescale(tmp_path: Path, slope: float, intercept: float, dtype: str) -> None:
    made = dataset(RAMP, RescaleSlope=slope, RescaleIntercept=intercept)
    image = reader.read(save(made, tmp_path / "a"))
    assert image.pixels.dtype == np.dtype(dtype)
    assert np.allclose(image.frame(0), apply_modality_lut(RAMP, made))


def test_bits_stored_decide_the_type(tmp_path: Path) -> None:
    """12 stored bits with a CT's intercept fit 16: slices of a series all get that type."""
    made = dataset(RAMP, RescaleSlope=1, RescaleIntercept=-1024, BitsStored=12, HighBit=11)
    assert reader.read(save(made, tmp_path / "a")).pixels.dtype == np.int16


def test_modality_lut_sequence(tmp_path: Path) -> None:
    table = (np.arange(300) ** 2 % 4096).astype(np.uint16)
    lut = item(LUTDescriptor=[300, 20, 16], ModalityLUTType="US", LUTData=table.tobytes())
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
    made = dataset(RAMP.astype(np.uint16), ModalityLUTSequence=sequence(lut))
    image = reader.read(save(made, tmp_path / "a"))
    assert np.array_equal(image.frame(0), apply_modality_lut(RAMP.astype(np.uint16), made))


def test_slope_zero_is_ignored(tmp_path: Path) -> None:
    made = dataset(RAMP, RescaleSlope=0, RescaleIntercept=0)
    assert np.array_equal(reader.read(save(made, tmp_path / "a")).frame(0), RAMP)


# --- Windows ---------------------------------------------------------------------------------


def test_windows_with_names_and_functions(tmp_path: Path) -> None:
    made = dataset(
        RAMP,
        WindowCenter=[40, 100],
        WindowWidth=[80, 300],
        WindowCenterWidthExplanation=["FAT", "ALL"],
        VOILUTFunction="SIGMOID",
    )
    image = reader.read(save(made, tmp_path / "a"))
    assert image.display.windows == (
        Window(40, 80, "FAT", "SIGMOID"),
        Window(100, 300, "ALL", "SIGMOID"),
    )


def test_voi_lut_is_applied_as_pydicom_does(tmp_path: Path) -> None:
    table = np.linspace(0, 4095, 200) ** 0.5 * 64
    lut = item(LUTDescriptor=[200, -50, 12], LUTData=table.astype(np.uint16).tobytes())
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "SS", "OW"
    signed = (RAMP - 100).astype(np.int16)
    made = dataset(signed, VOILUTSequence=sequence(lut))
    path = save(made, tmp_path / "a")
    image = reader.read(path)
    unit = windowing.unit_values(image.frame(0), windowing.default_window(image, 0))
    theirs = apply_voi_lut(signed, pydicom.dcmread(path)) / 4095
    assert np.allclose(unit, theirs, atol=1e-9)


def test_nonsense_windows_are_left_out(tmp_path: Path) -> None:
    made = dataset(RAMP, WindowCenter=[40, 50], WindowWidth=[0, 60])
    assert [w.width for w in reader.read(save(made, tmp_path / "a")).display.windows] == [60]
    made = dataset(RAMP, WindowCenter=40)
    assert reader.read(save(made, tmp_path / "b")).display.windows == ()


def test_monochrome1_and_padding(tmp_path: Path) -> None:
    made = dataset(RAMP, PhotometricInterpretation="MONOCHROME1")
    made.add_new("PixelPaddingValue", "SS", -5)
    made.RescaleSlope, made.RescaleIntercept = 1, -10
    image = reader.read(save(made, tmp_path / "a"))
    assert image.display.inverted
    assert image.display.padding == (-15, -15)
    window = Window(215, 470, "", "LINEAR_EXACT")
    grey = windowing.to_grey8(image.frame(0), window, image.display.inverted)
    assert grey[0, 0] > grey[-1, -1]


# --- Colour ----------------------------------------------------------------------------------


def _rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)


def test_planar_and_interleaved_rgb(tmp_path: Path) -> None:
    rgb = _rgb()
    assert np.array_equal(reader.read(save(dataset(rgb), tmp_path / "a")).frame(0), rgb)
    made = dataset(rgb, PlanarConfiguration=1)
    made.PixelData = np.ascontiguousarray(rgb.transpose(2, 0, 1)).tobytes()
    made["PixelData"].VR = "OB"
    assert np.array_equal(reader.read(save(made, tmp_path / "b")).frame(0), rgb)


def test_ybr_full_by_the_standards_equation(tmp_path: Path) -> None:
    """PS3.3 C.7.6.3.1.2: R = Y + 1.402 (Cr - 128), and so on."""
    ybr = _rgb()
    image = reader.read(save(dataset(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "a"))
    y, cb, cr = (ybr[..., i].astype(float) for i in range(3))
    red = y + 1.402 * (cr - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    blue = y + 1.772 * (cb - 128)
    want = np.clip(np.stack([red, green, blue], -1), 0, 255)
    assert np.abs(image.frame(0) - want).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(tmp_path: Path, bits: int) -> None:
    rng = np.random.default_rng(1)
    index = rng.integers(0, 60, (8, 6), np.uint8)
    made = dataset(index, PhotometricInterpretation="PALETTE COLOR")
    tables = rng.integers(0, 2**bits, (3, 60)).astype(f"<u{bits // 8}")
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        made.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [60, 0, bits])
        made.add_new(f"{name}PaletteColorLookupTableData", "OW", table.tobytes())
    path = save(made, tmp_path / "a")
    image = reader.read(path)
    want = tables[:, index].transpose(1, 2, 0) >> (bits - 8)
    assert np.array_equal(image.frame(0), want)
    theirs = apply_color_lut(index, pydicom.dcmread(path))
    assert np.array_equal(image.frame(0), theirs >> (bits - 8))


# --- Places ----------------------------------------------------------------------------------


def test_places_agree_with_simpleitk(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for index in range(10):
        col = rng.normal(size=3)
        col /= np.linalg.norm(col)
        row = np.cross(rng.normal(size=3), col)
        row /= np.linalg.norm(row)
        made = slice_(
            0,
            ImageOrientationPatient=[f"{v:.10f}" for v in (*col, *row)],
            ImagePositionPatient=[f"{v:.6f}" for v in rng.normal(0, 100, 3)],
        )
        path = save(made, tmp_path / f"{index}.dcm")
        affine = reader.read(path).geometry.frame_affines[0]  # type: ignore[index]
        theirs = sitk.ReadImage(str(path))
        for r, c in ((0, 0), (7, 0), (0, 5), (3, 2)):
            want = theirs.TransformIndexToPhysicalPoint((c, r, 0))
            assert np.allclose((affine @ (r, c, 0, 1))[:3], want, atol=1e-4)


def test_spacing_of_rows_and_columns_is_not_swapped(tmp_path: Path) -> None:
    image = reader.read(save(slice_(0), tmp_path / "a"))
    assert image.geometry.spacing == (1.5, 0.5)  # row spacing first, PS3.3 10.7.1.3
    assert image.geometry.aspect == 3.0
    assert tuple(edge_labels(image)) == ("R", "L", "A", "P")


def test_detector_spacing_is_noted_and_magnification_applied(tmp_path: Path) -> None:
    made = dataset(RAMP, ImagerPixelSpacing=[0.2, 0.2])
    image = reader.read(save(made, tmp_path / "a"))
    assert image.geometry.spacing == (0.2, 0.2)
    assert "detector" in image.notes[0]
    made.EstimatedRadiographicMagnificationFactor = 1.25
    image = reader.read(save(made, tmp_path / "b"))
    assert image.geometry.spacing == pytest.approx((0.16, 0.16))
    made.PixelSpacing = [0.1, 0.1]
    assert reader.read(save(made, tmp_path / "c")).geometry.spacing == (0.1, 0.1)


def test_pixel_aspect_ratio_alone(tmp_path: Path) -> None:
    image = reader.read(save(dataset(RAMP, PixelAspectRatio=[2, 1]), tmp_path / "a"))
    assert image.geometry.spacing is None
    assert image.geometry.aspect == 2.0


@pytest.mark.parametrize(
    "elements",
    [
        {"PixelSpacing": [0, 0]},
        {"PixelSpacing": [-1, 1]},
        {"PixelSpacing": [1]},
        {"PixelSpacing": [1, 5000]},
    ],
)
def test_impossible_spacings_are_not_believed(tmp_path: Path, elements: dict[str, object]) -> None:
    assert reader.read(save(dataset(RAMP, **elements), tmp_path / "a")).geometry.spacing is None


def test_an_orientation_that_is_none(tmp_path: Path) -> None:
    made = slice_(0, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    geometry = reader.read(save(made, tmp_path / "a")).geometry
    assert geometry.frame_affines is None
    assert geometry.spacing == (1.5, 0.5)


def _region(dx: float, dy: float, box: tuple[int, ...], units: int = 3, space: int = 1):  # type: ignore[no-untyped-def]
    return item(
        RegionSpatialFormat=space,
        RegionDataType=1,
        RegionLocationMinX0=box[0],
        RegionLocationMinY0=box[1],
        RegionLocationMaxX1=box[2],
        RegionLocationMaxY1=box[3],
        PhysicalUnitsXDirection=units,
        PhysicalUnitsYDirection=units,
        PhysicalDeltaX=dx,
        PhysicalDeltaY=dy,
    )


def test_ultrasound_regions(tmp_path: Path) -> None:
    """PhysicalDelta is in centimetres a pixel (PS3.3 C.8.5.5.1.17); its sign is a direction."""
    pixels = np.zeros((80, 100), np.uint8)
    us = {"Modality": "US", "SOPClassUID": UltrasoundImageStorage}
    one = _region(0.02, -0.03, (0, 0, 49, 79))
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=sequence(one), **us), tmp_path / "a")
    )
    assert image.geometry.spacing == pytest.approx((0.3, 0.2))
    assert image.notes == ()

    zoom = _region(0.01, 0.01, (60, 0, 79, 19))
    doppler = _region(0.01, 5.0, (0, 0, 99, 79), units=4, space=3)
    both = sequence(doppler, zoom, one)
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=both, **us), tmp_path / "b")
    )
    assert image.geometry.spacing == pytest.approx((0.3, 0.2))
    assert "different scales" in image.notes[0]
    # For measuring, each keeps its own; the smallest comes first, spectra have no lengths.
    assert [(r.left, r.spacing) for r in image.geometry.regions] == [
        (60, pytest.approx((0.1, 0.1))),
        (0, pytest.approx((0.3, 0.2))),
        (0, None),
    ]

    only_doppler = sequence(doppler)
    image = reader.read(
        save(dataset(pixels, SequenceOfUltrasoundRegions=only_doppler, **us), tmp_path / "c")
    )
    assert image.geometry.spacing is None
    (region,) = image.geometry.regions
    assert region.spacing is None and region.holds(79, 99) and not region.holds(80, 99)


def test_rt_dose_planes_follow_the_grid() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    image = reader.read(folder / "rtdose.dcm")
    made = pydicom.dcmread(folder / "rtdose.dcm")
    offsets = np.array([float(v) for v in made.GridFrameOffsetVector])
    places = image.geometry.frame_affines[:, :3, 3]  # type: ignore[index]
    assert np.allclose(np.linalg.norm(places - places[0], axis=1), np.abs(offsets - offsets[0]))


# --- Enhanced multi-frame ----------------------------------------------------------------------


def _enhanced(count: int = 4, **elements: object) -> pydicom.FileDataset:
    pixels = np.stack([np.full((8, 6), 100 + i, np.int16) for i in range(count)])
    shared = item(
        PixelMeasuresSequence=sequence(item(PixelSpacing=[1.5, 0.5], SliceThickness=2.0)),
        PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])),
    )
    frames = [
        item(
            PlanePositionSequence=sequence(item(ImagePositionPatient=[3.0 * i, 5, 7])),
            PixelValueTransformationSequence=sequence(
                item(RescaleSlope=1 + i, RescaleIntercept=-i, RescaleType="US")
            ),
            FrameVOILUTSequence=sequence(item(WindowCenter=10 * (i + 1), WindowWidth=20)),
        )
        for i in range(count)
    ]
    return dataset(
        pixels,
        SOPClassUID=EnhancedMRImageStorage,
        SharedFunctionalGroupsSequence=sequence(shared),
        PerFrameFunctionalGroupsSequence=sequence(*frames),
        **elements,
    )


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_enhanced_frames_have_their_own_place_rescale_and_window(
    tmp_path: Path, syntax: str | None
) -> None:
    made = _enhanced()
    if syntax is not None:
        made.compress(syntax)
    image = reader.read(save(made, tmp_path / "a"))
    assert image.frames == 4
    for i in range(4):
        assert (image.frame(i) == (100 + i) * (1 + i) - i).all()
        affine = image.geometry.frame_affines[i]  # type: ignore[index]
        assert np.allclose((affine @ (2, 4, 0, 1))[:3], (3.0 * i, 5 + 4 * 0.5, 7 - 2 * 1.5))
        assert windowing.default_window(image, i) == Window(10 * (i + 1), 20)
    assert image.geometry.slice_spacing == pytest.approx(3.0)
    assert image.identity.sop_frames == (1, 2, 3, 4)
    assert tuple(edge_labels(image)) == ("A", "P", "H", "F")


def test_real_enhanced_file(shared_data: Path) -> None:
    image = reader.read(shared_data / "muscle_myoqmri" / "image0001.dcm")
    assert (image.frames, image.shape) == (8, (128, 256))
    assert image.geometry.spacing == (1.5625, 1.5625)
    assert image.geometry.slice_spacing == pytest.approx(37.1, abs=1e-3)
    theirs = pydicom.dcmread(shared_data / "muscle_myoqmri" / "image0001.dcm")
    assert np.array_equal(image.pixels, theirs.pixel_array)
    first = theirs.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    assert np.allclose(
        image.geometry.frame_affines[0][:3, 3],  # type: ignore[index]
        [float(v) for v in first.ImagePositionPatient],
    )


def test_encodings_of_one_picture_agree(shared_data: Path) -> None:
    folder = shared_data / "dicom_pydicom_data"
    raw = reader.read(folder / "emri_small.dcm").pixels
    for name in ("emri_small_RLE.dcm", "emri_small_jpeg_ls_lossless.dcm"):
        assert np.array_equal(reader.read(folder / name).pixels, raw)
    lossless = reader.read(folder / "US1_J2KR.dcm").pixels.astype(int)
    lossy = reader.read(folder / "US1_J2KI.dcm").pixels.astype(int)
    assert np.abs(lossless - lossy).mean() < 3


# --- Files as they come --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("syntax", "implicit", "little"),
    [
        (ImplicitVRLittleEndian, True, True),
        (ExplicitVRBigEndian, False, False),
        (DeflatedExplicitVRLittleEndian, False, True),
    ],
)
def test_transfer_syntaxes(tmp_path: Path, syntax: str, implicit: bool, little: bool) -> None:
    made = dataset(RAMP)
    made.file_meta.TransferSyntaxUID = syntax
    if not little:
        made.PixelData = RAMP.astype(">i2").tobytes()
        made["PixelData"].VR = "OW"
    path = tmp_path / "a"
    dcmwrite(path, made, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    assert np.array_equal(reader.read(path).frame(0), RAMP)


@pytest.mark.parametrize("last", [52, 53, 55])
def test_retired_jpeg_processes(tmp_path: Path, last: int) -> None:
    """Files of the nineties: progressive JPEG, whose transfer syntaxes the standard has retired."""
    ramp = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)
    stream = BytesIO()
    PillowImage.fromarray(ramp).save(stream, "JPEG", progressive=last != 52, quality=95)
    made = dataset(ramp)
    made.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{last}"
    made.PixelData = encapsulate([stream.getvalue()])
    made["PixelData"].VR = "OB"
    path = tmp_path / "a.dcm"
    dcmwrite(path, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    read = reader.read(path).frame(0).astype(int)
    # Decoders may round the inverse transform differently by one.
    assert np.abs(read - np.asarray(PillowImage.open(stream)).astype(int)).max() <= 1


@pytest.mark.parametrize("implicit", [True, False])
def test_without_preamble_and_meta(tmp_path: Path, implicit: bool) -> None:
    made = dataset(RAMP)
    path = tmp_path / "bare"
    made.file_meta, made.preamble = pydicom.dataset.FileMetaDataset(), None
    dcmwrite(path, made, implicit_vr=implicit, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    assert reader.sniff(path) == "dicom"
    assert np.array_equal(reader.read(path).frame(0), RAMP)


def test_missing_elements_that_have_one_sensible_reading(tmp_path: Path) -> None:
    made = dataset(RAMP.astype(np.uint16))
    for keyword in (
        "SamplesPerPixel", "PhotometricInterpretation", "BitsStored", "HighBit",
        "PixelRepresentation",
    ):  # fmt: skip
        delattr(made, keyword)
    assert np.array_equal(reader.read(save(made, tmp_path / "a")).frame(0), RAMP)


def test_foreign_names(tmp_path: Path) -> None:
    made = dataset(RAMP, SpecificCharacterSet="ISO_IR 192")
    made.PatientName = "Müller^Jörg^^Dr."
    image = reader.read(save(made, tmp_path / "a"))
    assert spoken(image.identity.patient_name) == "Dr. Jörg Müller"
    made = dataset(RAMP, SpecificCharacterSet=["", "ISO 2022 IR 87"])
    made.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    image = reader.read(save(made, tmp_path / "b"))
    assert image.identity.patient_name.split("=")[1] == "山田^太郎"
    assert spoken(image.identity.patient_name) == "Tarou Yamada"
    assert spoken("=山田^太郎") == "太郎 山田"
    made = dataset(RAMP)
    made.add_new("PatientName", "PN", b"M\xfcller^J\xf6rg")
    assert reader.read(save(made, tmp_path / "c")).frames == 1


def test_cine_times(tmp_path: Path) -> None:
    frames = np.zeros((3, 8, 6), np.uint8)
    image = reader.read(save(dataset(frames, FrameTime=40, Modality="US"), tmp_path / "a"))
    assert image.display.frame_times_ms == (0, 40, 80)
    made = dataset(frames, FrameTimeVector=[0, 30, 50], Modality="US")
    assert reader.read(save(made, tmp_path / "b")).display.frame_times_ms == (0, 30, 80)
    assert image.display.frame_rate == 25
    made = dataset(frames, FrameTime=40, CineRate=30, RecommendedDisplayFrameRate=12, Modality="US")
    assert reader.read(save(made, tmp_path / "c")).display.frame_rate == 12
    made = dataset(frames, FrameTimeVector=[0, 30, 50], Modality="US")
    assert reader.read(save(made, tmp_path / "d")).display.frame_rate == 25
    made = dataset(frames, CineRate=0, Modality="US")
    assert reader.read(save(made, tmp_path / "e")).display.frame_rate is None


# --- Hostile files -------------------------------------------------------------------------------


def test_announced_sizes_are_checked(tmp_path: Path) -> None:
    cases = [
        ({"Rows": 65535, "Columns": 65535}, "million that a frame may have"),
        ({"NumberOfFrames": 100_000}, "frames, more than the limit"),
        ({"Rows": 4000, "Columns": 4000, "NumberOfFrames": 2000}, "GiB"),
        ({"Rows": 9}, "cut short, with 96 of 108 bytes"),
        ({"NumberOfFrames": 2}, "cut short"),
        ({"Rows": 0}, "lacks the number of rows"),
        ({"SamplesPerPixel": 2}, "which no image has"),
        ({"BitsAllocated": 12}, "which no image has"),
    ]
    for elements, clause in cases:
        path = save(dataset(RAMP, **elements), tmp_path / "a")
        with pytest.raises(UnreadableImageError) as caught:
            reader.read(path)
        assert clause in str(caught.value)


def test_frame_counts_that_are_none(tmp_path: Path) -> None:
    made = dataset(RAMP)
    made.add_new("NumberOfFrames", "IS", "0")
    assert reader.read(save(made, tmp_path / "a")).frames == 1


def test_codestream_larger_than_the_header(tmp_path: Path) -> None:
    """A compressed frame that announces another size is refused before its decoder allocates."""
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    for name, marker, shift in (
        ("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8),
        ("SC_rgb_jpeg_dcmtk.dcm", b"\xff\xc0", 5),
        ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5),
    ):
        content = bytearray((wheel / name).read_bytes())
        place = content.index(marker) + shift
        content[place : place + 2] = b"\x7f\xff"
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=r"announces"):
            reader.read(tmp_path / name)


def test_codestream_headers() -> None:
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    for name in ("693_J2KI.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        made = pydicom.dcmread(wheel / name)
        (frame,) = pydicom.encaps.generate_frames(made.PixelData, number_of_frames=1)
        found = codestream.announced(frame)
        assert found is not None
        assert (found.rows, found.cols) == (made.Rows, made.Columns)
        assert found.samples == made.SamplesPerPixel
        guessed = codestream.transfer_syntax(made.PixelData)
        # A stream that could be lossless may be stored under the syntax that allows either.
        if guessed == JPEG2000Lossless:
            guessed = JPEG2000
        assert guessed == made.file_meta.TransferSyntaxUID
    assert codestream.announced(b"\xff\xd8\xff") is None


def test_deflated_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_INFLATED_BYTES", 1 << 20)
    made = dataset(np.zeros((1200, 1200), np.uint8))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = save(made, tmp_path / "a")
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableImageError, match="unpacks to more than"):
        reader.read(path)
    with pytest.raises(zlib.error):
        zlib.decompress(path.read_bytes())


def test_cut_short_or_garbled_anywhere(tmp_path: Path) -> None:
    """Either an image or the one error, whatever the damage, in every kind of encoding."""
    wheel = Path(pydicom.data.__file__).parent / "test_files"
    rng = np.random.default_rng(2)
    names = (
        "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm",
        "image_dfl.dcm", "SC_rgb_small_odd_jpeg.dcm", "MR_small_jpeg_ls_lossless.dcm",
    )  # fmt: skip
    path = tmp_path / "a.dcm"
    for name in names:
        content = (wheel / name).read_bytes()
        failed = 0
        for length in np.linspace(0, len(content) - 2, 40).astype(int):
            path.write_bytes(content[:length])
            failed += _fails(path)
        # Decoders of lossy codes forgive a missing end; nothing else may.
        assert failed >= 30, name
        for _ in range(25):
            garbled = bytearray(content)
            for place in rng.integers(0, min(len(content), 3000), 4):
                garbled[place] = rng.integers(0, 256)
            path.write_bytes(garbled)
            _fails(path)


def _fails(path: Path) -> bool:
    try:
        reader.read(path)
    except UnreadableImageError:
        return True
    return False


def test_a_damaged_length_tells_nobody_the_patients_name(tmp_path: Path) -> None:
    """It makes a value of all that follows, the patient's name included, which errors may quote."""
    path = save(dataset(np.zeros((4, 4), np.uint8)), tmp_path / "a.dcm")
    whole = path.read_bytes()
    modality = whole.index(b"\x08\x00\x60\x00CS")
    syntax = whole.index(b"\x02\x00\x10\x00UI")
    assert b"Test^Ada" in whole[modality:]
    for place, length in ((modality, 0x7000), (syntax, 0x7000), (syntax, 0x40)):
        damaged = bytearray(whole)
        damaged[place + 6 : place + 8] = length.to_bytes(2, "little")
        path.write_bytes(damaged)
        problems = scan([path]).problems
        assert len(problems) == 1
        sentence = problems[0].sentence
        assert len(sentence) < 200 and sentence.isprintable() and "Ada" not in sentence


@pytest.mark.timeout(60)
def test_a_jp2_box_without_length_does_not_hang(tmp_path: Path) -> None:
    made = dataset(np.zeros((8, 8), np.uint8))
    made.file_meta.TransferSyntaxUID = JPEG2000
    made.PixelData = encapsulate([b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 64])
    made["PixelData"].VR = "OB"
    path = tmp_path / "a.dcm"
    dcmwrite(path, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    with pytest.raises(UnreadableImageError, match="compressed frames"):
        reader.read(path)
