"""Drive the real window through a reading, and leave a picture of every step.

    python scripts/drive_window.py [--out docs/guide] [--study FOLDER] [--scales 100 200]

On an X server of its own (Xvfb) and by X events (xdotool): the first start, a DICOM study opened,
an outline and its scores, a mask exported, slices interpolated, five maps beside one another,
everything exported, the process killed with -9 in mid-stroke, started again and the drawing back.
Once at 1280 x 800, once at twice the pixels. ``steps.csv`` counts clicks, drags, keys and seconds.

The study is a copy of the first demo case unless another is named; there, ellipses are drawn where
``--ellipse`` says.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SIZE = (1280, 800)
COLOURS = {100: 256, 200: 192}  # of the palette, by scale: a picture stays near 300 kB
TASKS = ("task", "size", "clicks", "drags", "keys", "texts", "seconds")


@dataclass(frozen=True)
class Study:
    """A folder, and outlines to draw: by slice, (row, col) in parts of the image."""

    folder: Path
    outlines: dict[int, list[list[float]]]


def demo(work: Path) -> Study:
    """Return a copy of the first demo case's T1, with outlines that follow its lesion."""
    from PIL import Image
    from skimage.filters import gaussian
    from skimage.measure import find_contours

    shipped = ROOT / "resources" / "demo"
    folder = work / "calf"
    shutil.copytree(shipped / "images" / "DEMO01" / "T1", folder)
    outlines = {}
    for number in (0, 1, 3):
        with Image.open(shipped / "masks" / "DEMO01" / "T1" / f"{number + 1:03d}_mask.png") as mask:
            inside = np.asarray(mask) > 0
        line = max(find_contours(gaussian(inside.astype(float), 1.5), 0.45), key=len)
        outlines[number] = (line[:: max(len(line) // 48, 1)] / inside.shape).tolist()
    return Study(folder, outlines)


def named(folder: Path, ellipse: list[float], slices: list[int]) -> Study:
    """Return a study of the user's with ellipses of slightly different sizes."""
    row, col, high, wide = ellipse
    angles = np.linspace(0, 2 * np.pi, 40)
    outlines = {
        number: np.stack(
            [row + size * high * np.sin(angles), col + size * wide * np.cos(angles)], axis=1
        ).tolist()
        for number, size in zip(sorted(slices), (0.8, 1.0, 0.7), strict=True)
    }
    return Study(folder.resolve(), outlines)


def main() -> int:
    """Drive; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "guide")
    parser.add_argument("--study", type=Path, help="DICOM folder")
    parser.add_argument("--ellipse", type=float, nargs=4, default=[0.5, 0.5, 0.15, 0.15])
    parser.add_argument("--slices", type=int, nargs=3, default=[0, 2, 4])
    parser.add_argument("--scales", type=int, nargs="+", default=[100, 200], choices=(100, 200))
    given = parser.parse_args()
    for name in ("Xvfb", "xdotool"):
        if shutil.which(name) is None:
            print(f"drive_window: {name} is not installed (sudo apt-get install xvfb xdotool)")
            return 2
    given.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for scale in given.scales:
        with tempfile.TemporaryDirectory(prefix="reading-") as name:
            work = Path(name)
            if given.study is None:
                study = demo(work)
            else:
                study = named(given.study, given.ellipse, given.slices)
            (work / "outlines.json").write_text(json.dumps(study.outlines), encoding="utf-8")
            rows += drive(study, scale, work, given.out.resolve())
    with (given.out / "steps.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TASKS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 0


def drive(study: Study, scale: int, work: Path, out: Path) -> list[dict[str, object]]:
    """Go through both starts at one scale; return the rows of the tasks."""
    size = f"{SIZE[0] * scale // 100}x{SIZE[1] * scale // 100}"
    suffix = "" if scale == 100 else f"@{scale // 100}x"
    rows: list[dict[str, object]] = []
    shots = 0
    with display(size) as name:
        for act in ("read", "back"):
            process = start(act, name, study, scale, work, out, suffix, shots + 1)
            try:
                for said in heard(process):
                    if "shot" in said:
                        shots += 1
                        pack(Path(said["shot"]), COLOURS[scale])
                    if "task" in said:
                        rows.append({**said, "size": size})
                    print(json.dumps(said), flush=True)
                    if "kill" in said:
                        process.send_signal(signal.SIGKILL)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                status = process.wait()
            if status not in (0, -signal.SIGKILL) or not rows:
                failed = work / "failed.png"
                if failed.exists():
                    shutil.copy(failed, out / "failed.png")
                raise SystemExit(f"drive_window: the window ended with {status}")
            subprocess.run(
                ["xdotool", "mouseup", "1"], env={**os.environ, "DISPLAY": name}, check=True
            )
    return rows


def start(
    act: str, name: str, study: Study, scale: int, work: Path, out: Path, suffix: str, first: int
) -> subprocess.Popen[str]:
    """Start the program with its driver, with settings and masks of its own."""
    environment = {
        **os.environ,
        "DISPLAY": name,
        "QT_QPA_PLATFORM": "xcb",
        "SALISCOPE_HOME": str(work / "home"),
        "HOME": str(work),  # no file dialog shows whose machine this is
    }
    words = [sys.executable, str(ROOT / "scripts" / "driven_window.py"), act]
    for option, value in (("study", study.folder), ("work", work), ("shots", out)):
        words += [f"--{option}", str(value)]
    words += ["--outlines", str(work / "outlines.json")]
    words += ["--first", str(first), f"--suffix={suffix}", "--scale", str(scale)]
    return subprocess.Popen(words, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def heard(process: subprocess.Popen[str]) -> Iterator[dict]:
    """Yield what the program's driver tells, until it ends; it gives up by itself."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            yield json.loads(line)


@contextlib.contextmanager
def display(size: str) -> Iterator[str]:
    """Run an X server of its own with one screen; yield its name."""
    ready, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=(theirs,),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        if not select.select([ready], [], [], 30)[0]:
            raise SystemExit("drive_window: Xvfb did not start")
        yield f":{os.read(ready, 16).decode().strip()}"
    finally:
        os.close(ready)
        server.terminate()
        server.wait()


def pack(path: Path, number: int) -> None:
    """Save a picture with a palette that gives rare colours, as of maps and outlines, their due."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    pixels = np.asarray(picture)
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    # The window's own grounds and texts keep their very colours: a mean would tint whole panels.
    often = np.argsort(counts)[::-1][: number // 4]
    shares = np.ceil(counts**0.25).astype(int)
    shares[often] = 0
    sample = np.repeat(colours & 0xFC, shares, axis=0)[None]
    others = Image.fromarray(np.ascontiguousarray(sample, np.uint8)).quantize(
        number - len(often), method=Image.Quantize.MEDIANCUT, kmeans=2
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette(
        [*colours[often].ravel().tolist(), *(others.getpalette() or [])][: 3 * number]
    )
    packed = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    packed.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
