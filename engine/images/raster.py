"""PNG, JPEG, TIFF and BMP.

Resolution tags do not become millimetres: "72 dpi" and its like say how large to print a
picture, and are defaults of the program that saved it. The one exception is a TIFF that ImageJ
calibrated, where a person set the unit (see ``_imagej_spacing``).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps, TiffImagePlugin, UnidentifiedImageError

from engine.errors import UnreadableImageError
from engine.images import limits
from engine.images.image import Geometry, Identity, Image
from engine.images.names import readable
from engine.progress import Progress

# Only these decoders run: Pillow knows forty more formats, some of which start other programs.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB")

# What Pillow warns of (odd tags, metadata cut short) does not change the picture.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_GREY_MODES = {"L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_DAMAGED = "export it again from where it came from"


def read(path: Path, progress: Progress | None = None) -> Image:
    """Read a raster file; the pages of a TIFF become frames where they are of equal shape.

    Palettes become RGB, and RGB whose channels all agree becomes grey. Alpha is composited over
    black, the background of MR and ultrasound. EXIF and TIFF orientation are applied. 16-bit and
    floating-point grey keep their values.
    Raises ``UnreadableImageError``.
    """
    notes: list[str] = []
    try:
        # Given a name, Pillow maps uncompressed files into memory, which garbles TIFFs with a
        # sideways orientation (Pillow 13.0) and crashes where a file shrinks meanwhile.
        with path.open("rb") as file, PillowImage.open(file, formats=FORMATS) as opened:
            count = _check_size(path, opened)
            spacing = _imagej_spacing(opened)
            frames: list[NDArray[Any]] = []
            for index, page in enumerate(_pages(opened, count)):
                if progress is not None:
                    progress.report(index / count, path.name)
                pixels, page_notes = _page(page)
                if frames and pixels.shape[:2] != frames[0].shape[:2]:
                    notes.append(f"Pages from {index + 1} on have another size and were left out.")
                    break
                notes += [note for note in page_notes if note not in notes]
                frames.append(pixels)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(
            path,
            "its content is no PNG, JPEG, TIFF or BMP picture that can be decoded",
            "check that it is what its name says, or export it again",
        ) from None
    except PillowImage.DecompressionBombError:
        raise UnreadableImageError(
            path, "it would unpack to far more pixels than any picture has", _DAMAGED
        ) from None
    except MemoryError:
        raise UnreadableImageError.too_large(path) from None
    except OSError as error:
        if error.errno is not None:
            raise UnreadableImageError.refused(path, error) from None
        raise _damaged(path) from None
    # Pillow's decoders raise whatever the damage makes them trip over.
    except (ValueError, TypeError, SyntaxError, KeyError, IndexError, EOFError) as _:
        raise _damaged(path) from None
    except Exception as error:
        if type(error).__module__ in ("struct", "zlib", "builtins"):
            raise _damaged(path) from None
        raise
    pixels = _join(frames)
    return Image(
        pixels=pixels,
        geometry=Geometry(spacing=spacing),
        identity=Identity(source_paths=(path,)),
        title=readable(path.stem),
        notes=tuple(notes),
    )


def probe(path: Path) -> tuple[int, tuple[int, int]]:
    """Return (frames, (rows, cols)) from the header alone. Raises ``UnreadableImageError``."""
    try:
        with path.open("rb") as file, PillowImage.open(file, formats=FORMATS) as opened:
            count = _check_size(path, opened)
            # Pillow turns a TIFF's announced size itself, but no other format's.
            has_exif = opened.format != "TIFF"
            if opened.format == "PNG":
                # Pillow would decode all pixels to reach an orientation stored behind them.
                has_exif = b"eXIf" in _png_chunks(file) or "exif" in opened.info
            turned = has_exif and opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            cols, rows = opened.size
            return count, ((cols, rows) if turned else (rows, cols))
    except UnreadableImageError:
        raise
    except Exception:
        # Say exactly what a full read would say.
        read(path)
        raise _damaged(path) from None


def _png_chunks(file: BinaryIO) -> set[bytes]:
    """Return the types of a PNG's chunks (PNG 5.3), passing over what is in them.

    Leaves the file where it was. Raises ``EOFError`` where the file ends before its IEND does.
    """
    place = file.tell()
    end = file.seek(0, SEEK_END)
    at, kinds = len(b"\x89PNG\r\n\x1a\n"), set[bytes]()
    while b"IEND" not in kinds:
        file.seek(at)
        head = file.read(8)
        at += 12 + int.from_bytes(head[:4], "big")  # length, type, content, checksum
        if len(head) < 8 or at > end:
            raise EOFError
        kinds.add(head[4:])
    file.seek(place)
    return kinds


def _damaged(path: Path) -> UnreadableImageError:
    return UnreadableImageError(path, "it is damaged or cut short", _DAMAGED)


def _check_size(path: Path, opened: PillowImage.Image) -> int:
    """Check the announced size; return the number of pages."""
    # MPO is a JPEG with more pictures behind it (stereo, thumbnails): only the first is meant.
    count = int(getattr(opened, "n_frames", 1)) if opened.format == "TIFF" else 1
    cols, rows = opened.size
    samples = len(opened.getbands())
    limits.check(path, (count, rows, cols, samples), 4 if opened.mode in ("I", "F") else 1)
    return count


def _pages(opened: PillowImage.Image, count: int) -> Iterator[PillowImage.Image]:
    size = opened.size
    for index in range(count):
        opened.seek(index)
        if opened.size != size and opened.size[0] * opened.size[1] > limits.MAX_FRAME_PIXELS:
            raise ValueError("a page larger than the first")
        yield opened


def _page(page: PillowImage.Image) -> tuple[NDArray[Any], list[str]]:
    """Decode one page to (rows, cols) or (rows, cols, 3) uint8, with notes."""
    notes: list[str] = []
    if _deep_colour(page):
        notes.append("Its 16-bit colours are shown with 8 bits.")
    page.load()
    turned = ImageOps.exif_transpose(page)
    if turned.mode == "1":
        return np.asarray(turned.convert("L")), notes
    if turned.mode in _GREY_MODES:
        array = np.asarray(turned)
        return array.astype(array.dtype.newbyteorder("=")), notes
    if turned.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in turned.info:
        rgba = turned.convert("RGBA")
        alpha = np.asarray(rgba.getchannel("A"))
        if alpha.min() < 255:
            notes.append("Its transparent parts are shown on black.")
            black = PillowImage.new("RGBA", rgba.size, (0, 0, 0, 255))
            rgba = PillowImage.alpha_composite(black, rgba)
        return _grey_if_equal(np.asarray(rgba.convert("RGB"))), notes
    return _grey_if_equal(np.asarray(turned.convert("RGB"))), notes


def _deep_colour(page: PillowImage.Image) -> bool:
    """Whether Pillow is about to reduce 16-bit colour channels to 8 bits."""
    return page.mode not in _GREY_MODES and any(
        "16" in str(tile[3]) for tile in getattr(page, "tile", ())
    )


def _grey_if_equal(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (rows, cols) where the three channels agree everywhere, else the RGB unchanged."""
    red = rgb[..., 0]
    if np.array_equal(red, rgb[..., 1]) and np.array_equal(red, rgb[..., 2]):
        return np.ascontiguousarray(red)
    return rgb


def _join(frames: list[NDArray[Any]]) -> NDArray[Any]:
    """Stack pages; a grey page among coloured ones is repeated to RGB."""
    if any(frame.ndim == 3 for frame in frames):
        frames = [f if f.ndim == 3 else np.repeat(f[..., None], 3, axis=2) for f in frames]
        if any(f.dtype != np.uint8 for f in frames):
            raise ValueError("pages of different kinds")
    return np.stack(frames)


_IMAGEJ_MM = {
    "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "micron": 1e-3, "um": 1e-3, "µm": 1e-3,
    "\\u00b5m": 1e-3, "pixel": 0.0, "inch": 25.4,
}  # fmt: skip


def _imagej_spacing(opened: PillowImage.Image) -> tuple[float, float] | None:
    """Return the (row, col) spacing of a TIFF that was calibrated in ImageJ, else None.

    ImageJ writes its unit into the description and pixels per unit into the resolution tags.
    """
    if opened.format != "TIFF":
        return None
    tags = getattr(opened, "tag_v2", {})
    description = str(tags.get(TiffImagePlugin.IMAGEDESCRIPTION, ""))
    unit = re.search(r"^unit=(.+)$", description, re.MULTILINE)
    if not description.startswith("ImageJ=") or unit is None:
        return None
    scale = _IMAGEJ_MM.get(unit.group(1).strip(), 0.0)
    try:
        col = float(tags[TiffImagePlugin.X_RESOLUTION])
        row = float(tags[TiffImagePlugin.Y_RESOLUTION])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if scale <= 0 or not (np.isfinite(row) and np.isfinite(col) and row > 0 and col > 0):
        return None
    return scale / row, scale / col
