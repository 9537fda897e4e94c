"""A figure or a report of what is on screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.progress import Progress
from viewer import dialogs
from viewer.export.privacy import Written

if TYPE_CHECKING:
    from engine.report.findings import Findings
    from viewer.window import Window

_KINDS = {
    "PNG, 300 dots an inch (*.png)": 300,
    "PNG, 600 dots an inch (*.png)": 600,
    "PDF (*.pdf)": 300,
    "SVG (*.svg)": 300,
}


class SingleExport(QObject):
    """Asks where to, then draws off the GUI thread from what the window holds already."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._state = window.state
        self._privacy = window.exporting.privacy

    def figure(self) -> None:
        """Ask for a file, and draw the active view's map into it."""
        name = self._map_name() or "image"
        heading = self._privacy.heading("Export a figure")
        chosen = dialogs.choose_kind(
            self._window, self._state.settings, heading, f"{name}-figure.png", _KINDS
        )
        if chosen is not None:
            self.write_figure(chosen[0], _KINDS[chosen[1]])

    def write_figure(self, target: Path, dpi: int = 300) -> None:
        """Draw the active view's map, or the image where there is none."""
        found = self._findings(target)
        if found is None:
            return
        name = self._map_name()

        def draw(found: Findings) -> None:
            from engine.report import figure

            one = next((m for m in found.maps if m.map.name == name), None)
            figure.export(found, one, target, dpi=dpi)

        work = self._drawn(found, target, draw)
        self._state.jobs.start("Drawing the figure", work, self._privacy.tell)

    def report(self) -> None:
        """Ask for a file, and write the page into it."""
        heading = self._privacy.heading("Export a report")
        target = dialogs.choose_target(
            self._window, self._state.settings, heading, "report.pdf", "PDF (*.pdf)"
        )
        if target is not None:
            self.write_report(target)

    def write_report(self, target: Path) -> None:
        """Write the page, without the patient's name: a batch can put that in."""
        found = self._findings(target)
        if found is None:
            return

        def draw(found: Findings) -> None:
            from engine.report import page

            page.export(found, target)

        work = self._drawn(found, target, draw)
        self._state.jobs.start("Writing the report", work, self._privacy.tell)

    def _map_name(self) -> str | None:
        return self._state.overlays[self._state.active_view].map_name

    def _findings(self, target: Path) -> Findings | None:
        from engine.export import names
        from engine.report import findings

        state, view = self._state, self._window.views.reading
        image = state.image
        if image is None:
            return None
        analysis = state.analysis
        masks = tuple(mask.copy(id=mask.id) for mask in state.masks.all if mask.visible)
        chosen = state.masks.compared
        items = state.measurements.items if state.measurements is not None else ()
        return findings.assemble(
            image,
            state.frame,
            maps=list(analysis.maps.values()),
            prediction=analysis.prediction,
            familiarity=analysis.familiarity,
            model=findings.describe(analysis.session) if analysis.session is not None else None,
            masks=masks,
            compared=next((m for m in masks if chosen is not None and m.id == chosen.id), None),
            sign=state.scores.sign,
            window=view.grey_window,
            inverted=view.inverted,
            covers=state.covers(image),
            case=names.without_patient(target.stem.replace("_", " "), image, "Case report"),
            measurements=findings.measured(image, items, state.frame),
            unsuited=analysis.choice.reason if analysis.choice and not analysis.choice.fits else "",
        )

    def _drawn(
        self, found: Findings, target: Path, draw: Callable[[Findings], None]
    ) -> Callable[[Progress], Written]:
        """Return the work of drawing findings, de-identified where that is chosen."""
        hidden = self._privacy.on

        def work(_: Progress) -> Written:
            if not hidden:
                draw(found)
                return Written([target])
            from engine.export.nameless import Nameless

            nameless = Nameless(found.image, found.covers)
            nameless.check_target(target)
            draw(nameless.findings(found))
            return Written([target, nameless.list_beside(target)], removed=nameless.removed)

        return work
