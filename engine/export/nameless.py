"""One image's masks, pictures and findings, written without whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInputError
from engine.export import names
from engine.export.anonymous import anonymous, of_image, of_picture, transferred
from engine.images.dicom.deidentify import Deidentifier, Removed
from engine.images.image import Image, Window
from engine.masks.formats import ExchangeFormat, Exported, dicom_seg, export_all
from engine.masks.formats import write as write_masks
from engine.masks.formats.files import replacing
from engine.masks.mask import Mask
from engine.masks.shapes import Box
from engine.progress import Progress

if TYPE_CHECKING:
    from engine.report.findings import Findings

SUBJECT = "ANONYMOUS"
"""What stands in the place of the patient's name and number."""

ALONE = (
    "All UIDs are new ones, so this Segmentation no longer finds the original images; to pass "
    "images and masks on that belong together, de-identify both in one export of several cases."
)

MASK = "Mask"
"""What a mask is called whose own name may be the patient's."""


class Nameless:
    """An image as it may be passed on, and what is written of it; one for each export.

    DICOM Segmentations go through PS3.15's basic profile; all other files are made of ``image``,
    which knows no patient. covers: boxes blackened in pictures. files: others, besides the image's
    own, whose names must not be written (masks that were read).
    """

    def __init__(
        self, image: Image, covers: Sequence[Box] = (), files: Iterable[Path] = ()
    ) -> None:
        self._original = image
        self._covers = tuple(covers)
        self._deidentifier = Deidentifier()
        self._words = names.stems(image, files)
        self.image = anonymous(image, self._deidentifier)
        self._pixels = False  # whether pixels of the image are passed on
        self._others = False  # whether anything but a Segmentation is

    @property
    def removed(self) -> Removed:
        """What was left out or replaced so far, without values."""
        found = Removed()
        found.add(self._deidentifier.removed)
        if self._others:
            of_image = of_picture(self._original, self._covers if self._pixels else ())
            if not self._pixels:
                of_image.notes = []
            found.add(of_image)
        return found

    def check_target(self, path: Path) -> None:
        """Raise ``InvalidInputError`` where a file's name tells the patient or the image's file."""
        if names.without_patient(path.name, self._original, "", self._words) != path.name:
            raise InvalidInputError(
                f"“{path.name}” holds the patient's name or number, or the name of the image's "
                "own file, which a de-identified export leaves out; choose another name."
            )

    def label(self, text: str) -> str:
        """Return a mask's name, another one where it may be the patient's."""
        return names.without_patient(text, self._original, MASK, self._words)

    def mask(self, mask: Mask) -> Mask:
        """Return a mask on ``image``, without who drew it."""
        return self._named(transferred(mask, self.image), mask)

    def write(
        self,
        masks: Sequence[Mask],
        path: Path,
        kind: ExchangeFormat,
        *,
        provenance: Mapping[str, Any] | None = None,
        with_pictures: bool = False,
    ) -> Exported:
        """Write masks to one file as ``formats.write`` does, and the list beside it.

        Raises ``MaskError``; ``InvalidInputError`` for a name that tells the patient.
        """
        self.check_target(path)
        if kind == "dicom-seg":
            own = [self._named(transferred(m, self._original), m) for m in masks]
            dicom_seg.export(
                own,
                self._original,
                path,
                deidentify=lambda made: self._deidentifier.apply(made, SUBJECT),
            )
            done = Exported([path], [ALONE])
        else:
            self._others = True
            self._pixels |= with_pictures and kind in ("coco", "label-studio")
            done = write_masks(
                [self.mask(m) for m in masks],
                self.image,
                path,
                kind,
                provenance=self.plain(provenance or {}),
                with_pictures=with_pictures,
                covers=self._covers,
            )
        done.paths.append(self.list_beside(path))
        return done

    def write_all(
        self,
        masks: Sequence[Mask],
        folder: Path,
        *,
        provenance: Mapping[str, Any] | None = None,
        window: Window | None = None,
        progress: Progress | None = None,
    ) -> Exported:
        """Write all masks into a folder as ``formats.export_all`` does, without the list."""
        self._others = self._pixels = True
        return export_all(
            [self.mask(m) for m in masks],
            self.image,
            folder,
            provenance=self.plain(provenance or {}),
            window=window,
            covers=self._covers,
            progress=progress,
        )

    def findings(self, found: Findings) -> Findings:
        """Return findings that lead to nobody, for a figure or a report."""
        self._others = self._pixels = True
        masks = tuple(self.mask(mask) for mask in found.masks)
        compared = None
        if found.compared is not None:
            same = [
                new for new, mask in zip(masks, found.masks, strict=True) if mask is found.compared
            ]
            compared = same[0] if same else self.mask(found.compared)  # one that is hidden
        return replace(
            found,
            image=self.image,
            masks=masks,
            compared=compared,
            maps=tuple(of_image(m, self._original, self.image) for m in found.maps),
            case=names.without_patient(found.case, self._original, "Case report", self._words),
        )

    def plain(self, value: Any) -> Any:
        """Return what JSON holds without the image's key and names that may be the patient's."""
        if isinstance(value, Mapping):
            return {key: self.plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(one) for one in value]
        if not isinstance(value, str):
            return value
        return self.image.key if value == self._original.key else self.label(value)

    def picture(self) -> None:
        """Note that pixels of the image are passed on: text in them is nobody's to find."""
        self._others = self._pixels = True

    def list_beside(self, path: Path) -> Path:
        """Write what was removed as ``NAME_removed.txt``, or raise ``MaskError``."""
        target = names.free(path.parent, f"{names.stem(path)}_removed.txt")
        with replacing(target) as temporary:
            temporary.write_text("\n".join(self.removed.sentences()) + "\n", encoding="utf-8")
        return target

    def _named(self, copy: Mask, mask: Mask) -> Mask:
        copy.label = self.label(mask.label)
        return copy
