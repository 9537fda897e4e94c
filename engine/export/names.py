"""Names of what is written: numbered where they are taken, and never a patient's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path

from engine.images import nifti
from engine.images.case import Series
from engine.images.image import Image
from engine.masks.formats import nrrd, png
from engine.masks.formats.files import safe_stem
from engine.masks.mask import Mask

#: Parts of a name shorter than this are left: an initial is in too many labels.
SHORTEST = 2

#: Two parts of a name written in one are looked for from this many letters on.
_JOINED = 6

#: From here on, characters are of scripts that put no spaces between words (U+2E80, CJK radicals).
_NO_SPACES = "\u2e80"

_NOT_DICOM = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nii", ".nii.gz")


def without_patient(text: str, image: Image, instead: str, also: Iterable[str] = ()) -> str:
    """Return a text for a file's name, or ``instead`` where it holds the patient's name or number.

    A part of the name counts where it stands as a word of its own; in scripts that part no words,
    and family and given name in one, anywhere. A letter and its accent may be one character or
    two, as in names of files on macOS. also: other words that must not be in it.
    """
    identity, plain = image.identity, _composed(text)
    name = _composed(identity.patient_name)
    parts = [p for p in re.split(r"[\W_]+", name) if len(p) >= SHORTEST]
    anywhere = [part for part in parts if max(part) >= _NO_SPACES]
    anywhere += [
        one + other for one, other in permutations(parts, 2) if len(one + other) >= _JOINED
    ]
    parts += map(_composed, also)
    if len(identity.patient_id) >= SHORTEST:
        parts.append(_composed(identity.patient_id))
    for part in parts:
        if re.search(rf"(?<![^\W_]){re.escape(part)}(?![^\W_])", plain, re.IGNORECASE):
            return instead
    plain = plain.casefold()
    return instead if any(part.casefold() in plain for part in anywhere) else text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def anonymous_label(mask: Mask, image: Image, also: Iterable[str] = ()) -> Mask:
    """Return a mask whose name may stand in a file's name: itself where it already may.

    also: words that must not be in it, besides the patient's name and number.
    """
    label = without_patient(mask.label, image, "Mask", also)
    if label == mask.label:
        return mask
    copy = mask.copy(id=mask.id)
    copy.label = label
    return copy


def next_number(folder: Path) -> int:
    """Return the first number above those of the cases that are in a folder already."""
    found = [0]
    if folder.is_dir():
        for path in folder.iterdir():
            match = re.match(r"case_(\d+)", path.name)
            if match:
                found.append(int(match[1]))
    return max(found) + 1


def case_name(number: int) -> str:
    """Return what a case is called on paper and in file names."""
    return f"case_{number:03d}"


def free(folder: Path, name: str) -> Path:
    """Return a path in the folder that overwrites nothing: "NAME_2.csv" where it is taken."""
    path, number = folder / name, 2
    while path.exists():
        stem, dot, ending = name.partition(".")
        path = folder / f"{stem}_{number}{dot}{ending}"
        number += 1
    return path


def source_name(image: Image) -> str:
    """Return the name of the file that an image is of, safe for any system; "" for DICOM.

    A DICOM file's name often is its patient's.
    """
    paths = image.identity.source_paths
    if image.identity.is_dicom or not paths:
        return ""
    path = paths[0]
    return safe_stem(nifti.stem(path) if nifti.is_nifti(path.name) else path.stem)


def stem(path: Path) -> str:
    """Return a file's name without its ending, also where that has two parts, or a frame's."""
    name = path.name
    if nrrd.is_nrrd(name):
        return nrrd.stem(path)
    if nifti.is_nifti(name):
        return nifti.stem(path)
    for ending in (".coco.json", ".tasks.json"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return png.base_stem(path)


def stems(image: Image, files: Iterable[Path] = ()) -> frozenset[str]:
    """Return the names of the files that an image is of, and of others, without their endings."""
    found = (stem(path) for path in (*image.identity.source_paths, *files))
    return frozenset(name for name in found if len(name) >= SHORTEST)


def to_hide(series: Iterable[Series], *, everything: bool) -> tuple[str, ...]:
    """Return the names of source files that must not be written anywhere, the longest first.

    A DICOM file's name often is its patient's; ``everything``: those of other files too.
    """
    found = {
        path.name
        for one in series
        for path in (*one.paths, *one.reference_masks, *(mask for _, mask in one.frame_masks))
        if everything or not path.name.lower().endswith(_NOT_DICOM)
    }
    return tuple(sorted(found, key=lambda name: (-len(name), name)))


def unnamed(sentence: str, hidden: Sequence[str]) -> str:
    """Return a sentence without the names of files that must not be written."""
    for name in hidden:
        if name in sentence:
            sentence = sentence.replace(name, "the file")
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("the file") else sentence
