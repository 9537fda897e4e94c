"""NIfTI-1, gzipped: one volume a sequence, the mask as a volume on the same grid."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from training.phantom.study import Sequence, Study
from training.phantom.writers import Written

_THIN_MM = 1.0
"""Slice thickness given to a single ultrasound plane."""


def write(study: Study, images: Path, masks: Path) -> list[Written]:
    """Write every sequence as ``PATIENT_SEQUENCE.nii.gz``."""
    images.mkdir(parents=True, exist_ok=True)
    written = []
    for sequence in study.sequences:
        stem = f"{study.patient}_{sequence.name.replace(' ', '')}"
        affine = voxel_affine(sequence)
        path = images / f"{stem}.nii.gz"
        _save(sequence.pixels, affine, path, sequence.name)
        mask = None
        if sequence.masks.any():
            masks.mkdir(parents=True, exist_ok=True)
            mask = masks / f"{stem}_mask.nii.gz"
            _save(sequence.masks.astype(np.uint8), affine, mask, "lesion mask")
        for index in range(len(sequence.pixels)):
            here = mask if sequence.masks[index].any() else None
            written.append(Written(path, index, here, sequence, index))
    return written


def voxel_affine(sequence: Sequence) -> NDArray[np.float64]:
    """Return (4, 4), voxel (i, j, k) = (col, row, frame) to RAS mm.

    Columns run to the patient's left and rows to the back, hence the signs.
    """
    row, col = sequence.spacing
    depth = sequence.slice_spacing or _THIN_MM
    x, y, z = sequence.origin
    return np.array(
        [[-col, 0, 0, -x], [0, -row, 0, -y], [0, 0, depth, z], [0, 0, 0, 1]], np.float64
    )


def _save(frames: NDArray[Any], affine: NDArray[np.float64], path: Path, text: str) -> None:
    image: Any = nib.Nifti1Image(  # type: ignore[no-untyped-call]
        np.ascontiguousarray(np.transpose(frames, (2, 1, 0))), affine
    )
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = f"phantom {text}"
    image.header.set_dim_info(slice=2)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    # No time stamp in the gzip header: the same phantom is the same file.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(image.to_bytes())
