"""One start of the program, driven by X events; `drive_window.py` starts it and may kill it.

    python scripts/driven_window.py {read|back} --study FOLDER --work FOLDER --shots FOLDER

Mouse and keys come from ``xdotool``, through the X server, as a person's would: menus, dialogs and
shortcuts are the program's own. Only where things lie on the screen is asked of the widgets. Every
picture is the whole screen. Each line on standard output is a JSON object: ``shot``, ``task`` (with
what was done by hand up to here) or ``kill``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 150.0
TICK_MS = 25
SETTLE_S = 0.4
KEPT_S = 1.5  # drawing is journalled at least once a second

Until = Callable[[], object]
Script = Iterator[Until]


@dataclass
class Tally:
    """What hands have done. A chord is one key, a path typed or pasted one text."""

    clicks: int = 0
    drags: int = 0
    keys: int = 0
    texts: int = 0


class Hands:
    """Mouse and keyboard at the X server. Positions are of widgets, in logical pixels."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._process: subprocess.Popen[bytes] | None = None

    def resting(self) -> bool:
        """Whether the last movement has ended; complain if it could not be made."""
        if self._process is None:
            return True
        status = self._process.poll()
        if status:
            raise RuntimeError(f"xdotool ended with {status}")
        return status is not None

    def _do(self, *words: object) -> None:
        self._process = subprocess.Popen(["xdotool", *map(str, words)])

    def key(self, chord: str) -> None:
        """Press a key, or several at once, e.g. ``ctrl+e``."""
        self.tally.keys += 1
        self._do("key", "--clearmodifiers", chord)

    def text(self, text: str) -> None:
        """Type a text."""
        self.tally.texts += 1
        self._do("type", "--delay", 4, text)

    def click(self, widget, point=None) -> None:
        """Click a widget, in its middle unless said where."""
        self.tally.clicks += 1
        self._do("mousemove", *_on_screen(widget, point), "sleep", 0.1, "click", 1)

    def point(self, widget, point=None) -> None:
        """Move the mouse there."""
        self._do("mousemove", *_on_screen(widget, point))

    def drag(self, widget, points, *, let_go: bool = True) -> None:
        """Press, move through points, let go."""
        self.tally.drags += 1
        places = [_on_screen(widget, point) for point in points]
        words: list[object] = ["mousemove", *places[0], "sleep", 0.1, "mousedown", 1]
        for place in places[1:]:
            words += ["mousemove", *place, "sleep", 0.02]
        self._do(*words, *(("mouseup", 1) if let_go else ()))


def _on_screen(widget, point=None) -> tuple[int, int]:
    """Return a place of a widget in pixels of the X screen."""
    point = widget.rect().center() if point is None else point
    place, scale = widget.mapToGlobal(point), widget.devicePixelRatioF()
    return round(place.x() * scale), round(place.y() * scale)


class Driver:
    """Goes through a script; each thing it yields must come true before it goes on."""

    def __init__(self, window, given: argparse.Namespace) -> None:
        self.window, self.state, self.given = window, window.state, given
        self.hands = Hands()
        self._script = getattr(self, given.act)()
        self._until: Until = lambda: True
        self._since = time.monotonic()
        self._began = self._since
        self._number = given.first
        told = json.loads(given.outlines.read_text(encoding="utf-8"))
        self.outlines = {int(number): np.array(points) for number, points in told.items()}

    # Running

    def tick(self) -> None:
        """Go on where possible; called by a timer, so that it runs under dialogs as well."""
        try:
            self._focus()
            if not (self.hands.resting() and self._until()):
                if time.monotonic() - self._since > WAIT_S:
                    raise TimeoutError(f"waited in vain at line {self._script.gi_frame.f_lineno}")
                return
            self._until = next(self._script)
            self._since = time.monotonic()
        except StopIteration:
            self.window.close()
        except BaseException:  # nothing above this would end the program
            traceback.print_exc()
            self._grab().save(str(self.given.work / "failed.png"))
            os._exit(1)

    def _focus(self) -> None:
        """Give the keyboard to the window on top, as a desktop's window manager would."""
        from PySide6.QtWidgets import QApplication

        on_top = QApplication.activeModalWidget() or self.window
        if QApplication.activeWindow() is not on_top and QApplication.activePopupWidget() is None:
            on_top.activateWindow()

    def tell(self, **what: object) -> None:
        """Report to the parent."""
        print(json.dumps(what), flush=True)

    def _grab(self):
        return self.window.screen().grabWindow(0)

    def shot(self, name: str) -> Script:
        """Save the screen once all has been painted."""
        yield self.pause(SETTLE_S)
        path = self.given.shots / f"{self._number:02d}-{name}{self.given.suffix}.png"
        self._grab().save(str(path))
        self.tell(shot=str(path))
        self._number += 1

    def task(self, name: str) -> None:
        """Report what a task has taken so far."""
        seconds = round(time.monotonic() - self._began, 1)
        self.tell(task=name, seconds=seconds, **asdict(self.hands.tally))

    @staticmethod
    def pause(seconds: float) -> Until:
        """Return what comes true after a while."""
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    # What scripts are made of

    def modal(self):
        """Return the dialog on top, None where there is none."""
        from PySide6.QtWidgets import QApplication

        found = QApplication.activeModalWidget()
        return found if found is not None and found.isVisible() else None

    def path(self, path: Path) -> Script:
        """Give a path to the file dialog on top."""
        yield lambda: self.modal() is not None and self.modal().isActiveWindow()
        yield self.pause(0.3)
        self.hands.text(str(path))
        yield self.pause(0.3)
        for _ in range(3):  # Return may close the list of completions first
            self.hands.key("Return")
            yield self.pause(0.5)
            if self.modal() is None:
                return

    def choose(self, menu, action) -> Script:
        """Click an entry of a menu that is open."""
        yield menu.isVisible
        self.hands.click(menu, menu.actionGeometry(action).center())
        yield lambda: not menu.isVisible()

    def slice_(self, number: int) -> Script:
        """Turn to a slice by keys, as far as possible by the page."""
        while self.state.frame != number:
            left = number - self.state.frame
            by = 10 if abs(left) >= 10 else 1
            now = self.state.frame
            keys = ("Page_Down", "Page_Up") if by == 10 else ("Down", "Up")
            self.hands.key(keys[left < 0])
            yield lambda now=now: self.state.frame != now

    def places(self, points) -> list:
        """Return points of the image, (row, col) in parts of it, in the active view."""
        rows, cols = self.state.image.shape
        view = self.window.views.active
        return [
            view.viewport.to_widget(rows * row - 0.5, cols * col - 0.5).toPoint()
            for row, col in points
        ]

    def trace(self, number: int) -> None:
        """Draw round the lesion on a slice."""
        self.hands.drag(self.surface, self.places(self.outlines[number]))

    @property
    def surface(self):
        """What the mouse draws on."""
        return self.window.views.active.surface

    def quiet(self) -> bool:
        """Whether nothing runs."""
        return self.state.jobs.idle

    def opened(self) -> bool:
        """Whether a study is on screen that is not of the demo."""
        state = self.state
        return state.image is not None and state.case not in (None, *state.cases.demo.cases)

    def drawn(self) -> set[int]:
        """Return the slices that the active mask has."""
        document = self.state.masks.document
        mask = document.active if document is not None else None
        if mask is None:
            return set()
        return {n for n in range(self.state.image.frames) if mask.area(n)}

    # The scripts

    def read(self) -> Script:
        """From the first start to being killed in mid-stroke."""
        window, state, hands = self.window, self.state, self.hands
        tour = window.assistance.tour
        yield lambda: tour.running and state.analysis.prediction and self.quiet()
        yield from self.shot("first-start")
        hands.key("Escape")
        yield lambda: not tour.running

        hands.tally, self._began = Tally(), time.monotonic()
        hands.key("ctrl+shift+o")
        yield from self.path(self.given.study)
        yield lambda: self.opened() and state.analysis.prediction is not None
        native = [n for n in state.analysis.map_names if not n.startswith("shap")]
        yield lambda: set(native) <= set(state.analysis.maps) and self.quiet()
        yield from self.shot("study")

        first, middle, last = sorted(self.outlines)
        yield from self.slice_(first)
        hands.key("l")
        yield lambda: window.tool.name == "lasso"
        self.trace(first)
        yield lambda: self.drawn() == {first}
        yield lambda: set(native) <= set(state.scores.all()) and self.quiet()
        self.task("from file to first score")
        yield from self.shot("first-score")

        exported = self.given.work / "lesion.nii.gz"
        hands.click(window.top.export)
        menu = window.top.export.menu()
        yield menu.isVisible
        yield from self.shot("export-menu")
        yield from self.choose(menu, window.actions_["export-mask-nifti"])
        yield from self.path(exported)
        yield lambda: exported.exists() and self.quiet()
        self.task("from file to exported mask")

        for number in (middle, last):
            yield from self.slice_(number)
            self.trace(number)
            yield lambda number=number: number in self.drawn()
        hands.key("ctrl+b")
        yield lambda: self.drawn() == set(range(first, last + 1)) and self.quiet()
        self.task("from file to a mask through the slices")
        yield from self.slice_((middle + last) // 2)  # nobody drew on this one
        yield from self.scores(native)
        yield from self.shot("interpolated")

        yield from self.slice_(middle)
        hands.key("alt+shift+m")
        yield lambda: state.views >= 5
        yield lambda: set(native) <= set(state.analysis.maps) and self.quiet()
        yield from self.one_more(native)
        self.task("from file to five maps")
        view = window.views.views[1]
        row, col = self.outlines[middle].mean(axis=0) * view.image.shape
        hands.point(view.surface, view.viewport.to_widget(row, col).toPoint())
        yield from self.scores(native)
        yield from self.shot("five-maps")
        hands.key("c")
        yield from self.shot("contours")
        hands.key("c")
        yield lambda: hands.resting()
        hands.key("c")
        yield lambda: hands.resting()
        hands.key("alt+2")
        yield lambda: state.views == 2

        yield from self.export_all()

        hands.key("ctrl+k")
        yield self.pause(0.5)
        hands.text("interp")
        yield from self.shot("palette")
        hands.key("Escape")
        yield self.pause(0.4)
        hands.key("question")
        yield lambda: self.modal() is not None
        yield from self.shot("keys")
        hands.key("Escape")
        yield lambda: self.modal() is None

        yield from self.slice_(middle)
        hands.key("b")
        yield lambda: window.tool.name == "brush"
        line = self.outlines[middle]
        hands.drag(self.surface, self.places(line[: len(line) // 2]), let_go=False)
        yield hands.resting
        yield self.pause(KEPT_S)
        yield from self.shot("mid-stroke")
        self.tell(kill=True)
        yield lambda: False

    def scores(self, native: list[str]) -> Script:
        """Wait for the scores of the slice on screen."""
        yield lambda: set(native) <= set(self.state.analysis.maps)
        yield lambda: set(native) <= set(self.state.scores.all()) and self.quiet()

    def one_more(self, native: list[str]) -> Script:
        """Put the difference of two maps into the view left over, where no fifth map comes itself.

        SHAP's maps would do as well, and take minutes on a slow machine.
        """
        from PySide6.QtCore import QPoint

        state, hands = self.state, self.hands
        if len(native) >= 5:
            return
        at = next(
            n for n in range(state.views) if state.overlays[n].map_name not in (None, *native)
        )
        header = self.window.views.views[at].header
        hands.click(header, QPoint(header.width() - 70, header.height() - 6))
        yield lambda: state.active_view == at
        hands.key("ctrl+k")
        yield self.pause(0.5)
        hands.text("difference of two")
        yield self.pause(0.5)
        hands.key("Return")
        yield lambda: self.modal() is not None and self.modal().isActiveWindow()
        yield self.pause(0.3)
        hands.text("ga")
        yield lambda: self.modal().first.currentData() == "gate"
        hands.key("Return")
        yield lambda: self.modal() is None
        name = state.overlays[at].map_name
        yield lambda: name in state.analysis.maps and self.quiet()

    def export_all(self) -> Script:
        """Tick everything in the dialog for several cases, and run it."""
        from PySide6.QtWidgets import QApplication

        target = self.given.work / "away"
        self.hands.key("ctrl+shift+e")
        yield lambda: self.modal() is not None and self.modal().isActiveWindow()
        dialog = self.modal()
        choice = dialog.choice
        yield self.pause(0.4)
        for box in (
            *choice.masks.values(),
            *(choice.overlays, choice.arrays, choice.images, choice.report, choice.scores),
            *choice.figures.values(),
        ):
            if not box.isChecked():
                self.hands.click(box, _box_of(box))
                yield box.isChecked
        self.hands.click(dialog.folder)
        yield lambda: QApplication.focusWidget() is dialog.folder
        self.hands.key("ctrl+a")
        yield self.hands.resting
        self.hands.text(str(target))
        yield lambda: dialog.folder.text() == str(target)
        yield from self.shot("export-everything")
        self.hands.click(dialog.export)
        yield lambda: dialog.pages.currentIndex() == 2
        yield from self.shot("exported")
        self.tell(files=sorted(str(p.relative_to(target)) for p in target.rglob("*.*")))
        self.hands.key("Escape")
        yield lambda: self.modal() is None

    def back(self) -> Script:
        """After the kill: what the program offers, and what it brings back."""
        window, state = self.window, self.state
        button = window.notice._action
        yield lambda: button.isVisible() and state.analysis.prediction and self.quiet()
        yield from self.shot("after-the-kill")
        self.hands.click(button)
        yield self.opened
        yield lambda: len(self.drawn()) > 1 and state.analysis.prediction and self.quiet()
        yield from self.slice_(sorted(self.drawn())[len(self.drawn()) // 2])
        native = [n for n in state.analysis.map_names if not n.startswith("shap")]
        yield from self.scores(native)
        self.tell(recovered=len(self.drawn()))
        yield from self.shot("recovered")


def _box_of(box):
    from PySide6.QtCore import QPoint

    return QPoint(10, box.height() // 2)


def main() -> int:
    """Start the program as a user would, with a driver."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("act", choices=("read", "back"))
    for name in ("study", "work", "shots", "outlines"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--scale", default="100")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))

    from PySide6.QtCore import QTimer

    import viewer.window
    from viewer.__main__ import main as start

    class Driven(viewer.window.Window):
        """The window, with a driver from the moment it opens files."""

        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            QTimer.singleShot(0, self._drive)

        def _drive(self) -> None:
            self.driver = Driver(self, given)
            self.ticking = QTimer(self)
            self.ticking.timeout.connect(self.driver.tick)
            self.ticking.start(TICK_MS)

    viewer.window.Window = Driven
    return start(["--size", "1280x800", "--scale", given.scale, "--theme", "dark"])


if __name__ == "__main__":
    sys.exit(main())
