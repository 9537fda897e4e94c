"""BUSI breast ultrasound (Al-Dhabyani et al. 2020): benign, malignant and normal images."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import InvalidInputError
from training.datasets.duplicates import join, near_duplicates_of_files
from training.datasets.record import Dataset, Record

CLASSES = ("benign", "malignant")
"""What is learned by default; ("normal", "benign", "malignant") is the other choice."""

KNOWN = ("normal", "benign", "malignant")

GROUPS_FILE = "near_duplicates.txt"
"""Groups of near-identical images known to whoever made the copy: names, tab-separated."""

CITATION = (
    "Al-Dhabyani W, Gomaa M, Khaled H, Fahmy A. Dataset of breast ultrasound images. "
    "Data in Brief 28:104863, 2020. doi:10.1016/j.dib.2019.104863"
)


def load(data: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Return BUSI as published: ``benign/benign (1).png`` with ``benign/benign (1)_mask.png``.

    Near-identical images, both those listed in ``near_duplicates.txt`` and those found here,
    share a group. There are no patient identifiers. Masks of normal images are empty files.
    """
    classes = classes or CLASSES
    unknown = [c for c in classes if c not in KNOWN]
    if unknown:
        raise InvalidInputError(
            f"BUSI has no class {unknown[0]!r}; choose among {', '.join(KNOWN)}."
        )
    images: list[tuple[Path, str, tuple[Path, ...]]] = []
    for label in classes:
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
        images += [(p, label, tuple(sorted(masks.get(p.stem, ())))) for p in found]
    paths = [path for path, _, _ in images]
    if not paths:
        raise InvalidInputError(f"{data} holds no PNG images; give BUSI's folder with --data.")
    pairs = near_duplicates_of_files(paths)
    index = {path.stem: i for i, path in enumerate(paths)}
    listed = data / GROUPS_FILE
    if listed.is_file():
        for line in listed.read_text("utf-8").splitlines():
            known = [index[n] for n in map(str.strip, line.split("\t")) if n in index]
            pairs += [(known[0], other) for other in known[1:]]
    leaders = join(len(paths), pairs)
    records = tuple(
        Record(path, 0, label, "", "US", "", masks, f"busi:{paths[leader].stem}")
        for (path, label, masks), leader in zip(images, leaders, strict=True)
    )
    joined = len(paths) - len(set(leaders))
    return Dataset(
        name="busi",
        classes=classes,
        records=records,
        citations=(CITATION,),
        licence="CC0-1.0 on the usual re-host",
        notes=(f"{joined} images are near-identical to another and stay in its fold.",),
    )


def _number(path: Path) -> tuple[int, str]:
    match = re.search(r"\((\d+)\)", path.stem)
    return (int(match.group(1)) if match else 0, path.name)
