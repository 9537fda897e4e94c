"""De-identifying data sets by the Basic Application Level Confidentiality Profile (PS3.15 E.2).

The table of attributes and what happens to each (PS3.15 table E.1-1) are dicom-anonymizer's. It
works on one level of a data set; here every item of every sequence is gone through, as the
profile asks, UIDs are replaced by one and the same new one throughout a run, dates are emptied,
removed or become 0001-01-01 (none is merely shifted), and what was done is told: which attributes,
never their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from engine.errors import UnreadableImageError
from engine.images.dicom import header, pixels, values
from engine.masks.shapes import Box

EDITION = "2026c"
"""Of the standard, whose table E.1-1 is applied."""

METHOD = "DICOM PS3.15 Basic Application Level Confidentiality Profile"

MAY_HOLD_TEXT = (
    "The pixels of ultrasound and secondary captures may hold names and dates that are burnt in; "
    "cover them before you pass the files on."
)

#: Modalities whose pixels often hold text (PS3.3 C.7.3.1.1.1).
_WRITTEN_ON = ("US", "SC", "OT", "ES", "XC", "GM", "OP")

What = Literal["removed", "emptied", "replaced"]
_Rule = Callable[[Dataset, tuple[int, int]], object]


@dataclass
class Removed:
    """What was done to the attributes, and to how many data sets: no values.

    attributes: by their path ("Patient's Name", "Request Attributes Sequence > ...").
    """

    attributes: dict[str, What] = field(default_factory=dict)
    private: int = 0
    files: int = 0
    covered: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, other: Removed) -> None:
        """Count another data set in."""
        for name, what in other.attributes.items():
            self.attributes.setdefault(name, what)
        self.private += other.private
        self.files += other.files
        self.covered = max(self.covered, other.covered)
        self.notes = list(dict.fromkeys([*self.notes, *other.notes]))

    def sentences(self) -> list[str]:
        """Return the list as lines for the user."""
        sets = f"{self.files} data set{'s' * (self.files != 1)}"
        lines = [f"{METHOD} ({EDITION}), {sets}."]
        for what in ("removed", "emptied", "replaced"):
            names = sorted(n for n, w in self.attributes.items() if w == what)
            if names:
                lines += ["", f"{what.capitalize()} ({len(names)}):", *(f"  {n}" for n in names)]
        if self.private:
            lines += ["", f"Private elements removed: {self.private}."]
        if self.covered:
            lines += ["", f"Areas covered in the pixels: {self.covered} in each image."]
        return [*lines, *(["", *self.notes] if self.notes else [])]


class Deidentifier:
    """One run over any number of data sets: the same UID becomes the same new UID in all."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}
        self._rules = _rules(self.uid)
        self.removed = Removed()

    def uid(self, old: str) -> str:
        """Return what stands for a UID from now on; "" for ""."""
        if not old:
            return ""
        if old not in self._uids:
            self._uids[old] = str(generate_uid(prefix=None))  # 2.25 and random: nothing to undo
        return self._uids[old]

    def apply(self, dataset: Dataset, subject: str, *, cleaned_pixels: bool = False) -> Removed:
        """Change a data set in place; return what was done, which ``removed`` sums up as well.

        subject: stands in the place of the patient's name and number, so that the images of one
        patient stay together ("CASE001"). cleaned_pixels: whether areas of the pixels were
        covered (Clean Pixel Data Option).
        """
        before = dict(_flat(dataset))
        private = sum(1 for _ in _private(dataset))
        self._process(dataset)
        dataset.remove_private_tags()
        for keyword in ("PatientName", "PatientID"):
            setattr(dataset, keyword, subject)
        done = Removed(_changes(before, dict(_flat(dataset))), private, 1)
        if _may_hold_text(dataset) and not cleaned_pixels:
            done.notes.append(MAY_HOLD_TEXT)
        self._declare(dataset, cleaned_pixels)
        _renew_meta(dataset)
        self.removed.add(done)
        return done

    def copy(
        self, path: Path, subject: str, covers: Sequence[Box] = (), *, out: Path | None = None
    ) -> Dataset:
        """Return a de-identified copy of an image file, with boxes of its pixels blackened.

        out: where to write it as well. Raises ``UnreadableImageError``; ``OSError`` from writing.
        """
        dataset = header.read(path, pixels=True)
        if covers:
            cover_pixels(path, dataset, covers)
        done = self.apply(dataset, subject, cleaned_pixels=bool(covers))
        done.covered = self.removed.covered = max(self.removed.covered, len(covers))
        if out is not None:
            dataset.save_as(out, enforce_file_format=True)
        return dataset

    def _process(self, dataset: Dataset) -> None:
        for element in list(_elements(dataset)):
            if element.VR == "SQ":
                for item in element.value:
                    self._process(item)
            tag = (element.tag.group, element.tag.element)
            rule = self._rules.get(tag) or _of_group(tag)
            if rule is None and not element.keyword and not element.tag.is_private:
                rule = _remove  # no edition of the standard says what it holds
            if rule is not None:
                _act(rule, dataset, tag)

    def _declare(self, dataset: Dataset, cleaned_pixels: bool) -> None:
        """State what was done, as the profile asks (PS3.15 E.1.1, PS3.3 C.12.1.1.7)."""
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = f"PS3.15 Basic Profile {EDITION}, Saliscope"
        codes = [("113100", "Basic Application Confidentiality Profile")]
        if cleaned_pixels:
            codes.append(("113101", "Clean Pixel Data Option"))
            dataset.BurnedInAnnotation = "NO"
        items = []
        for value, meaning in codes:
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
            items.append(item)
        dataset.DeidentificationMethodCodeSequence = items
        dataset.LongitudinalTemporalInformationModified = "REMOVED"


def cover_pixels(path: Path, dataset: Dataset, covers: Sequence[Box]) -> None:
    """Blacken boxes of every frame, in place; compressed pixels are written as they decode.

    The icon, a small copy of the pixels (PS3.3 C.7.6.1.1.6), is removed: it shows what is covered.
    Raises ``UnreadableImageError`` where the pixels cannot be decoded.
    """
    _, rows, cols, samples = pixels.check_header(path, dataset)
    try:
        photometric = values.code(dataset, "PhotometricInterpretation")
        stored = np.array(dataset.pixel_array)  # which turns YBR into RGB
        if photometric.startswith("YBR"):
            photometric = "RGB"
        dark = _darkest(dataset, stored, photometric)
        shaped = stored.reshape(-1, rows, cols, samples)
        for box in covers:
            down, across = box.slices
            shaped[:, max(down.start, 0) : down.stop, max(across.start, 0) : across.stop] = dark
        _store(dataset, stored, photometric)
        if "IconImageSequence" in dataset:
            del dataset.IconImageSequence
    except UnreadableImageError:
        raise
    except Exception:  # decoders and pydicom raise whatever a damaged file makes them trip over
        raise UnreadableImageError(
            path, "its pixels cannot be decoded to cover them", "leave it out, or do not cover"
        ) from None


def _store(dataset: Dataset, stored: NDArray[Any], photometric: str) -> None:
    """Put decoded pixels into a data set, uncompressed."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        dataset.file_meta.TransferSyntaxUID = syntax = ExplicitVRLittleEndian
    kind = stored.dtype.newbyteorder("<" if syntax.is_little_endian else ">")
    data = np.ascontiguousarray(stored.astype(kind)).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    if values.integer(dataset, "SamplesPerPixel") == 3:
        dataset.PlanarConfiguration = 0
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            delattr(dataset, keyword)


def _darkest(dataset: Dataset, stored: NDArray[Any], photometric: str) -> Any:
    if photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        indices = np.unique(stored)
        return indices[apply_color_lut(indices[None], dataset)[0].sum(axis=-1).argmin()]
    if photometric == "MONOCHROME1":
        return stored.max()
    return stored.min() if photometric == "MONOCHROME2" else 0


def _rules(uid: Callable[[str], str]) -> Mapping[tuple[int, int], _Rule]:
    from dicomanonymizer import simpledicomanonymizer as library

    def new_uids(dataset: Dataset, tag: tuple[int, int]) -> None:
        element = dataset[tag]
        many = element.VM > 1
        element.value = [uid(str(u)) for u in element.value] if many else uid(str(element.value))

    def contained_uids(dataset: Dataset, tag: tuple[int, int]) -> None:
        """U* of the table: the references in the items have become the new ones already."""

    def remove(dataset: Dataset, tag: tuple[int, int]) -> None:
        del dataset[tag]

    ours = {
        library.replace_UID: new_uids,
        library.delete_or_empty_or_replace_UID: contained_uids,
        library.delete: remove,
    }
    return {tag: ours.get(action, action) for tag, action in _table().items() if len(tag) == 2}


@lru_cache(maxsize=1)
def _table() -> dict[Any, Any]:
    from dicomanonymizer.simpledicomanonymizer import initialize_actions

    return dict(initialize_actions(f"dicomfields_{EDITION}"))


def _of_group(tag: tuple[int, int]) -> _Rule | None:
    """Return the rule of a repeating group (curves, overlays), all of which are removed."""
    for key in _table():
        if len(key) == 4 and tag[0] & key[2] == key[0] & key[2] and tag[1] & key[3] == key[1]:
            return _remove
    return None


def _remove(dataset: Dataset, tag: tuple[int, int]) -> None:
    del dataset[tag]


def _act(rule: _Rule, dataset: Dataset, tag: tuple[int, int]) -> None:
    try:
        rule(dataset, tag)
        if dataset.get(tag) is not None:
            str(dataset[tag].value)
    except Exception:  # no dummy for this VR, or a value that is damaged: then it has to go
        if tag in dataset:
            del dataset[tag]


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    """Give the elements one by one; those that cannot be converted are removed."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:
            del dataset[tag]
            continue
        yield element


def _flat(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """Give (path, fingerprint of the values) of all elements but private ones and pixels."""
    seen: dict[str, list[str]] = {}
    for element in _elements(dataset):
        if element.tag.is_private or element.tag.group == 0x7FE0:
            continue
        name = path + (element.name if element.keyword else f"Unknown {element.tag}")
        if element.VR == "SQ":
            seen.setdefault(name, []).append(str(len(element.value)))
            for item in element.value:
                for inner, value in _flat(item, f"{name} > "):
                    seen.setdefault(inner, []).append(value)
        else:
            seen.setdefault(name, []).append(str(element.value) if element.value else "")
    for name, found in seen.items():
        yield name, "\n".join(found)


def _private(dataset: Dataset) -> Iterator[BaseTag]:
    for element in _elements(dataset):
        if element.tag.is_private:
            yield element.tag
        elif element.VR == "SQ":
            for item in element.value:
                yield from _private(item)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, What]:
    done: dict[str, What] = {}
    for name, value in before.items():
        parent = name.rpartition(" > ")[0]
        if name not in after:
            if not parent or parent in after:  # else its sequence is listed
                done[name] = "removed"
        elif after[name] != value:
            done[name] = "replaced" if after[name].strip() else "emptied"
    return done


def _may_hold_text(dataset: Dataset) -> bool:
    said = values.code(dataset, "BurnedInAnnotation")
    return said == "YES" or (said != "NO" and values.code(dataset, "Modality") in _WRITTEN_ON)


def _renew_meta(dataset: Dataset) -> None:
    """Begin the file meta group afresh: the old one names senders, and preambles hold anything."""
    old = getattr(dataset, "file_meta", FileMetaDataset())
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = old.get("TransferSyntaxUID", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
