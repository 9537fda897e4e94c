"""Taking masks and pictures away, and bringing masks in; files are written off the GUI thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from engine.errors import MaskError
from engine.images.image import Image
from engine.progress import Progress
from engine.saliency.derived import title
from engine.saliency.map import SaliencyMap
from viewer import dialogs, picture
from viewer.canvas.overlay import Overlay
from viewer.export.privacy import ExportPrivacy, Written
from viewer.state import AppState
from viewer.views import Views

if TYPE_CHECKING:
    from engine.masks.formats import ExchangeFormat
    from engine.masks.mask import Mask

MASKS = "Masks (*.png *.tif *.tiff *.bmp *.nii *.nii.gz *.nrrd *.nhdr *.dcm *.json);;All files (*)"


class Exporting(QObject):
    """Asks where to, then writes; says in the strip what was written or why not."""

    def __init__(self, state: AppState, views: Views, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._views = views
        self._window = window
        self.privacy = ExportPrivacy(state, window)

    # Masks

    def mask_png(self) -> None:
        """Write the active mask as PNG, one file a drawn frame, and its JSON."""
        self._ask_mask("png", "PNG (*.png)", ".png")

    def mask_nifti(self) -> None:
        """Write the active mask as NIfTI on the image's own grid, and its JSON."""
        self._ask_mask("nifti", "NIfTI (*.nii.gz *.nii)", ".nii.gz")

    def mask_nrrd(self) -> None:
        """Write the active mask as NRRD, which 3D Slicer opens as a segmentation."""
        self._ask_mask("nrrd", "NRRD (*.seg.nrrd *.nrrd)", ".seg.nrrd")

    def mask_dicom(self) -> None:
        """Write the active mask as a DICOM Segmentation of its source images."""
        self._ask_mask("dicom-seg", "DICOM Segmentation (*.dcm)", ".dcm")

    def mask_coco(self) -> None:
        """Write the active mask as COCO annotations, run-length encoded."""
        self._ask_mask("coco", "COCO (*.json)", ".coco.json")

    def mask_label_studio(self) -> None:
        """Write the active mask as Label Studio's tasks, with the pictures they show."""
        self._ask_mask("label-studio", "Label Studio (*.json)", ".tasks.json")

    def _ask_mask(self, kind: ExchangeFormat, kinds: str, ending: str) -> None:
        document, image = self._state.masks.document, self._state.image
        mask = document.active if document is not None else None
        if mask is None or image is None or mask.is_empty:
            name = f"The mask “{mask.label}” is empty" if mask is not None else "There is no mask"
            self._state.notice.emit(
                f"{name}; draw one, or choose one that is drawn, to export it.", "warning"
            )
            return
        target = dialogs.choose_target(
            self._window,
            self._state.settings,
            self.privacy.heading(f"Export the mask “{mask.label}”"),
            _stem(self._named(mask, image).label) + ending,
            kinds,
        )
        if target is not None:
            self.write_mask(mask, target, kind)

    @staticmethod
    def _named(mask: Mask, image: Image) -> Mask:
        """Return a mask whose name may stand in a file's name: without the patient's."""
        from engine.export.names import anonymous_label

        return anonymous_label(mask, image)

    def write_mask(self, mask: Mask, target: Path, kind: ExchangeFormat) -> None:
        """Write one mask, with its JSON of identity and provenance where the format has none."""
        image = self._state.image
        if image is None:
            return
        copy, provenance = mask.copy(id=mask.id), self.provenance()
        covers, hidden = self._state.covers(image), self.privacy.on
        turned: tuple[str, ...] = ()
        if kind == "dicom-seg" and self._state.axis and self._state.acquired is not None:
            from engine.export.sources import TURNED
            from engine.masks.reslice import as_acquired

            # The slices on screen are none of the source's images, which a Segmentation refers to.
            copy = as_acquired(copy, self._state.acquired, self._state.axis)
            image, turned = self._state.acquired, (TURNED,)

        def work(_: Progress) -> Written:
            pictures = kind == "label-studio"
            if hidden:
                from engine.export.nameless import Nameless

                nameless = Nameless(image, covers)
                done = nameless.write(
                    [copy], target, kind, provenance=provenance, with_pictures=pictures
                )
                return Written(done.paths, (*done.notes, *turned), nameless.removed)
            from engine.masks.formats import write

            done = write(
                [copy],
                image,
                target,
                kind,
                provenance=provenance,
                with_pictures=pictures,
                covers=covers,
            )
            return Written(done.paths, (*done.notes, *turned))

        self._state.jobs.start(f"Exporting {mask.label}", work, self._written)

    # Pictures

    def picture(self) -> None:
        """Write the active view as a picture."""
        name = self._state.overlays[self._state.active_view].map_name or "image"
        target = dialogs.choose_target(
            self._window,
            self._state.settings,
            self.privacy.heading("Export a picture of the active view"),
            f"{name}-overlay.png",
            "PNG (*.png)",
        )
        if target is not None:
            self.write_picture(target)

    def write_picture(self, target: Path) -> None:
        """Write a view's image, overlay and masks, and a JSON of the map's provenance.

        The active view's, or the first one's of the image being read if that shows another: what
        is written beside it is of this image.
        """
        view = self._views.reading
        image = view.image
        if image is None:
            return
        overlay, covers = view.visible_overlay, self._state.covers(image)
        drawn = picture.draw(view, overlay, covers)
        details, hidden = self.provenance(), self.privacy.on
        if overlay is not None:  # another model's is not among the maps
            details["overlay"] = _describe(overlay.map)

        def work(_: Progress) -> Written:
            if not hidden:
                return Written(_save_pictures([(target, drawn)], details))
            from engine.export.nameless import Nameless

            nameless = Nameless(image, covers)
            nameless.check_target(target)
            nameless.picture()
            paths = _save_pictures([(target, drawn)], nameless.plain(details))
            return Written([*paths, nameless.list_beside(target)], removed=nameless.removed)

        self._state.jobs.start("Exporting the picture", work, self._written)

    # Everything

    def everything(self) -> None:
        """Write all masks and the pictures of all ready maps into a folder."""
        folder = dialogs.choose_folder(
            self._window,
            self._state.settings,
            self.privacy.heading("Export into this folder"),
            "folder/export",
        )
        if folder is not None:
            self.write_everything(folder)

    def write_everything(self, folder: Path) -> None:
        """Write all masks that are drawn and a picture of every map that is ready."""
        image, view = self._state.image, self._views.reading
        if image is None:
            return
        masks = [m.copy(id=m.id) for m in self._state.masks.all if not m.is_empty]
        masks = [self._named(mask, image) for mask in masks]
        provenance = self.provenance()
        window, covers = view.grey_window, self._state.covers(image)
        pictures = [
            (_free(folder, f"map_{name}{_numbered(image, self._state.frame)}.png"), drawn)
            for name, drawn in self._map_pictures()
        ]

        hidden = self.privacy.on

        def work(progress: Progress) -> Written:
            part = progress.part(0.0, 0.8)
            if hidden:
                from engine.export.nameless import Nameless

                nameless = Nameless(image, covers)
                done = nameless.write_all(
                    masks, folder, provenance=provenance, window=window, progress=part
                )
                told = nameless.plain(provenance)
                done.paths += _save_pictures(pictures, told) if pictures else []
                if done.paths:
                    done.paths.append(nameless.list_beside(folder / "export"))
                return Written(done.paths, tuple(done.notes), nameless.removed)
            from engine.masks.formats import export_all

            done = export_all(
                masks,
                image,
                folder,
                provenance=provenance,
                window=window,
                covers=covers,
                progress=part,
            )
            written = _save_pictures(pictures, provenance) if pictures else []
            return Written([*done.paths, *written], tuple(done.notes))

        self._state.jobs.start("Exporting", work, self._written)

    def _map_pictures(self) -> list[tuple[str, QImage]]:
        view, style = self._views.reading, self._views.style_of
        covers = () if view.image is None else self._state.covers(view.image)
        return [
            (name, picture.draw(view, Overlay(found, style(found)), covers))
            for name, found in self._state.analysis.maps.items()
        ]

    def _written(self, written: Written) -> None:
        self.privacy.tell(written)

    # Import

    def import_masks(self) -> None:
        """Let the user choose mask files and add them to the image."""
        paths = dialogs.choose_files(self._window, self._state.settings, MASKS)
        if paths:
            self.read_masks(paths)

    def read_masks(self, paths: Sequence[Path]) -> None:
        """Read masks and add them, each a step that can be undone."""
        image, frame = self._state.image, self._state.frame
        document = self._state.masks.document
        if image is None or document is None:
            return

        def work(_: Progress) -> tuple[list[Mask], list[str]]:
            from engine.masks.formats import read

            masks: list[Mask] = []
            problems: list[str] = []
            for path in paths:
                try:
                    masks += read(path, image, frame)
                except MaskError as error:
                    problems.append(str(error))
            return masks, problems

        def done(result: tuple[list[Mask], list[str]]) -> None:
            masks, problems = result
            if document is not self._state.masks.document:
                return  # another image has been opened meanwhile
            for mask in masks:
                self._state.attempt(partial(document.import_mask, mask))
            if problems:
                more = f" ({len(problems) - 1} more could not be read.)" if problems[1:] else ""
                self._state.notice.emit(problems[0] + more, "warning")
            elif masks:
                names = ", ".join(f"“{mask.label}”" for mask in masks)
                self._state.notice.emit(f"Imported {names}.", "good")

        self._state.jobs.start("Importing masks", work, done)

    # What made it

    def provenance(self) -> dict[str, Any]:
        """Return the model, its answer, the maps and their scores, as they are on screen."""
        state, analysis = self._state, self._state.analysis
        result: dict[str, Any] = {"frame": state.frame}
        session, prediction = analysis.session, analysis.prediction
        if session is not None:
            about = session.checkpoint.metadata
            result["model"] = {
                "name": about.name,
                "version": about.version,
                "sha256": session.checkpoint.sha256,
                "device": session.device,
                "precision": session.precision,
            }
        if prediction is not None:
            result["prediction"] = {
                "classes": list(prediction.classes),
                "predicted": prediction.classes[prediction.predicted],
                "branches": {name: list(p) for name, p in prediction.branches.items()},
            }
            if prediction.gate is not None:
                result["gate"] = prediction.gate.to_json()
        scores = state.scores.all()
        compared = state.masks.compared
        result["maps"] = {
            name: {
                **_describe(found),
                "agreement": {"mask": compared.label, **asdict(scores[name])}
                if compared is not None and name in scores
                else None,
            }
            for name, found in analysis.maps.items()
        }
        return result


def _describe(found: SaliencyMap) -> dict[str, Any]:
    return {
        "title": title(found.name),
        "class": found.target_name,
        "sign": found.sign,
        **asdict(found.provenance),
    }


def _save_pictures(pictures: list[tuple[Path, QImage]], details: dict[str, Any]) -> list[Path]:
    """Write pictures and one JSON beside the first; ``MaskError`` where the system refuses."""
    from engine.masks.formats.files import replacing

    written: list[Path] = []
    for path, drawn in pictures:
        with replacing(path) as temporary:
            if not drawn.save(str(temporary)):
                raise MaskError(f"“{path.name}” cannot be written; choose another folder.")
        written.append(path)
    note = _free(written[0].parent, f"{written[0].stem}.json")
    text = json.dumps(details, ensure_ascii=False, indent=2, default=str)
    with replacing(note) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return [*written, note]


def _stem(label: str) -> str:
    from engine.masks.formats.files import safe_stem

    return safe_stem(label)


def _numbered(image: Image, frame: int) -> str:
    return f"_f{frame + 1:03d}" if image.frames > 1 else ""


def _free(folder: Path, name: str) -> Path:
    """Return a path in the folder that overwrites nothing."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem}_{number}{Path(name).suffix}"
        number += 1
    return path
