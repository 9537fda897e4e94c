"""Maps and masks from files, as stacks of frames, and which frame of each belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInputError, UnreadableImageError

_NUMPY = b"\x93NUMPY"


def read_map(path: Path) -> NDArray[Any]:
    """Read relevance, (frames, rows, cols), from .npy or NIfTI.

    Raises ``InvalidInputError`` or ``UnreadableImageError``.
    """
    kind = _kind(path)
    if kind == "npy":
        return _npy(path)
    if kind == "nifti":
        return _nifti(path)
    raise InvalidInputError(
        f"{path.name} cannot be read as a map: a map is numbers and not a picture; "
        "give the .npy file that explain wrote, or NIfTI."
    )


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask, (frames, rows, cols), from PNG, .npy or NIfTI: all that is not zero.

    Raises ``InvalidInputError`` or ``UnreadableImageError``.
    """
    kind = _kind(path)
    if kind == "npy":
        values = _npy(path)
    elif kind == "nifti":
        values = _nifti(path)
    elif kind == "png":
        values = _png(path)
    else:
        raise InvalidInputError(
            f"{path.name} cannot be read as a mask: it is neither PNG, .npy nor NIfTI; "
            "export the mask as one of these."
        )
    if not np.isfinite(values).all():
        raise InvalidInputError(f"{path.name} is no mask: it holds values that are not finite.")
    return np.asarray(values != 0)


def one_frame(
    maps: NDArray[Any], masks: NDArray[np.bool_], frame: int | None
) -> tuple[NDArray[Any], NDArray[np.bool_], str | None]:
    """Return the map (rows, cols) and mask (rows, cols) to compare, and a remark on the choice.

    A stack of one frame goes with any frame of the other. Without ``frame``, a mask that is
    painted on one frame alone says which is meant; nothing else is guessed.
    Raises ``InvalidInputError``.
    """
    if maps.shape[1:] != masks.shape[1:]:
        turned = maps.shape[1:] == masks.shape[:0:-1]
        raise InvalidInputError(
            f"The map is {_size(maps)} (rows × cols) and the mask {_size(masks)}; they have to be "
            f"of the same image{', and one seems to be turned' if turned else ''}."
        )
    frames = max(len(maps), len(masks))
    if len(maps) != len(masks) and min(len(maps), len(masks)) > 1:
        raise InvalidInputError(
            f"The map has {len(maps)} frames and the mask {len(masks)}; "
            "they have to be of the same image."
        )
    remark = None
    if frame is None:
        painted = np.flatnonzero(masks.any(axis=(1, 2)))
        if frames == 1 or (len(masks) > 1 and painted.size == 0):
            frame = 0
        elif len(masks) > 1 and painted.size == 1:
            frame = int(painted[0])
            remark = f"Frame {frame} is scored, the only one on which the mask is painted."
        else:
            where = f"; the mask is painted on {_list(painted)}" if len(masks) > 1 else ""
            raise InvalidInputError(
                f"There are {frames} frames (0 to {frames - 1}){where}: say which with --frame."
            )
    elif not 0 <= frame < frames:
        raise InvalidInputError(
            f"There is no frame {frame}; the map and mask have frames 0 to {frames - 1}."
        )
    return (
        maps[frame if len(maps) > 1 else 0],
        masks[frame if len(masks) > 1 else 0],
        remark,
    )


def _kind(path: Path) -> str:
    from engine.images.reader import sniff

    try:
        with path.open("rb") as file:
            head = file.read(8)
    except IsADirectoryError:
        raise InvalidInputError(f"{path} is a folder; give a file.") from None
    if head.startswith(_NUMPY):
        return "npy"
    if head.startswith(b"\x89PNG"):
        return "png"
    return sniff(path)


def _npy(path: Path) -> NDArray[Any]:
    try:
        # Mapped, a header that announces more than the file holds is refused before anything is
        # allocated.
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError):
        raise InvalidInputError(
            f"{path.name} cannot be read: it is damaged, or holds objects instead of numbers; "
            "write it again with numpy.save."
        ) from None
    if values.dtype.kind not in "fiub" or values.ndim not in (2, 3) or values.size == 0:
        raise InvalidInputError(
            f"{path.name} holds {values.dtype} of shape {values.shape}; needed are real numbers, "
            "(rows, cols) or (frames, rows, cols)."
        )
    return np.asarray(values if values.ndim == 3 else values[None])


def _nifti(path: Path) -> NDArray[Any]:
    from engine.images import nifti

    volumes = nifti.read_header(path).volumes
    if volumes > 1:
        raise InvalidInputError(f"{path.name} holds {volumes} volumes; give a file with one.")
    image = nifti.read(path)
    if image.is_colour:
        raise InvalidInputError(f"{path.name} holds colours; needed is one number a voxel.")
    return image.pixels


def _png(path: Path) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    from engine.images import limits

    try:
        with Image.open(path) as picture:
            limits.check(path, (1, picture.height, picture.width), 4)
            if "A" in picture.getbands() or "transparency" in picture.info:
                # What is transparent is not painted, whatever colour lies under it.
                planes = np.asarray(picture.convert("RGBA"))
                return np.asarray(planes[..., :3].any(axis=-1) & (planes[..., 3] > 0))[None]
            values = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        raise UnreadableImageError(path, "it is damaged or cut short", "export it again") from None
    return values[None] if values.ndim == 2 else np.any(values, axis=-1)[None]


def _size(stack: NDArray[Any]) -> str:
    return f"{stack.shape[1]} × {stack.shape[2]}"


def _list(frames: NDArray[np.integer]) -> str:
    shown = ", ".join(map(str, frames[:8]))
    return shown + (f" and {frames.size - 8} more" if frames.size > 8 else "")
