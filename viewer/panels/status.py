"""The bottom line: where the cursor is, what is running, and what the program is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from engine.saliency.derived import title
from viewer import icons, theme
from viewer.canvas.numbers import short
from viewer.jobs import Job
from viewer.state import AppState
from viewer.widgets.bar import paint_bar
from viewer.widgets.elided import Elided
from viewer.widgets.section import label

if TYPE_CHECKING:
    from viewer.canvas.readout import CursorReading

RESEARCH = "Research use only, not for diagnosis"


def signed(value: float, negatives: bool) -> str:
    """Return a map's value, with a sign where the map has ``negatives`` too."""
    return ("+" if negatives and value > 0 else "") + short(value)


class _Progress(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(112, 16)
        self._fraction = 0.0

    def show_fraction(self, fraction: float) -> None:
        self._fraction = fraction
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colour = theme.current().colour("accent")
        paint_bar(painter, QRectF(self.rect()), self._fraction, colour)


class StatusBar(QFrame):
    """Reads the cursor and the jobs."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setFixedHeight(theme.STATUS_HEIGHT)
        self._state = state
        self._job: Job | None = None
        self.position = label("", "secondary")
        self.value = label("", "secondary")
        self.maps = Elided("", "secondary")
        self.hint = Elided("", "secondary")
        self.work = label("", "secondary")
        self._bar = _Progress()
        self._percent = label("", "secondary")
        self._percent.setMinimumWidth(36)
        self._percent.setAlignment(theme.RIGHT_MIDDLE)
        self.cancel = QToolButton()
        self.cancel.setIconSize(QSize(14, 14))
        self.cancel.setFixedSize(20, 20)
        self.cancel.clicked.connect(self._on_cancel)
        self._research = label(RESEARCH, "research")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(16)
        for widget in (self.position, self.value):
            layout.addWidget(widget)
        layout.addWidget(self.maps, 2)
        layout.addWidget(self.hint, 3)
        running = QHBoxLayout()
        running.setSpacing(8)
        for part in (self.work, self._bar, self._percent, self.cancel):
            running.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(running)
        layout.addWidget(self._research)
        state.jobs.changed.connect(self._show_jobs)
        state.privacy.changed.connect(self._show_jobs)
        self.show_reading(None)
        self._show_jobs()
        self.retheme()

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        self.cancel.setIcon(icons.icon("close", size=14))

    def show_reading(self, reading: CursorReading | None) -> None:
        """Show what lies under the cursor, None when it is on no image."""
        inside = reading is not None and reading.inside
        for widget in (self.position, self.value, self.maps):
            widget.setVisible(inside)
        self.hint.setVisible(not inside)
        if reading is None or not inside:
            return
        row, col = reading.pixel
        text = f"x {col}  y {row}"
        if reading.plane_mm is not None:
            text += f"  ({reading.plane_mm[0]:.1f}, {reading.plane_mm[1]:.1f} mm)"
        self.position.setText(text)
        value = reading.value
        if isinstance(value, tuple):
            shown = ", ".join(str(part) for part in value)
        else:
            shown = f"{value:.4g}" if value is not None else "–"
        self.value.setText(f"value {shown}" + (f" {reading.unit}" if reading.unit else ""))
        if reading.elsewhere:  # the maps at hand are of another image
            shown = f"map {short(reading.map_value)}" if reading.map_value is not None else ""
            self.maps.setText(shown)
            return
        maps = self._state.analysis.maps
        self.maps.setText(
            "  ·  ".join(
                f"{title(name)} {signed(found.values[row, col], found.sign == 'signed')}"
                for name, found in maps.items()
            )
        )

    def show_hint(self, text: str) -> None:
        """Show what the chosen tool does, while no value is shown."""
        self.hint.setText(text)

    def _show_jobs(self) -> None:
        running = self._state.jobs.running
        self._job = running[0] if running else None
        for widget in (self.work, self._bar, self._percent, self.cancel):
            widget.setVisible(self._job is not None)
        if self._job is None:
            for widget in (self.work, self.cancel):
                widget.setToolTip("")  # it may name a patient
            self.work.setText("")
            self.cancel.setAccessibleName("Cancel")
            return
        privacy = self._state.privacy
        title = privacy.clean(self._job.title)
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        self.work.setText(_short(title) + more)
        # A job's own text names the file that it is at.
        self.work.setToolTip(title if privacy.hidden else self._job.text or title)
        self._bar.show_fraction(self._job.fraction)
        self._percent.setText(f"{self._job.fraction:.0%}".replace("%", " %"))
        self.cancel.setToolTip(f"Cancel: {title}")
        self.cancel.setAccessibleName(self.cancel.toolTip())

    def _on_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()


def _short(text: str, limit: int = 36) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
