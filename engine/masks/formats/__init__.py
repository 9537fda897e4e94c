"""Masks to files and back, one file a format."""

from __future__ import annotations

from pathlib import Path

from engine.images.image import Image
from engine.images.nifti import is_nifti
from engine.masks.formats import coco, label_studio, nifti, nrrd, png, sidecar
from engine.masks.formats.export import Exported, export_all
from engine.masks.formats.files import cannot_read, read_json
from engine.masks.formats.write import ENDINGS, FORMATS, ExchangeFormat, write
from engine.masks.mask import Mask

__all__ = ["ENDINGS", "FORMATS", "ExchangeFormat", "Exported", "export_all", "read", "write"]


def read(
    path: Path, image: Image, frame: int | None = None, kind: ExchangeFormat | None = None
) -> list[Mask]:
    """Read the masks of a file: PNG (BMP, TIFF), NIfTI, NRRD, DICOM Segmentation, or JSON.

    JSON is a sidecar, COCO, or Label Studio's, told by its content. A picture or a volume whose
    sidecar ``NAME.json`` lies beside it and names it gets its label, colour and author from
    there. frame: for a picture whose name does not tell its frame. kind: None to tell it from
    the file. Raises ``MaskError``.
    """
    kind = kind or _told(path)
    if kind is None:
        return _json(path, image)
    if kind == "coco":
        return coco.read(path, image)
    if kind == "label-studio":
        return label_studio.read(path, image)
    if kind == "dicom-seg":
        from engine.masks.formats import dicom_seg_read

        return dicom_seg_read.read(path, image)
    if kind == "nifti":
        masks = nifti.read_labels(path, image)
    elif kind == "nrrd":
        masks = nrrd.read(path, image)
    else:
        told = sidecar.frame_of(path, image)
        told = png.frame_named(path, image) if told is None else told
        masks = [png.read(path, image, frame if told is None else told)]
    if len(masks) == 1:
        sidecar.restore_attributes(masks[0], path)
    return masks


def _told(path: Path) -> ExchangeFormat | None:
    """Tell the format by the name, or by the first bytes where that says nothing; None is JSON."""
    name = path.name.lower()
    if name.endswith(".json"):
        return None
    if is_nifti(name):
        return "nifti"
    if nrrd.is_nrrd(name):
        return "nrrd"
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return "png"  # whose reader says why it cannot be opened
    if head[128:] == b"DICM":
        return "dicom-seg"
    return "nrrd" if head.startswith(b"NRRD000") else "png"


def _json(path: Path, image: Image) -> list[Mask]:
    data = read_json(path)
    if coco.recognise(data):
        return coco.from_data(path, data, image)
    if label_studio.recognise(data):
        return label_studio.from_data(path, data, image)
    if isinstance(data, dict) and data.get("format") == sidecar.FORMAT:
        return [sidecar.read(path, image)]
    raise cannot_read(
        path,
        "it does not describe a mask",
        "choose the JSON beside a mask, COCO instances or Label Studio's tasks",
    )
