"""Record a mask being drawn: the window as numbered PNG frames, with the scores at each.

    python scripts/record_drawing.py [--out docs/recording] [--checkpoint C]

Opens a demo case in the program's own window and draws with the mouse, stroke by stroke, inside
the case's reference mask; the last steps erase what the first stroke had beside it. Needs no
display. The frames and ``scores.csv`` are the same again with the same model and libraries.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CASE = "Breast phantom 06"
SIZE = (1280, 800)
SWEEPS = 4
WAIT_S = 180.0


def main() -> int:
    """Record; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "recording")
    parser.add_argument("--checkpoint", type=Path, help="model (default: the one that ships)")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as home:
        os.environ["SALISCOPE_HOME"] = home  # its own settings and masks, not the user's
        from viewer.__main__ import choose_platform

        choose_platform(os.environ, sys.platform)
        return record(given.out, given.checkpoint)


def record(out: Path, checkpoint: Path | None) -> int:
    """Draw and save the frames into ``out``."""
    from PySide6.QtWidgets import QApplication

    from viewer import theme
    from viewer.settings import Settings
    from viewer.state import AppState
    from viewer.window import Window

    application = QApplication([])
    theme.apply(application)
    window = Window(AppState(Settings(passing=True)))
    window.resize(*SIZE)
    window.show()
    try:
        open_case(window, checkpoint)
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("[0-9][0-9].png"):
            old.unlink()
        rows = []
        for number, (what, step) in enumerate(steps(window)):
            step()
            settle(window)
            save(window, out / f"{number:02d}.png")
            rows += score_rows(window, number, what)
        with (out / "scores.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"{number + 1} frames in {out}")
    except TimeoutError as error:
        print(f"record_drawing: {error}", file=sys.stderr)
        return 1
    finally:
        window.close()
    return 0


def run(ms: int) -> None:
    """Run the window for a while.

    Not QTest.qWait: it keeps the interpreter to itself, and an import in another thread, which
    lets go of it at every file, then gets on by one file in that time.
    """
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def wait(until: Callable[[], object], what: str) -> None:
    """Run the window until a condition holds."""
    for _ in range(int(WAIT_S / 0.02)):
        if until():
            return
        run(20)
    raise TimeoutError(f"{what} did not come in time")


def settle(window) -> None:
    """Wait until nothing runs and everything has been painted."""
    wait(lambda: window.state.jobs.idle, "the end of the work in the background")
    run(200)


def open_case(window, checkpoint: Path | None) -> None:
    """Show the demo case with its prediction, and the fusion's map in the second view."""
    state = window.state
    window.opening.demo(show=False)
    window.models.load_first(checkpoint)
    wait(lambda: state.cases.demo.cases, "the demo")
    wait(lambda: state.analysis.session or state.analysis.problem, "the model")
    if state.analysis.session is None:
        raise TimeoutError(state.analysis.problem)
    case = next(c for c in state.cases.demo.cases if c.title == CASE)
    state.open_series(case, case.series[0])
    native = [n for n in state.analysis.map_names if not n.startswith("shap")]
    wait(lambda: set(native) <= set(state.analysis.maps), "the maps")
    settle(window)


def steps(window) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is done before each frame: a sentence, and how."""
    from viewer.state.storage import REFERENCE

    state = window.state
    document = state.masks.document
    own = next(mask for mask in document.masks if mask.id != REFERENCE)
    lesion = document.mask(REFERENCE).frame(state.frame)
    rows, cols = np.nonzero(lesion)
    top, height = rows.min(), np.ptp(rows) + 1
    radius = height / (2 * SWEEPS)
    lines = []
    for index in range(SWEEPS):
        row = int(top + radius * (2 * index + 1))
        inside = np.flatnonzero(lesion[row])
        lines.append((row, inside.min() + radius / 2, inside.max() - radius / 2))
    row, left, right = lines[0]
    beyond = right + 0.45 * np.ptp(cols)

    def begin() -> None:
        state.masks.compare_with(own.id)
        document.set_active(own.id)
        brush = window.toolbox["brush"]
        brush.size.set_radius(radius)
        window.choose_tool(brush)

    yield "before drawing", begin
    yield "a first stroke that overshoots", lambda: stroke(window, row, left, beyond)
    for index, (row, left, right) in enumerate(lines[1:], 2):
        yield f"stroke {index}", lambda r=row, a=left, b=right: stroke(window, r, a, b)

    def erase() -> None:
        window.choose_tool(window.toolbox["eraser"])
        row, _, right = lines[0]
        stroke(window, row, right + 1.6 * radius, beyond + 2 * radius)

    yield "the overshoot erased", erase


def stroke(window, row: float, start: float, stop: float) -> None:
    """Drag the mouse along a row of the image."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    view = window.views.active

    def at(col: float):
        return view.viewport.to_widget(row, col).toPoint()

    QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=at(start))
    for col in np.linspace(start, stop, 24):
        QTest.mouseMove(view.surface, at(col))
        run(10)
    QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=at(stop))


def score_rows(window, number: int, what: str) -> list[dict[str, object]]:
    """Return what the agreement panel says at a frame, a row a map."""
    rows = []
    for name, score in window.state.scores.all().items():
        values = {
            key: "" if value is None else f"{value:.4f}"
            for key, value in (
                ("rma", score.rma),
                ("rra", score.rra),
                ("chance_rma", score.chance_rma),
                ("prior_rma", score.prior_rma),
                ("prior_rra", score.prior_rra),
            )
        }
        rows.append(
            {"frame": f"{number:02d}", "step": what, "map": name, "pixels": score.area, **values}
        )
    return rows


def save(window, path: Path) -> None:
    """Save the window, its colours in steps of 3: nobody sees it, and speckle packs better."""
    from PIL import Image
    from PySide6.QtGui import QImage

    grabbed = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    width, height = grabbed.width(), grabbed.height()
    pixels = np.frombuffer(grabbed.constBits(), np.uint8).reshape(height, -1)[:, : 3 * width]
    stepped = (np.rint(pixels / 3) * 3).astype(np.uint8).reshape(height, width, 3)
    Image.fromarray(stepped).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
