"""A real window on an X server: open, draw, read scores, export; then kill -9 in mid-stroke.

The program runs in a process of its own, on Xvfb where there is no display, because it is killed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 250

# Run in the child: `act` is "draw" (to be killed with the button down) or "return".
DRIVER = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QEventLoop, Qt, QTimer, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from viewer import theme
from viewer.state import AppState
from viewer.state.storage import REFERENCE
from viewer.window import Window

act, checkpoint, image, target = sys.argv[1], *map(Path, sys.argv[2:])
said = []
qInstallMessageHandler(lambda kind, where, text: said.append(text))
application = QApplication([])
theme.apply(application)
window = Window(AppState())
window.resize(1280, 800)
window.show()
state = window.state


def tell(**what):
    print(json.dumps(what), flush=True)


def run(ms):
    # Not QTest.qWait: it keeps the interpreter to itself, and an import in another thread, which
    # lets go of it at every file, then gets on by one file in that time.
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def wait(until, seconds=120):
    for _ in range(50 * seconds):
        if until():
            return
        run(20)
    raise TimeoutError(until.__code__.co_firstlineno if hasattr(until, "__code__") else until)


def own():
    return next(m for m in state.masks.all if m.id != REFERENCE)


def at(row, col):
    rows, cols = view.image.shape
    return view.viewport.to_widget(row * rows, col * cols).toPoint()


if act == "return":
    window.opening.offer_last()
    tell(offered=window.notice._action.text())
    window.notice._action.click()
    wait(lambda: state.masks.document is not None)
    tell(area=own().area(0), notice=window.notice.text)
    window.close()
    tell(said=said)
    sys.exit(0)

window.models.load_first(checkpoint)
state.open_paths([image])
wait(lambda: "gate" in state.analysis.maps and state.jobs.idle)
view = window.views.active
window.activateWindow()  # there is no window manager to do it, and shortcuts need it
wait(window.isActiveWindow)
view.surface.setFocus()
QTest.keyClick(view.surface, Qt.Key.Key_B)
wait(lambda: window.tool.name == "brush")
QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=at(0.4, 0.3))
QTest.mouseMove(view.surface, at(0.5, 0.6))
QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=at(0.5, 0.6))
wait(lambda: "gate" in state.scores.all() and state.masks.compared is own())
shown = window.answers.agreement.rows["gate"]
wait(lambda: shown.score is not None and shown.score.area == own().area(0))
tell(
    platform=application.platformName(),
    exposed=window.windowHandle().isExposed(),
    answer=window.answers.prediction.answer,
    rma=shown.score.rma,
    area=own().area(0),
)
window.exporting.write_everything(target)
wait(lambda: state.jobs.idle and (target / "Lesion.json").exists())
window.screen().grabWindow(0).save(str(target / "screen.png"))
QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=at(0.7, 0.3))
QTest.mouseMove(view.surface, at(0.7, 0.7))
run(1500)  # what was drawn in the last second may be lost; the button stays down
wait(lambda: state._storage._autosave.flush(0))  # for longer where writing is slow
tell(area=own().area(0), said=said)
wait(lambda: False)
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A display of its own, so that no desktop's windows are in the way."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Xvfb is for Linux")
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("Xvfb is not installed (Debian and Ubuntu: sudo apt-get install xvfb)")
    ready, theirs = os.pipe()
    process = subprocess.Popen(
        [server, "-displayfd", str(theirs), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(theirs,),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        assert select.select([ready], [], [], WAIT_S)[0], "Xvfb did not start"
        yield f":{os.read(ready, 16).decode().strip()}"
    finally:
        os.close(ready)
        process.terminate()
        process.wait(WAIT_S)


def start(act: str, display: str, home: Path, *paths: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "SALISCOPE_HOME": str(home),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, act, *map(str, paths)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def heard(process: subprocess.Popen[str]) -> dict:
    """Return the next line that the window's process tells."""
    assert process.stdout is not None and process.stderr is not None
    line = ""
    if select.select([process.stdout], [], [], WAIT_S)[0]:
        line = process.stdout.readline()
    if not line:
        process.kill()
        pytest.fail(process.communicate()[1] or "the window said nothing")
    return json.loads(line)


@pytest.mark.window
@pytest.mark.timeout(900)
def test_draw_score_export_in_a_real_window_and_survive_kill_9(
    display, tmp_path, pictures, checkpoint_path
):
    target, home = tmp_path / "out", tmp_path / "home"
    given = (checkpoint_path, pictures / "a (2).png", target)
    drawing = start("draw", display, home, *given)
    try:
        seen = heard(drawing)
        assert seen["platform"] == "xcb" and seen["exposed"]
        assert "%" in seen["answer"] and 0 < seen["rma"] < 1
        during = heard(drawing)
    finally:
        drawing.send_signal(signal.SIGKILL)
    assert "Traceback" not in drawing.communicate()[1]
    assert during["area"] > seen["area"] > 0
    assert during["said"] == []  # Qt had nothing to complain about
    exported = np.asarray(Pillow.open(target / "Lesion.png")) > 0
    assert exported.sum() == seen["area"]
    screen = np.asarray(Pillow.open(target / "screen.png").convert("RGB"))
    assert screen.shape == (800, 1280, 3)
    assert np.ptp(screen[200:600, 300:900].astype(int), axis=2).max() > 60  # the map, in colour

    again = start("return", display, home, *given)
    assert "a (2).png" in heard(again)["offered"]
    back = heard(again)
    # The half-drawn stroke is there as well.
    assert back["area"] == during["area"]
    assert "restored" in back["notice"]
    assert heard(again)["said"] == []
    assert again.wait(WAIT_S) == 0
    assert again.communicate()[1] == ""
