"""Pixel data to arrays: whatever pydicom's plugins decode, sizes checked first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, JPEGExtended12Bit

from engine.errors import CancelledError, UnreadableImageError
from engine.images import limits
from engine.images.dicom import codestream, header, recognise, values
from engine.images.names import readable
from engine.progress import Progress

_DAMAGED = "copy or export it again"
_REQUIRED = ("Rows", "Columns", "BitsAllocated")
_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

PLUGINS = ("pylibjpeg", "pillow", "pydicom")
"""Decoders in order of trial. gdcm is not among them, nor needed: on damaged JPEG data it ends the
whole process (an exception that no caller can catch), and pylibjpeg decodes every compression that
it does, the retired ones below included."""

_RETIRED_JPEG = {f"1.2.840.10008.1.2.4.{last}" for last in (52, 53, 55)}
"""Extended (3 & 5), spectral selection (6 & 8) and full progression (10 & 12), PS3.5-2003 A.4.1. No
decoder is registered for them; that of the extended process goes by what the frame's own markers
say and so decodes them all."""


def check_header(path: Path, dataset: Dataset) -> tuple[int, int, int, int]:
    """Check the announced size; return (frames, rows, cols, samples).

    Raises ``UnreadableImageError`` where the data set is no image or is beyond the limits.
    """
    missing = [keyword for keyword in _REQUIRED if not values.integer(dataset, keyword)]
    if missing:
        if not header.has_pixels(dataset) and "Rows" in missing:
            raise recognise.not_an_image(path, dataset)
        raise UnreadableImageError(
            path,
            f"its header lacks {' and '.join(_spoken(k) for k in missing)}",
            "export it again from where it came from",
        )
    rows, cols, bits = (values.integer(dataset, keyword) or 0 for keyword in _REQUIRED)
    samples = values.integer(dataset, "SamplesPerPixel") or 1
    frames = header.frame_count(dataset)
    if samples not in (1, 3, 4) or bits not in (1, 8, 16, 32, 64):
        raise UnreadableImageError(
            path,
            f"its pixels have {samples} samples of {bits} bits, which no image has",
            "export it again from where it came from",
        )
    if values.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        limits.check(path, (frames, rows, cols, 3), 1)
    limits.check(path, (frames, rows, cols, samples), max(bits // 8, 1))
    return frames, rows, cols, samples


def _spoken(keyword: str) -> str:
    return {"Rows": "the number of rows", "Columns": "the number of columns"}.get(
        keyword, "the number of bits of a pixel"
    )


def decode(
    path: Path,
    dataset: Dataset,
    indices: Sequence[int] | None = None,
    progress: Progress | None = None,
    notes: list[str] | None = None,
) -> NDArray[Any]:
    """Decode frames (all, or ``indices`` from 0) to (frames, rows, cols) or (..., 3) uint8 RGB.

    Grey values are the stored ones: no LUT is applied but a palette's.
    Raises ``UnreadableImageError``, ``CancelledError``.
    """
    notes = notes if notes is not None else []
    if not header.has_pixels(dataset):
        raise recognise.not_an_image(path, dataset)
    count, rows, cols, samples = check_header(path, dataset)
    _tolerate(dataset, count)
    syntax = _syntax(path, dataset)
    _check_length(path, dataset, syntax, (count, rows, cols, samples))
    if syntax in _RETIRED_JPEG:
        dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    wanted = list(range(count)) if indices is None else list(indices)
    colour = samples >= 3 or values.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR"

    out: NDArray[Any] | None = None
    done = 0
    try:
        for frame in _decoded(dataset, wanted):
            pixels = _finish(dataset, frame, notes) if colour else frame
            pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
            if pixels.shape[:2] != (rows, cols):
                raise ValueError("a frame of another size than the header's")
            if out is None:
                out = np.empty((len(wanted), *pixels.shape), pixels.dtype)
            out[done] = pixels
            done += 1
            if progress is not None:
                progress.report(done / len(wanted), readable(path.name))
    except (UnreadableImageError, CancelledError, MemoryError):
        raise
    except NotImplementedError:
        raise UnreadableImageError(
            path,
            f"its compression ({syntax.name}) is not one that can be decoded",
            "export it without compression",
        ) from None
    except Exception:
        raise UnreadableImageError(
            path,
            f"its pixel data ({syntax.name}) is damaged or does not match its header",
            _DAMAGED,
        ) from None
    if out is None or done < len(wanted):
        raise UnreadableImageError(
            path, f"it holds {done} of the {len(wanted)} frames it announces", _DAMAGED
        )
    return out


def _syntax(path: Path, dataset: Dataset) -> UID:
    syntax = UID(values.text(dataset.file_meta, "TransferSyntaxUID"))
    if not syntax.is_transfer_syntax:
        # A damaged header may have anything here, so only what can be a UID is quoted.
        named = f" ({syntax})" if syntax.is_valid else ""
        raise UnreadableImageError(
            path,
            f"its transfer syntax{named} is not a known one",
            "export it without compression",
        )
    return syntax


def _tolerate(dataset: Dataset, count: int) -> None:
    """Fill in what decoders demand and files leave out, by the only sensible reading."""
    bits = values.integer(dataset, "BitsAllocated") or 8
    if not values.integer(dataset, "SamplesPerPixel"):
        dataset.SamplesPerPixel = 1
    if not values.integer(dataset, "BitsStored"):
        dataset.BitsStored = bits
    if values.integer(dataset, "HighBit") is None:
        dataset.HighBit = dataset.BitsStored - 1
    if values.integer(dataset, "PixelRepresentation") is None:
        dataset.PixelRepresentation = 0
    if not values.text(dataset, "PhotometricInterpretation"):
        dataset.PhotometricInterpretation = "RGB" if dataset.SamplesPerPixel == 3 else "MONOCHROME2"
    if dataset.SamplesPerPixel > 1 and values.integer(dataset, "PlanarConfiguration") is None:
        dataset.PlanarConfiguration = 0
    if "NumberOfFrames" in dataset or count > 1:
        dataset.NumberOfFrames = count


def _keyword(dataset: Dataset) -> str:
    return next(keyword for keyword in _KEYWORDS if keyword in dataset)


def _check_length(
    path: Path, dataset: Dataset, syntax: UID, shape: tuple[int, int, int, int]
) -> None:
    """Compare what the header announces with what is there, before anything is allocated."""
    data = dataset[_keyword(dataset)].value
    if not data:
        raise UnreadableImageError(path, "its pixel data is empty", _DAMAGED)
    frames, rows, cols, samples = shape
    if not syntax.is_compressed or syntax.is_deflated:
        bits = frames * rows * cols * samples * (values.integer(dataset, "BitsAllocated") or 8)
        if values.text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
            bits = bits * 2 // 3
        expected = (bits + 7) // 8
        if len(data) < expected:
            raise UnreadableImageError(
                path,
                f"it is cut short, with {len(data)} of {expected} bytes of pixels",
                _DAMAGED,
            )
        return
    try:
        for index, frame in enumerate(generate_frames(data, number_of_frames=frames)):
            if codestream.has_endless_box(frame):
                raise ValueError("no codestream")
            found = codestream.announced(frame)
            if found is not None:
                limits.check(path, (1, found.rows, found.cols, max(found.samples, 1)), 2)
                if (found.rows, found.cols) != (rows, cols):
                    raise UnreadableImageError(
                        path,
                        f"its header announces {rows} × {cols} pixels but its compressed frame "
                        f"{index + 1} has {found.rows} × {found.cols}",
                        "export it again from where it came from",
                    )
    except UnreadableImageError:
        raise
    except Exception:
        raise UnreadableImageError(
            path, "its compressed frames cannot be told apart", _DAMAGED
        ) from None


def _decoded(dataset: Dataset, wanted: list[int]) -> Iterator[NDArray[Any]]:
    """Yield frames; where one plugin fails, the next goes on from there. YBR comes out as RGB."""
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    if not decoder.is_encapsulated:
        for frame, _ in decoder.iter_array(dataset, indices=wanted):
            yield frame
        return
    available = decoder.available_plugins
    plugins = [plugin for plugin in PLUGINS if plugin in available]
    if not plugins:
        raise NotImplementedError
    failure: Exception = ValueError("no plugin")
    done = 0
    for plugin in plugins:
        try:
            for frame, _ in decoder.iter_array(
                dataset, indices=wanted[done:], decoding_plugin=plugin
            ):
                yield frame
                done += 1
            return
        except Exception as error:
            failure = error
        except BaseException as error:
            # pylibjpeg-rle is written in Rust; its panics do not derive from Exception.
            if type(error).__name__ != "PanicException":
                raise
            failure = ValueError("the decoder gave up")
    raise failure


def _finish(dataset: Dataset, frame: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    """Bring a coloured frame to 8-bit RGB."""
    bits = values.integer(dataset, "BitsStored") or 8
    if values.text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        rgb = apply_color_lut(frame, dataset)
        # A 16-bit palette says so in its descriptor's third value (PS3.3 C.7.6.3.1.5).
        if rgb.dtype != np.uint8:
            rgb = (rgb >> 8).astype(np.uint8)
        return np.asarray(rgb[..., :3])
    rgb = frame[..., :3]
    if rgb.dtype == np.uint8:
        return np.asarray(rgb)
    note = f"Its {bits}-bit colours are shown with 8 bits."
    if bits > 8 and note not in notes:
        notes.append(note)
    shifted: NDArray[np.uint8] = (rgb.astype(np.int64) >> max(bits - 8, 0)).astype(np.uint8)
    return shifted
