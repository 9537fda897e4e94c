"""BUSI breast ultrasound (Al-Dhabyani et al. 2020): benign, malignant and normal images."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.duplicates import join, near_duplicates_of_files
from training.datasets.record import Dataset, Record

CLASSES = ("benign", "malignant")
"""What is learned by default; ("normal", "benign", "malignant") is the other choice."""

NORMAL = "normal"

KNOWN = (NORMAL, "benign", "malignant")

GROUPS_FILE = "near_duplicates.txt"
"""Groups of near-identical images known to whoever made the copy: names, tab-separated."""

CITATION = (
    "Al-Dhabyani W, Gomaa M, Khaled H, Fahmy A. Dataset of breast ultrasound images. "
    "Data in Brief 28:104863, 2020. doi:10.1016/j.dib.2019.104863"
)


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return BUSI as published: ``benign/benign (1).png`` with ``benign/benign (1)_mask.png``.

    Near-identical images, both those listed in ``near_duplicates.txt`` and those found here,
    share a group. There are no patient identifiers. Masks of normal images are empty files. Where
    "normal" is none of the classes, these images are the unlabelled ones.
    """
    classes = classes or CLASSES
    unknown = [c for c in classes if c not in KNOWN]
    if unknown:
        raise InvalidInputError(
            f"BUSI has no class {unknown[0]!r}; choose among {', '.join(KNOWN)}."
        )
    images = [image for label in classes for image in _images(data, label)]
    if not images:
        raise InvalidInputError(f"{data} holds no PNG images; give BUSI's folder with --data.")
    pairs = _near_identical(data, [path for path, _, _ in images])
    leaders = join(len(images), pairs)
    records = tuple(
        _record(image, f"busi:{images[leader][0].stem}")
        for image, leader in zip(images, leaders, strict=True)
    )
    joined = len(images) - len(set(leaders))
    return Dataset(
        name="busi",
        classes=classes,
        records=records,
        citations=(CITATION,),
        licence="CC0-1.0 on the usual re-host",
        notes=(f"{joined} images are near-identical to another and stay in its fold.",),
        lesion_free=(NORMAL,),
        unlabelled=tuple if NORMAL in classes else partial(_unlabelled, data, images),
    )


_Found = tuple[Path, str, tuple[Path, ...]]
"""An image, its label, its masks."""


def _images(data: Path, label: str) -> list[_Found]:
    folder = data / label
    if not folder.is_dir():
        raise InvalidInputError(
            f"{data} is not BUSI: there is no folder {label!r} in it; "
            "give the folder that holds benign, malignant and normal with --data."
        )
    masks: dict[str, list[Path]] = {}
    found = []
    for path in folder.glob("*.png"):
        stem, mask, _ = path.stem.partition("_mask")
        if mask:
            masks.setdefault(stem, []).append(path)
        else:
            found.append(path)
    found.sort(key=_number)
    return [(p, label, tuple(sorted(masks.get(p.stem, ())))) for p in found]


def _near_identical(data: Path, paths: list[Path]) -> list[tuple[int, int]]:
    """Return the pairs of near-identical images, found and listed."""
    pairs = near_duplicates_of_files(paths)
    index = {path.stem: i for i, path in enumerate(paths)}
    listed = data / GROUPS_FILE
    if listed.is_file():
        for line in listed.read_text("utf-8").splitlines():
            known = [index[n] for n in map(str.strip, line.split("\t")) if n in index]
            pairs += [(known[0], other) for other in known[1:]]
    return pairs


def _unlabelled(data: Path, images: list[_Found]) -> tuple[Record, ...]:
    """Return the normal images, without those near-identical to one that a fold is tested on."""
    if not (data / NORMAL).is_dir():
        return ()
    normal = _images(data, NORMAL)
    paths = [path for path, _, _ in (*images, *normal)]
    leaders = join(len(paths), _near_identical(data, paths))
    taken = set(leaders[: len(images)])
    return tuple(
        _record(image, f"busi:{paths[leader].stem}")
        for image, leader in zip(normal, leaders[len(images) :], strict=True)
        if leader not in taken
    )


def _record(image: _Found, group: str) -> Record:
    path, label, masks = image
    # The masks of normal images are black pictures, not worth a file read.
    empty = label == NORMAL
    kept = () if empty else masks
    return Record(path, 0, label, "", "US", "", kept, group, known_empty=empty)


def _number(path: Path) -> tuple[int, str]:
    match = re.search(r"\((\d+)\)", path.stem)
    return (int(match.group(1)) if match else 0, path.name)
