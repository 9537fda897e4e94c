"""What a data set hands to training: one record an image, and what is known of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InvalidInputError


@dataclass(frozen=True)
class Record:
    """One image (one frame of one file), its label, its mask, and what it must not be split from.

    path, frame: what ``engine.images.reader.read`` opens, and which of its frames is meant.
    label: one of the data set's class names.
    patient: whose image it is, "" where nobody knows.
    modality, sequence: DICOM's words ("MR", "US"; "T1", "STIR"), "" where not known.
        Augmentation goes by the modality: ultrasound is never turned upside down.
    mask_paths: files whose union is the lesion. A file with one frame is the mask; a file with
        several is indexed by ``frame``, as the image is. No file: the mask is not known, and the
        image teaches a guided gate nothing, unless ``known_empty`` says that there is no lesion.
    group: records of one group never lie on both sides of a split: the patient, or a set of
        near-identical images, or whatever joins the two.
    device: what the image was taken with, "" where not known.
    origin: where the record was declared ("cohort.csv, line 12"), for messages.
    """

    path: Path
    frame: int
    label: str
    patient: str
    modality: str
    sequence: str
    mask_paths: tuple[Path, ...]
    group: str
    known_empty: bool = False
    origin: str = ""
    device: str = ""

    @property
    def name(self) -> str:
        """The file's name, with the frame where it is not the first."""
        return self.path.name if self.frame == 0 else f"{self.path.name}#{self.frame}"

    def cells(self, index: int) -> dict[str, str | int]:
        """Return the columns that say in a table which record, of what place in the set, it is."""
        return {
            "index": index,
            "image": self.name,
            "frame": self.frame,
            "group": self.group,
            "label": self.label,
        }


@dataclass(frozen=True)
class Dataset:
    """The records of a data set in a fixed order, and where they come from.

    classes: class names; the index in it is the label the network learns. The last is the
        positive class wherever there are two.
    keep_aspect: whether images are padded to the input's shape rather than stretched to it.
    citations, licence: what must be said wherever a model trained on it goes.
    notes: what the loader wants said (images left out, groups joined), a sentence each.
    lesion_free: the classes whose images show no lesion; those of all others do. Empty where the
        classes do not say. Where a mask is known, the mask says.
    unlabelled: gives the images without a lesion that are of none of the classes and near-identical
        to no record; training may see them (``training.presence``). Called when asked for, since it
        takes reading them. No figure of the classes is ever of them.
    """

    name: str
    classes: tuple[str, ...]
    records: tuple[Record, ...]
    keep_aspect: bool = True
    citations: tuple[str, ...] = ()
    licence: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)
    lesion_free: tuple[str, ...] = ()
    unlabelled: Callable[[], tuple[Record, ...]] = tuple

    def __post_init__(self) -> None:
        if not self.records:
            raise InvalidInputError(
                f"The data set {self.name} holds no images; check the folder given with --data."
            )
        unknown = sorted({r.label for r in self.records} - set(self.classes))
        if unknown:
            raise InvalidInputError(
                f"The data set {self.name} has labels that are none of its classes: "
                f"{', '.join(unknown)}; the classes are {', '.join(self.classes)}."
            )
        missing = [c for c in self.classes if c not in {r.label for r in self.records}]
        if missing:
            raise InvalidInputError(
                f"The data set {self.name} has no image of {', '.join(missing)}; "
                "a classifier needs some of every class."
            )

    @property
    def labels(self) -> list[int]:
        """The class index of each record."""
        index = {name: i for i, name in enumerate(self.classes)}
        return [index[r.label] for r in self.records]

    @property
    def groups(self) -> list[str]:
        """The group of each record."""
        return [r.group for r in self.records]

    def summary(self) -> str:
        """Say in one line how many images there are of what."""
        counts = Counter(r.label for r in self.records)
        each = ", ".join(f"{counts[c]} {c}" for c in self.classes)
        return f"{self.name}: {len(self.records)} images ({each}), {len(set(self.groups))} groups"
