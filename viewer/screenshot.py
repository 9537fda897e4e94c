"""``--screenshot``: wait until the answer is on screen, save the window, leave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from engine.saliency.derived import title
from viewer.state.analysis import MapStatus
from viewer.window import Window

_POLL_MS = 100
_SETTLE_POLLS = 3  # thumbnails and scores that came last are painted by then
# Between one job and the next, and before the first, nothing runs either; on a busy machine for
# longer than one look.
_HOPELESS_POLLS = 20
FAILED = 1


class Screenshot(QObject):
    """Watches the state, then grabs; says on standard error why it could not."""

    def __init__(
        self,
        window: Window,
        target: Path,
        *,
        map_name: str = "",
        frame: int | None = None,
        timeout_s: float = 300.0,
        leave: Callable[[int], object] = QApplication.exit,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._target = target
        self._map = map_name
        self._frame = frame
        self._leave = leave
        self._quiet = 0
        self._idle = 0
        self._left = int(timeout_s * 1000 / _POLL_MS)
        self._sentence = ""
        window.state.notice.connect(self._hear)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(_POLL_MS)

    def _hear(self, sentence: str, tone: str) -> None:
        if tone == "warning":
            self._sentence = sentence

    def _look(self) -> None:
        self._left -= 1
        missing = self._missing()
        if not missing:
            self._quiet = self._quiet + 1 if self._window.state.jobs.idle else 0
            if self._quiet >= _SETTLE_POLLS:
                self._save()
            elif self._left <= 0:
                self._fail("work in the background did not end in time")
            return
        self._quiet = 0
        hopeless = self._hopeless()
        self._idle = self._idle + 1 if hopeless else 0
        if self._idle >= _HOPELESS_POLLS:
            self._fail(hopeless)
        elif self._left <= 0:
            self._fail(f"{missing} did not come in time")

    def _missing(self) -> str:
        """Return what is not there yet, "" when all is."""
        state = self._window.state
        if state.image is None or state.opening is not None:
            return "the image"
        if self._frame is not None and state.frame != min(self._frame, state.image.frames - 1):
            state.set_frame(self._frame)
        if state.analysis.session is None:
            return "the model"
        if state.analysis.prediction is None:
            return "the prediction"
        name = self._map or state.analysis.fusion
        entry = state.analysis.entries.get(name)
        if entry is not None and entry.status is MapStatus.ABSENT:
            state.analysis.request(name)
        if entry is None or entry.map is None:
            return f"the map “{title(name)}”"
        if state.overlays[state.active_view].map_name != name:
            state.overlays.show(state.active_view, name)
        overlay = self._window.views.active.visible_overlay
        return "" if overlay is not None and overlay.map is entry.map else "the overlay"

    def _hopeless(self) -> str:
        """Return why waiting is of no use, "" while it is."""
        state = self._window.state
        analysis = state.analysis
        if not state.jobs.idle:
            return ""
        if state.image is None:
            return self._sentence or "there is no image to open; name one, or ship demo cases"
        if analysis.session is None and not analysis.loading:
            return analysis.problem
        if analysis.session is not None and self._map and self._map not in analysis.map_names:
            known = ", ".join(analysis.map_names)
            return f"this model has no map “{self._map}”; it has {known}"
        failed = [e.error for e in analysis.entries.values() if e.status is MapStatus.FAILED]
        return failed[0] if failed else ""

    def _save(self) -> None:
        self._timer.stop()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        if self._window.grab().save(str(self._target)):
            self._leave(0)
        else:
            self._fail(f"{self._target} cannot be written; name a PNG file in a folder of yours")

    def _fail(self, why: str) -> None:
        self._timer.stop()
        print(f"saliscope: no screenshot: {why}", file=sys.stderr)
        self._leave(FAILED)
