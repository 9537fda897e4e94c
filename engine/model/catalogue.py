"""Which of the checkpoints at hand answers for an image: by what both say of themselves.

An image's modality decides. Where its file does not say it, or several checkpoints know it, the
image goes to the one whose training images it is most like (``engine.evaluation.familiarity``).
Only headers are read here, and nothing is imported that takes time.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import resources
from engine.errors import CheckpointError, InvalidInputError
from engine.evaluation.familiarity import Familiarity
from engine.images.image import Image
from engine.model import header

SUFFIX = ".safetensors"

SIMULATED = "phantom"
"""The name of the data set that ``training.phantom`` makes."""

WORDS = {"US": "ultrasound", "MR": "MRI", "CT": "CT", "MG": "mammography", "NM": "nuclear medicine"}

UNTOLD = ("", "OT", "SC", "XC", "DOC", "GM")
"""Modalities that say nothing of how the image was made: other, captured from a screen, photo."""

_PHANTOM_NAME = re.compile(r"phantom \d+\^")


@dataclass(frozen=True)
class Entry:
    """A checkpoint file, by what its header says.

    modalities: DICOM's codes of what it was trained on; empty where it does not say. simulated:
    trained on phantoms alone, so that it answers for nothing else.
    """

    path: Path
    name: str
    version: str
    modalities: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Choice:
    """The checkpoint that answers. reason: why, to go after "because" or a colon.

    fits: whether it was trained on images of this kind, as far as anybody knows.
    """

    entry: Entry
    reason: str
    fits: bool = True


Likeness = Callable[[Entry], Familiarity | None]
"""How like an entry's training images the image is; None where the checkpoint cannot say."""


def read(path: Path) -> Entry:
    """Read a checkpoint's header; raise ``CheckpointError`` where it says nothing of itself."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > header.MAX_BYTES:
                raise ValueError("no header")
            metadata = json.loads(file.read(length))["__metadata__"]
            about: Any = json.loads(metadata[header.METADATA_KEY])
        data = [str(one["name"]) for one in about["training_data"]]
        return Entry(
            path,
            str(about["name"]),
            str(about["version"]),
            tuple(map(str, about.get("modalities", ()))),
            bool(data) and set(data) == {SIMULATED},
        )
    except (
        *(OSError, ValueError, TypeError, KeyError, AttributeError, struct.error),
        RecursionError,  # of lists in lists in lists
    ) as error:
        raise CheckpointError(
            f"{path.name} cannot be opened as a checkpoint: its header is not one of Saliscope's; "
            "choose a checkpoint that training.fit wrote."
        ) from error


def installed(folder: Path | None = None) -> tuple[Entry, ...]:
    """Return the checkpoints of a folder, by default those that ship; the demo's first.

    A file that is not a checkpoint is passed over: one damaged file must not keep the others away.
    """
    folder = folder if folder is not None else resources.path("models")
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
        try:
            found.append(read(path))
        except CheckpointError:
            continue
    return tuple(sorted(found, key=lambda entry: (not entry.simulated, entry.path.name)))


def is_phantom(image: Image) -> bool:
    """Whether an image is one of the demo cases, or was made by ``training.phantom``."""
    demo = resources.path("demo").resolve()
    paths = image.identity.source_paths
    if paths and all(path.resolve().is_relative_to(demo) for path in paths):
        return True
    return _PHANTOM_NAME.match(image.identity.patient_name.lower()) is not None


def choose(
    image: Image, entries: Iterable[Entry], likeness: Likeness, modality: str = ""
) -> Choice:
    """Choose who answers for an image; ``likeness`` is asked only where modality does not decide.

    modality: DICOM's code where something beside the file says it (a manifest). Raises
    ``InvalidInputError`` where there is no checkpoint at all.
    """
    known = tuple(entries)
    if not known:
        raise InvalidInputError("No model is installed; say which checkpoint to use.")
    simulated = [entry for entry in known if entry.simulated]
    real = [entry for entry in known if not entry.simulated]
    if is_phantom(image) and simulated:
        return Choice(simulated[0], "the image is simulated")
    code = (image.identity.modality or modality).upper()
    word = WORDS.get(code, code)
    told = code not in UNTOLD
    if not real:
        what = f"of {word}" if told else "of real images"
        return Choice(simulated[0], f"there is no model {what} here, only of phantoms", fits=False)
    fitting = [entry for entry in real if told and code in entry.modalities]
    if len(fitting) == 1:
        return Choice(fitting[0], f"the image is {word}")
    if fitting:
        best, near = _most_like(fitting, likeness)
        return Choice(best, f"the image is {word}, and{_like(near)}")
    best, near = _most_like(real, likeness) if len(real) > 1 else (real[0], None)
    if told:
        return Choice(best, f"no model here was trained on {word};{_like(near)}", fits=False)
    return Choice(
        best,
        f"the file does not say what kind of image it is;{_like(near)}",
        fits=near is None or near.familiar,
    )


def _most_like(entries: list[Entry], likeness: Likeness) -> tuple[Entry, Familiarity | None]:
    near = {entry: likeness(entry) for entry in entries}

    def ratio(entry: Entry) -> float:
        found = near[entry]
        return float("inf") if found is None else found.ratio

    best = min(entries, key=ratio)
    return best, near[best]


def _like(near: Familiarity | None) -> str:
    if near is None:
        return " it is the first that there is"
    return f" it is most like this model's training images (distance {near.ratio:.2f} of limit)"
