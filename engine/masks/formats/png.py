"""PNG: one 8-bit grey picture of the image's size a frame, 0 outside the mask and 255 inside.

An image of one frame gives ``NAME.png``; of several frames each drawn one gives a file of its
own, ``NAME_f003.png``, counted from 1 as the window and DICOM count. (Every program opens a
single-page PNG; hardly any knows the animated ones.) Reading takes any PNG, BMP or TIFF page of
the image's size: a pixel belongs to the mask if it is not black and not transparent.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from engine.errors import MaskError
from engine.images.image import Image
from engine.masks.formats.files import cannot_read, replacing
from engine.masks.mask import ImageReference, Mask

_NUMBERED = re.compile(r"_f(\d{1,6})$")


def export(mask: Mask, image: Image, path: Path) -> list[Path]:
    """Write a mask; return the files. Raises ``MaskError`` on a misfit or if it cannot write.

    Of several frames only the drawn ones are written: an empty mask gives no file.
    """
    mask.check_fits(image)
    if image.frames == 1:
        _write(mask.frame(0), path)
        return [path]
    written = []
    for index, pixels in mask.frames.items():
        if pixels.any():
            numbered = frame_path(path, index)
            _write(pixels, numbered)
            written.append(numbered)
    return written


def frame_path(path: Path, frame: int) -> Path:
    """Return the file of one frame: ``NAME_f003.png`` for frame index 2."""
    return path.with_name(f"{path.stem}_f{frame + 1:03d}{path.suffix}")


def frame_of(path: Path, frames: int) -> int | None:
    """Return the frame index that a file name gives, None if it gives none of the image."""
    match = _NUMBERED.search(path.stem)
    if match and 1 <= int(match[1]) <= frames:
        return int(match[1]) - 1
    return None


def frame_named(path: Path, image: Image) -> int | None:
    """Return the frame of an image that a file name gives, None if it gives none of it.

    Where slices are left out, a number may count the series' slices or those that could be read.
    Raises ``MaskError`` unless both are one slice.
    """
    match = _NUMBERED.search(path.stem)
    if match is None or not image.left_out:
        return frame_of(path, image.frames)
    number, lost = int(match[1]) - 1, {one.place for one in image.left_out}
    places = [i for i in range(image.frames + len(lost)) if i not in lost]
    if not 0 <= number < image.frames + len(lost):
        return None
    if number in places and (number >= image.frames or places[number] == number):
        return places.index(number)
    raise cannot_read(
        path,
        f"slices are left out of the image, so the {number + 1} in its name does not say for sure "
        "which slice is meant",
        "take the number out of its name and choose the slice",
    )


def base_stem(path: Path) -> str:
    """Return ``NAME`` of ``NAME.png`` or ``NAME_f003.png``."""
    return _NUMBERED.sub("", path.stem)


def read(path: Path, image: Image, frame: int | None = None) -> Mask:
    """Read one picture as the mask of one frame: the given one, else that of the file name.

    Raises ``MaskError``: not a picture, another size, or no way to tell the frame.
    """
    if frame is None:
        frame = 0 if image.frames == 1 else frame_of(path, image.frames)
    if frame is None:
        raise cannot_read(
            path,
            f"the image has {image.frames} frames and the file's name does not say which it is of",
            "choose the frame, or name the file like NAME_f003.png",
        )
    pixels = read_pixels(path, image.shape)
    stem = base_stem(path) if image.frames > 1 else path.stem
    return Mask(ImageReference.of(image), stem or "Mask", frames={frame: pixels})


def read_pixels(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Read one picture as bool (rows, cols). Raises ``MaskError`` unless it has this shape."""
    try:
        with Pillow.open(path, formats=("PNG", "BMP", "TIFF")) as picture:
            # The header alone has been read: no size is allocated that the image does not have.
            if (picture.height, picture.width) != shape:
                raise cannot_read(
                    path,
                    f"it has {picture.width} × {picture.height} pixels and the image has "
                    f"{shape[1]} × {shape[0]}",
                    "use the mask that was drawn on this image",
                )
            return _marked(picture)
    except MaskError:
        raise
    except UnidentifiedImageError:
        raise cannot_read(path, "it is no PNG, BMP or TIFF picture", "export it as PNG") from None
    except OSError as error:
        reason = (error.strerror or "it is damaged or cut short").lower()
        raise cannot_read(path, reason, "check the file, or export it again") from None
    except Exception:
        # Pillow's decoders raise what they like on hostile bytes (SyntaxError, struct.error, ...).
        raise cannot_read(path, "it is damaged", "export it again") from None


def _marked(picture: Pillow.Image) -> NDArray[np.bool_]:
    transparent = picture.has_transparency_data
    if picture.mode in ("P", "PA", "LA", "La", "RGBa") or transparent:
        picture = picture.convert("RGBA")
    elif picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    values = np.asarray(picture)
    if values.ndim == 2:
        return np.asarray(values != 0)
    marked: NDArray[np.bool_] = (values[..., :3] != 0).any(axis=2)
    if values.shape[2] == 4:
        opaque: NDArray[np.bool_] = values[..., 3] > 0
        marked &= opaque
        # Black on nothing: the mask is in the transparency.
        return opaque if not marked.any() and not opaque.all() else marked
    return marked


def _write(pixels: NDArray[np.bool_], path: Path) -> None:
    with replacing(path) as temporary:
        picture = Pillow.fromarray(pixels.astype(np.uint8) * np.uint8(255))
        picture.save(temporary, format="PNG", optimize=False)
