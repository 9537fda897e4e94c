"""A figure or a report of what is on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.progress import Progress
from viewer import dialogs
from viewer.export.privacy import Written

if TYPE_CHECKING:
    from engine.report.findings import Findings
    from engine.report.look import Look
    from engine.saliency.map import SaliencyMap
    from viewer.canvas.overlay import OverlayStyle
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
        overlay = self._window.views.reading.visible_overlay
        name = overlay.map.name if overlay is not None else "image"
        heading = self._privacy.heading("Export a figure")
        chosen = dialogs.choose_kind(
            self._window, self._state.settings, heading, f"{name}-figure.png", _KINDS
        )
        if chosen is not None:
            self.write_figure(chosen[0], _KINDS[chosen[1]])

    def write_figure(self, target: Path, dpi: int = 300) -> None:
        """Draw the view as it is seen: its map and masks, if they are not hidden, in its style."""
        found = self._findings(target)
        if found is None:
            return
        view = self._window.views.reading
        overlay = view.visible_overlay
        copies = {mask.id: mask.copy(id=mask.id) for mask in view.visible_masks}
        compared = found.compared
        found = replace(
            found,
            masks=tuple(copies.values()),
            compared=copies.get(compared.id, compared) if compared is not None else None,
        )
        look = None
        if overlay is not None:
            found = self._of_view(found, overlay.map)
            look = _look(overlay.style, shared=self._state.overlays.style.scale == "locked")

        def draw(found: Findings) -> None:
            from engine.report import figure, picture

            one = found.maps[0] if overlay is not None else None
            figure.export(found, one, target, dpi=dpi, look=look or picture.DEFAULT)

        work = self._drawn(found, target, draw)
        self._state.jobs.start("Drawing the figure", work, self._privacy.tell)

    def _of_view(self, found: Findings, shown: SaliencyMap) -> Findings:
        """Return findings of the one map that a view shows, and of the model that made it."""
        from engine.report import findings

        state = self._state
        analysis, views = state.analysis, self._window.views
        if analysis.maps.get(shown.name) is shown:
            return replace(found, maps=tuple(m for m in found.maps if m.map is shown))
        subject = next(
            (s for s in views.subjects if s.entry is not None and s.entry.map is shown), None
        )
        other = subject is not None and not subject.own_model
        scored = findings.assemble(
            found.image,
            found.frame,
            maps=[shown],
            masks=found.masks,
            compared=found.compared,
            sign=state.scores.sign,
        )
        found = replace(found, maps=scored.maps)
        if subject is None or not other:
            return found
        session = subject.session
        return replace(
            found,
            model=findings.describe(session) if session is not None else None,
            prediction=subject.prediction,
            familiarity=None,
            unsuited="",
        )

    def report(self) -> None:
        """Ask for a file, and write the page into it."""
        heading = self._privacy.heading("Export a report")
        target = dialogs.choose_target(
            self._window, self._state.settings, heading, "report.pdf", "PDF (*.pdf)"
        )
        if target is not None:
            self.write_report(target)

    def write_report(self, target: Path) -> None:
        """Write the page, maps as the views draw them, without the patient's name.

        A batch can put that in.
        """
        found = self._findings(target)
        if found is None:
            return
        shared = self._state.overlays.style.scale == "locked"
        styles = {one.map.name: self._window.views.style_of(one.map) for one in found.maps}
        looks = {name: _look(style, shared=shared) for name, style in styles.items()}

        def draw(found: Findings) -> None:
            from engine.report import page

            page.export(found, target, looks=looks)

        work = self._drawn(found, target, draw)
        self._state.jobs.start("Writing the report", work, self._privacy.tell)

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
        hidden = chosen.copy(id=chosen.id) if chosen is not None else None
        items = state.measurements.items if state.measurements is not None else ()
        return findings.assemble(
            image,
            state.frame,
            maps=list(analysis.maps.values()),
            prediction=analysis.prediction,
            familiarity=analysis.familiarity,
            model=findings.describe(analysis.session) if analysis.session is not None else None,
            masks=masks,
            compared=next((m for m in masks if chosen is not None and m.id == chosen.id), hidden),
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


def _look(style: OverlayStyle, *, shared: bool) -> Look:
    from engine.report.look import Look

    return Look(
        kind=style.kind,
        colours=style.colours,
        opacity=style.opacity,
        threshold=style.threshold,
        low=style.low,
        high=style.high,
        shared=shared,
        levels=style.levels,
        top=style.top,
    )
