"""NIfTI-1 and -2: .nii, .nii.gz, .hdr + .img (also of Analyze's time), 3-D and 4-D.

Frames are cut from the voxel array as ``engine.images.voxels`` says; ``VoxelLayout`` keeps how
they lie in the file, so that a mask goes back onto its very grid.
"""

from __future__ import annotations

import gzip
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from itertools import permutations
from math import prod
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Header, Nifti1Image, Nifti1Pair
from nibabel.nifti2 import Nifti2Header, Nifti2Image, Nifti2Pair
from numpy.typing import NDArray

from engine.errors import UnreadableImageError
from engine.images import limits
from engine.images.image import Display, Geometry, Identity, Image, VoxelLayout
from engine.images.names import readable
from engine.images.voxels import anatomical_axes, frame_affines, radiological, to_frames
from engine.progress import Progress

ANISOTROPY = 1.2
"""An axis this much coarser than the middle one is the one the slices were acquired along."""

MAX_VOLUMES = 4096
"""Volumes of one file; diffusion and functional series have hundreds."""

_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 1e-3}  # NIFTI_UNITS_METER, _MM, _MICRON
_DAMAGED = "download or export it again"


@dataclass(frozen=True)
class Header:
    """What the header says. ``shape``: three spatial sizes; ``volumes``: all further ones.

    ``affine``: voxel index to RAS in the file's own unit. ``oriented``: whether the file gives
    a qform or sform at all; without one the affine is a guess. ``mm``: millimetres per unit.
    """

    shape: tuple[int, int, int]
    volumes: int
    zooms: tuple[float, float, float]
    affine: NDArray[np.float64]
    oriented: bool
    slice_axis: int | None
    mm: float
    dtype: np.dtype[Any]
    description: str


def is_nifti(name: str) -> bool:
    """Whether a file name is one that NIfTI files have."""
    return name.lower().endswith((".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz"))


def stem(path: Path) -> str:
    """Return the file name without ``.nii`` and ``.gz``."""
    name = path.name
    for suffix in (".gz", ".nii", ".hdr", ".img"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def _pair(path: Path) -> tuple[Path, Path | None]:
    """Return (header file, data file or None when both are one)."""
    name = path.name
    lower = name.lower()
    for suffix in (".hdr", ".hdr.gz", ".img", ".img.gz"):
        if lower.endswith(suffix):
            base, own = name[: -len(suffix)], name[-len(suffix) :]
            swapped = [suffix.replace(suffix[1:4], part) for part in ("hdr", "img")]
            upper = own.isupper()
            header, data = (path.with_name(base + (s.upper() if upper else s)) for s in swapped)
            for part, what in ((header, "header"), (data, "data")):
                if not part.exists():
                    raise UnreadableImageError(
                        path,
                        f"its {what} file {readable(part.name)} is missing",
                        "keep the .hdr and .img files together",
                    )
            return header, data
    return path, None


def _open_bytes(path: Path, count: int) -> bytes:
    """Read up to ``count`` bytes, unpacking gzip by content; never more than that."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not zipped:
            return raw.read(count)
        with gzip.GzipFile(fileobj=raw) as stream:
            return stream.read(count)


def _raw_header(path: Path, content: bytes) -> Any:
    first: Any = Nifti1Header
    second: Any = Nifti2Header
    for order in ("<", ">"):
        size = int(np.frombuffer(content[:4], f"{order}i4")[0]) if len(content) >= 4 else 0
        if size == 540 and len(content) >= 540:
            return second.from_fileobj(BytesIO(content[:540]), check=False)
        if size == 348 and len(content) >= 348:
            magic = content[344:348].rstrip(b"\0")
            if magic not in (b"n+1", b"ni1"):
                raise UnreadableImageError(
                    path,
                    "its header is of the older Analyze format, which does not say where left is",
                    "convert it to NIfTI with a tool that knows its orientation",
                )
            return first.from_fileobj(BytesIO(content[:348]), check=False)
    raise UnreadableImageError(
        path, "its content is no NIfTI header", "check that it is what its name says"
    )


def read_header(path: Path) -> Header:
    """Read and check the header alone. Raises ``UnreadableImageError``."""
    try:
        header_path, _ = _pair(path)
        raw = _raw_header(path, _open_bytes(header_path, 540))
        return _checked(path, raw)
    except UnreadableImageError:
        raise
    except OSError as error:
        raise _system(path, error) from None
    except (EOFError, zlib.error):
        raise UnreadableImageError(path, "its gzip stream is damaged", _DAMAGED) from None
    except (ValueError, TypeError, KeyError, nib.spatialimages.HeaderDataError) as _:
        raise UnreadableImageError(path, "its header is damaged", _DAMAGED) from None


def _system(path: Path, error: OSError) -> UnreadableImageError:
    if error.errno is None:  # gzip.BadGzipFile, nibabel's short reads
        return UnreadableImageError(path, "it is damaged or cut short", _DAMAGED)
    return UnreadableImageError.refused(path, error)


def _checked(path: Path, raw: Any) -> Header:
    dims = [int(v) for v in raw["dim"]]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise UnreadableImageError(path, "its header announces no sensible dimensions", _DAMAGED)
    sizes = dims[1 : dims[0] + 1] + [1] * (3 - dims[0])
    shape = (sizes[0], sizes[1], sizes[2])
    volumes = 1
    for size in sizes[3:]:
        volumes *= size
    if volumes > MAX_VOLUMES:
        raise UnreadableImageError(
            path,
            f"its header announces {volumes} volumes, more than the limit of {MAX_VOLUMES}",
            "check that the file is intact, or export it in parts",
        )
    dtype = raw.get_data_dtype()
    # Whichever axis becomes the frames, each face must be within the limit of a frame.
    for axes in permutations(range(3)):
        frames, rows, cols = (shape[axis] for axis in axes)
        limits.check(path, (frames, rows, cols), dtype.itemsize)
    offset = float(raw["vox_offset"])
    if not 0 <= offset <= limits.MAX_HEADER_BYTES:
        raise UnreadableImageError(
            path, "its header places the pixels at an impossible offset", _DAMAGED
        )
    affine = np.asarray(raw.get_best_affine(), np.float64)
    oriented = bool(raw["qform_code"] > 0 or raw["sform_code"] > 0)
    if oriented and (not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12):
        oriented = False
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    pixdim = [float(v) for v in raw["pixdim"][1:4]]
    zooms = tuple(abs(v) if np.isfinite(v) and v != 0 else 0.0 for v in pixdim)
    if oriented:
        # The sform may hold other voxel sizes than pixdim; what places the voxels counts.
        zooms = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    slice_axis = raw.get_dim_info()[2]
    unit = int(raw["xyzt_units"]) & 7
    return Header(
        shape=shape,
        volumes=volumes,
        zooms=(zooms[0], zooms[1], zooms[2]),
        affine=affine,
        oriented=oriented,
        slice_axis=slice_axis if slice_axis in (0, 1, 2) else None,
        mm=_MM_PER_UNIT.get(unit, 1.0),
        dtype=dtype,
        description=bytes(raw["descrip"].item()).rstrip(b"\0").decode("latin-1").strip(),
    )


def default_axis(header: Header) -> int:
    """Return the voxel axis to slice along.

    The clearly coarsest axis, else the one the header names as slice axis, else foot-head.
    """
    zooms, shape = header.zooms, header.shape
    if min(shape) == 1:  # a single slice, whatever its thickness
        return int(np.argmin(shape)) if shape[2] > 1 else 2
    order = sorted(range(3), key=lambda axis: zooms[axis])
    if min(zooms) > 0 and zooms[order[2]] > ANISOTROPY * zooms[order[1]]:
        return order[2]
    if header.slice_axis is not None:
        return header.slice_axis
    return anatomical_axes(header.affine)[0][2]


def layout(header: Header, axis: int) -> VoxelLayout:
    """Say how frames sliced along a voxel axis lie in the file, in radiological orientation."""
    axes, flips = radiological(header.affine, axis)
    return VoxelLayout(header.shape, header.affine, axes, flips)


def read(
    path: Path, *, axis: int | None = None, volume: int = 0, progress: Progress | None = None
) -> Image:
    """Read one volume, sliced along a voxel axis (``default_axis`` by default).

    axis: 0, 1 or 2. volume: index over all dimensions beyond the third.
    Integers without scaling keep their type; scaled and 64-bit values become float32.
    Raises ``UnreadableImageError``.
    """
    header = read_header(path)
    if axis is not None and axis not in (0, 1, 2):
        raise ValueError(f"axis must be 0, 1 or 2, not {axis}")
    if not 0 <= volume < header.volumes:
        raise UnreadableImageError(
            path,
            f"it has {header.volumes} volumes and no number {volume + 1}",
            "choose a volume that it has",
        )
    if progress is not None:
        progress.report(0.0, readable(path.name))
    notes: list[str] = []
    voxels = _voxels(path, header, volume, notes)
    where = layout(header, default_axis(header) if axis is None else axis)
    frames = to_frames(voxels, where)
    if progress is not None:
        progress.report(1.0, readable(path.name))
    if header.volumes > 1:
        notes.append(f"Volume {volume + 1} of {header.volumes}.")
    return Image(
        pixels=frames,
        geometry=_geometry(header, where, notes),
        identity=Identity(source_paths=(path,), volume=volume if header.volumes > 1 else None),
        display=Display(),
        title=readable(stem(path)),
        notes=tuple(notes),
    )


def _geometry(header: Header, where: VoxelLayout, notes: list[str]) -> Geometry:
    frame, row, col = where.axes
    zooms = [zoom * header.mm for zoom in header.zooms]
    spacing = (zooms[row], zooms[col]) if zooms[row] > 0 and zooms[col] > 0 else None
    if not header.oriented:
        notes.append("The file does not say how the patient lies, so the sides are not labelled.")
        return Geometry(spacing, None, zooms[frame] or None, where)
    affines = frame_affines(where, header.mm)
    # Distance between planes: along the normal, which differs from the voxel axis under shear.
    normal = np.cross(affines[0, :3, 1], affines[0, :3, 0])
    normal /= np.linalg.norm(normal)
    return Geometry(spacing, affines, abs(float(normal @ affines[0, :3, 2])), where)


def _voxels(path: Path, header: Header, volume: int, notes: list[str]) -> NDArray[Any]:
    """Read one volume as (i, j, k[, 3])."""
    header_path, data_path = _pair(path)
    try:
        _check_length(path, data_path or header_path, header)
        with ExitStack() as opened:
            proxy = _proxy(header_path, data_path, opened)
            if header.volumes == 1:
                block = np.asanyarray(proxy)
            else:
                # Volumes are contiguous: the slice reads only its own bytes (and, in a gzip
                # stream, unpacks those before it without keeping them).
                further = np.unravel_index(volume, proxy.shape[3:], order="F")
                block = np.asanyarray(proxy[(slice(None),) * 3 + tuple(int(i) for i in further)])
            block = block.reshape(header.shape, order="F")
    except OSError as error:
        raise _system(path, error) from None
    except MemoryError:
        raise UnreadableImageError.too_large(path) from None
    except (EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError) as _:
        raise UnreadableImageError(path, "it is damaged or cut short", _DAMAGED) from None
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError):
        raise UnreadableImageError(path, "its header is damaged", _DAMAGED) from None
    return _values(path, block, notes)


DEFLATE_RATIO = 1032
"""What one byte of a deflate stream can at most unpack to."""


def _check_length(path: Path, data: Path, header: Header) -> None:
    """Refuse files that cannot hold what they announce, before that much is allocated."""
    announced = prod(header.shape) * header.volumes * header.dtype.itemsize
    with data.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    size = data.stat().st_size
    if size * (DEFLATE_RATIO if zipped else 1) < announced:
        raise UnreadableImageError(
            path, "it is cut short: its header announces more voxels than it holds", _DAMAGED
        )


def _proxy(header_path: Path, data_path: Path | None, opened: ExitStack) -> Any:
    """Open by content, not by name: a .nii may be gzipped and a .gz may not be."""
    # nibabel decides on unpacking by the suffix, so handles that are already right are passed.
    start = _open_bytes(header_path, 4)
    second = 540 in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))
    image_class: Any
    if data_path is None:
        image_class = Nifti2Image if second else Nifti1Image
        names = {"image": header_path}
    else:
        image_class = Nifti2Pair if second else Nifti1Pair
        names = {"header": header_path, "image": data_path}
    files = {
        name: nib.fileholders.FileHolder(fileobj=_handle(path, opened))
        for name, path in names.items()
    }
    return image_class.from_file_map(files, mmap=False).dataobj


def _handle(path: Path, opened: ExitStack) -> Any:
    raw = opened.enter_context(path.open("rb"))
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return opened.enter_context(gzip.GzipFile(fileobj=raw)) if zipped else raw


def _values(path: Path, block: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    """Bring a block to a type that the rest of the program works with."""
    if block.dtype.fields is not None:  # RGB24, RGBA32
        return np.asarray(np.stack([block[name] for name in ("R", "G", "B")], axis=-1))
    kind = block.dtype.kind
    values: NDArray[Any]
    if kind == "c":
        notes.append("Its complex values are shown as magnitude.")
        return np.asarray(np.abs(block)).astype(np.float32)
    if kind in "iu":
        values = block.astype(block.dtype.newbyteorder("="), copy=False)
        if values.dtype.itemsize <= 4:
            return values
        low, high = int(block.min()), int(block.max())
        for small in (np.int32, np.uint32):
            info = np.iinfo(small)
            if info.min <= low and high <= info.max:
                return values.astype(small)
        return values.astype(np.float32)
    if kind != "f":
        raise UnreadableImageError(
            path, "its data type is not one of pixels", "convert it to integers or floats"
        )
    with np.errstate(over="ignore"):
        values = block.astype(np.float32)
    if not np.isfinite(values).all():
        notes.append("It holds values that are not numbers; they are shown as black.")
    return values
