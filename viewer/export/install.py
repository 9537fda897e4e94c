"""Brings the exports into a window: actions, and their place in the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from viewer.export.batch import BatchExport
from viewer.export.single import SingleExport

if TYPE_CHECKING:
    from viewer.window import Window


def install(window: Window, menu: QMenu) -> BatchExport:
    """Make the actions and add them to the export menu; return what runs the batches."""
    actions, state = window.actions_, window.state
    single = SingleExport(window)
    batch = BatchExport(window)
    actions.make(
        "export-figure",
        "&Figure for print…",
        single.figure,
        tip="The active view's map at 300 or 600 dots an inch, as PNG, PDF or SVG, with colour "
        "bar, scale bar, scores and provenance",
    )
    actions.make(
        "export-report",
        "&Report of this image…",
        single.report,
        "Ctrl+P",
        tip="One page of PDF: image, maps, answer, agreement, masks, measurements, provenance",
    )
    actions.make(
        "export-cases",
        "&Several cases…",
        batch.ask,
        "Ctrl+Shift+E",
        icon="export",
        tip="Choose cases, and what of them: masks, pictures, figures, reports, scores",
    )
    privacy = window.exporting.privacy
    deidentify = actions.make(
        "deidentify-exports",
        "De-&identify what is exported",
        lambda: privacy.set_on(deidentify.isChecked()),
        tip="Leave out whose the image is, by DICOM PS3.15's basic profile, in masks, pictures, "
        "figures and reports, and list what was removed; for several cases it is ticked at first",
        checkable=True,
    )
    deidentify.setChecked(privacy.on)
    menu.addSeparator()
    for name in ("export-figure", "export-report", "export-cases"):
        menu.addAction(actions[name])
    menu.addSeparator()
    menu.addAction(deidentify)

    def follow(*_: object) -> None:
        for name in ("export-figure", "export-report"):
            actions[name].setEnabled(state.image is not None)
        actions["export-cases"].setEnabled(bool(state.cases.groups))

    state.seriesOpened.connect(follow)
    state.seriesClosed.connect(follow)
    state.cases.changed.connect(follow)
    follow()
    return batch
