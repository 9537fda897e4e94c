"""NRRD files: the header's lines and the voxels, read within bounds and written.

Format: teem.sourceforge.net/nrrd/format.html. Read are numbers of any kind, raw or gzip, in the
file itself or in one beside it, with up to one axis that is not of space.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import UnreadableImageError
from engine.images import limits
from engine.masks.formats.files import cannot_read, replacing

#: Segment descriptions of other programs take some kilobytes each.
MAX_HEADER_BYTES = 4 * 2**20

_EXPORT = "export it again"
_GZIP = 16 + zlib.MAX_WBITS

_TYPES = {
    "int8": ("signed char", "int8", "int8_t"),
    "uint8": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "int16": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "uint16": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "int32": ("int", "signed int", "int32", "int32_t"),
    "uint32": ("uint", "unsigned int", "uint32", "uint32_t"),
    "int64": ("longlong", "long long", "long long int", "signed long long",
              "signed long long int", "int64", "int64_t"),
    "uint64": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "float32": ("float",),
    "float64": ("double",),
}  # fmt: skip
_DTYPES = {name: dtype for dtype, names in _TYPES.items() for name in names}

#: To RAS from each of the patient spaces: the signs of the first two axes.
_SPACES = {
    "left-posterior-superior": (-1.0, -1.0),
    "lps": (-1.0, -1.0),
    "right-anterior-superior": (1.0, 1.0),
    "ras": (1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0),
    "las": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Voxels:
    """What a file holds.

    values: (layers, i, j, k); layers are what the axis outside space has, else one.
    affine: (i, j, k, 1) to RAS, mm; None where the file does not say.
    fields: the free ``key:=value`` pairs.
    """

    values: NDArray[np.generic]
    affine: NDArray[np.float64] | None
    fields: Mapping[str, str]


def write(
    path: Path,
    voxels: NDArray[np.uint8],
    affine: NDArray[np.float64] | None,
    spacing: tuple[float, float, float] | None,
    fields: Mapping[str, str],
) -> None:
    """Write bytes (i, j, k) or (i, j, k, time), gzip, placed in LPS.

    affine: (i, j, k, 1) to LPS, mm; None writes the spacing alone. Raises ``MaskError``.
    """
    lines = [
        "NRRD0005",
        "type: unsigned char",
        f"dimension: {voxels.ndim}",
        f"sizes: {' '.join(map(str, voxels.shape))}",
        f"kinds: {' '.join(['domain'] * 3 + ['list'] * (voxels.ndim - 3))}",
        "encoding: gzip",
    ]
    if affine is not None:
        vectors = [_vector(affine[:3, axis]) for axis in range(3)]
        lines += [
            "space: left-posterior-superior",
            f"space directions: {' '.join(vectors + ['none'] * (voxels.ndim - 3))}",
            f"space origin: {_vector(affine[:3, 3])}",
            'space units: "mm" "mm" "mm"',
        ]
    elif spacing is not None:
        sizes = [repr(float(s)) for s in spacing] + ["nan"] * (voxels.ndim - 3)
        lines.append(f"spacings: {' '.join(sizes)}")
    lines += [f"{key}:={_escaped(value)}" for key, value in fields.items()]
    squeeze = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    data = squeeze.compress(voxels.tobytes(order="F")) + squeeze.flush()
    with replacing(path) as temporary:
        temporary.write_bytes(("\n".join(lines) + "\n\n").encode() + data)


def read(path: Path) -> Voxels:
    """Read a file; sizes are checked against ``engine.images.limits`` before any allocation.

    Raises ``MaskError``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(MAX_HEADER_BYTES)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise cannot_read(path, reason, "check that it exists and may be read") from None
    if not head.startswith(b"NRRD000"):
        raise cannot_read(path, "it is no NRRD file", _EXPORT)
    end = re.search(rb"\r?\n\r?\n", head)
    detached = end is None and b"data file" in head.lower()
    if end is None and not detached:
        raise cannot_read(path, "its header has no end", _EXPORT)
    text = head[: end.start()] if end is not None else head
    header, fields = _lines(text.decode("utf-8", "replace"))
    try:
        return _voxels(path, header, fields, end.end() if end is not None else 0)
    except (KeyError, ValueError, OverflowError):
        raise cannot_read(path, "its header is damaged or incomplete", _EXPORT) from None
    except UnreadableImageError as error:
        raise cannot_read(path, error.reason, error.advice) from None


def _lines(text: str) -> tuple[dict[str, str], dict[str, str]]:
    header: dict[str, str] = {}
    fields: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        if line.startswith("#"):
            continue
        pair, described = line.find(":="), line.find(": ")
        if pair >= 0 and (described < 0 or pair < described):
            fields[line[:pair]] = line[pair + 2 :].replace("\\n", "\n").replace("\\\\", "\\")
        elif described >= 0:
            header[line[:described].strip().lower()] = line[described + 2 :].strip()
    return header, fields


def _voxels(path: Path, header: dict[str, str], fields: dict[str, str], start: int) -> Voxels:
    kind = header["type"].lower()
    if kind not in _DTYPES:
        raise cannot_read(path, "its voxels are no numbers", "export it as labels")
    dtype = np.dtype(_DTYPES[kind])
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(">" if header["endian"].lower() == "big" else "<")
    sizes = [int(size) for size in header["sizes"].split()]
    if len(sizes) != int(header["dimension"]) or not 2 <= len(sizes) <= 4:
        raise cannot_read(path, f"it has {len(sizes)} axes", "export it with three")
    if min(sizes) < 1:
        raise ValueError("a size below 1")
    limits.check(path, (prod(sizes[2:]), sizes[1], sizes[0]), dtype.itemsize)
    raw = _data(path, header, start, prod(sizes) * dtype.itemsize)
    array = np.frombuffer(raw, dtype).reshape(sizes, order="F")
    vectors = _vectors(header.get("space directions", ""))
    if vectors and len(vectors) != len(sizes):
        raise ValueError("one direction an axis")
    outside = [axis for axis, vector in enumerate(vectors) if vector is None]
    if len(sizes) == 4 and not vectors:
        kinds = header.get("kinds", "").lower().split()
        outside = [a for a, k in enumerate(kinds) if k not in ("domain", "space")] or [3]
    if len(sizes) == 2:
        array = array[:, :, None]
    elif len(sizes) - len(outside) != 3:
        raise cannot_read(path, "it has not three axes in space", "export it as a volume")
    values = np.moveaxis(array, outside[0], 0) if outside else array[None]
    return Voxels(values, _affine(header, vectors), fields)


def _affine(
    header: dict[str, str], vectors: list[tuple[float, ...] | None]
) -> NDArray[np.float64] | None:
    signs = _SPACES.get(header.get("space", "").lower())
    within = [vector for vector in vectors if vector is not None]
    if signs is None or len(within) != 3 or "space origin" not in header:
        return None
    (origin,) = _vectors(header["space origin"])
    if origin is None or len(origin) != 3 or any(len(v) != 3 for v in within):
        raise ValueError("places have three coordinates")
    affine = np.eye(4)
    affine[:3, :3] = np.array(within).T
    affine[:3, 3] = origin
    affine = np.diag([*signs, 1.0, 1.0]) @ affine
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
        raise ValueError("the directions span no volume")
    return np.asarray(affine)


def _vectors(text: str) -> list[tuple[float, ...] | None]:
    found = re.findall(r"none|\([^)]*\)", text)
    return [
        None if word == "none" else tuple(float(n) for n in word[1:-1].split(",")) for word in found
    ]


def _data(path: Path, header: dict[str, str], start: int, size: int) -> bytes:
    """Return exactly ``size`` bytes of voxels, however far the file would inflate."""
    name = header.get("data file", header.get("datafile", "LOCAL"))
    source = path
    if name.upper() != "LOCAL":
        if Path(name).name != name or "\\" in name or " " in name or "%" in name:
            raise cannot_read(
                path, "its voxels are in several files or another folder", "export it as one file"
            )
        source, start = path.with_name(name), 0
    encoding = header["encoding"].lower()
    skipped = int(header.get("byte skip", header.get("byteskip", "0")))
    if encoding not in ("raw", "gzip", "gz") or skipped < 0 or "line skip" in header:
        raise cannot_read(
            path, f"its encoding “{encoding[:20]}” is not read here", "export it as gzip or raw"
        )
    try:
        with source.open("rb") as file:
            file.seek(start + (skipped if encoding == "raw" else 0))
            if encoding == "raw":
                data = file.read(size)
            else:
                inflater = zlib.decompressobj(_GZIP)
                block, parts, got = file.read(1 << 20), [], 0
                while block and got < size:
                    parts.append(inflater.decompress(block, size - got))
                    got += len(parts[-1])
                    block = inflater.unconsumed_tail or file.read(1 << 20)
                data = b"".join(parts)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise cannot_read(source, reason, "copy it beside its header") from None
    except zlib.error:
        raise cannot_read(path, "its voxels are damaged", _EXPORT) from None
    if len(data) != size:
        raise cannot_read(path, "it is cut short", _EXPORT)
    return data


def _vector(numbers: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(n)) for n in numbers)})"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
