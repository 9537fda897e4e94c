"""Reference masks that lie beside their images, told by name.

Three habits are known: ``x.png`` with ``x_mask.png``, ``x_mask_1.png`` (BUSI);
``MR_T1_image.nii.gz`` with ``MR_T1_mask.nii.gz``; sibling folders ``Images`` and ``Masks`` whose
files have the same name, or ``bus_0001-l`` and ``mask_0001-l`` (BUS-BRA).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from engine.images import nifti
from engine.images.names import natural_key

_SUFFIX = re.compile(r"^(?P<stem>.+?)[ _-](?:mask|seg|segmentation|label)(?:[ _-]?\d+)?$", re.I)
_PREFIX = re.compile(r"^(?:mask|seg|segmentation|label)[ _-](?P<stem>.+)$", re.I)
_IMAGE_SUFFIX = re.compile(r"^(?P<stem>.+?)[ _-](?:image|img)$", re.I)
_NUMBERED = re.compile(r"^[a-z]+[ _-](?P<stem>\d.*)$", re.I)
_MASK_FOLDERS = {
    "masks": ("images", "image", "imgs"),
    "mask": ("image", "images", "img"),
    "labels": ("images", "image", "imgs"),
    "segmentations": ("images", "image"),
    "labelstr": ("imagestr",),
    "annotations": ("images", "image"),
}


def stem(path: Path) -> str:
    """Return the name without its suffix, ``.nii.gz`` counting as one."""
    return nifti.stem(path) if nifti.is_nifti(path.name) else path.stem


def pair(paths: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
    """Map each image to its masks, in natural order; masks themselves are not among the keys.

    paths: raster and NIfTI files. A file named like a mask whose image is not there stays an
    image of its own.
    """
    every = list(paths)
    by_folder: dict[Path, dict[str, list[Path]]] = {}
    for path in every:
        by_folder.setdefault(path.parent, {}).setdefault(stem(path).casefold(), []).append(path)
    masks: dict[Path, Path] = {}
    for path in every:
        image = _image_of(path, by_folder)
        if image is not None and image != path:
            masks[path] = image
    # A mask of a mask (x_mask_mask.png) has no image: it is shown on its own.
    found: dict[Path, list[Path]] = {path: [] for path in every if path not in masks}
    for mask, image in masks.items():
        if image in found:
            found[image].append(mask)
        else:
            found[mask] = []
    return {
        image: tuple(sorted(own, key=lambda p: natural_key(p.name))) for image, own in found.items()
    }


def _image_of(path: Path, by_folder: dict[Path, dict[str, list[Path]]]) -> Path | None:
    own = stem(path)
    beside = by_folder[path.parent]
    suffixed = _SUFFIX.match(own)
    if suffixed is not None:
        base = suffixed["stem"].casefold()
        for candidate in (base, f"{base}_image", f"{base}_img", f"{base}-image"):
            if candidate in beside:
                return _same_kind(path, beside[candidate])
    wanted = _MASK_FOLDERS.get(path.parent.name.casefold())
    if wanted is None:
        return None
    for folder, files in by_folder.items():
        if folder.parent != path.parent.parent or folder.name.casefold() not in wanted:
            continue
        found = _in_sibling(own, files)
        if found:
            return _same_kind(path, found)
    return None


def _in_sibling(own: str, files: dict[str, list[Path]]) -> list[Path] | None:
    """Find a mask's image in the sibling folder: same name, same without "mask", same number."""
    names = [own.casefold()]
    for pattern in (_SUFFIX, _PREFIX):
        match = pattern.match(own)
        if match is not None:
            names.append(match["stem"].casefold())
    for name in names:
        if name in files:
            return files[name]
    prefixed = _PREFIX.match(own)
    if prefixed is None:
        return None
    # mask_0001-l and bus_0001-l: another word before the same number.
    for name, paths in files.items():
        numbered = _NUMBERED.match(name)
        if numbered is not None and numbered["stem"] == prefixed["stem"].casefold():
            return paths
    return None


def _same_kind(mask: Path, images: list[Path]) -> Path | None:
    """Prefer an image of the mask's own suffix; a NIfTI mask never belongs to a picture."""
    volumes = nifti.is_nifti(mask.name)
    fitting = [p for p in images if nifti.is_nifti(p.name) == volumes]
    return next((p for p in fitting if p.suffix == mask.suffix), fitting[0] if fitting else None)
