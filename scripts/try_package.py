"""Start the desktop build as a user would and report its size and start times.

    python scripts/try_package.py dist/saliscope [--quick] [--json FILE]

Runs with an environment of a few variables, a home of its own and no Python path; fails, saying
what, when the build cannot answer, draw, decode, explain, convert or report, loads a file of the
environment that made it, or lacks a module that the program imports anywhere. The Python that runs
this is the one the build was made with: it knows pydicom's test files and PyInstaller's archives.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "resources" / "demo" / "images"
COMPRESSED = (  # of pydicom's own test files, one a way of compressing
    "JPEG2000.dcm",
    "JPEGLSNearLossless_16.dcm",
    "JPGExtended.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
)
_LIMIT = 600  # s for one command; a machine with one slow core needs minutes for SHAP
_WARM_STARTS = 3


class Failed(Exception):
    """The build does not do what it must."""


class Build:
    """A folder made by PyInstaller, started with nothing of this process's environment."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder.resolve()
        self.home = home
        self.loaded: set[str] = set()
        ending = ".exe" if sys.platform == "win32" else ""
        self.window = self.folder / f"saliscope{ending}"
        self.engine = self.folder / f"saliscope-engine{ending}"
        for program in (self.window, self.engine):
            if not os.access(program, os.X_OK):
                raise Failed(f"there is no program {program}")

    def environment(self, **more: str) -> dict[str, str]:
        """Return all that the programs get to see."""
        kept = ("SYSTEMROOT", "TEMP", "TMP", "WINDIR") if sys.platform == "win32" else ()
        result = {name: os.environ[name] for name in kept if name in os.environ}
        result |= {"HOME": str(self.home), "USERPROFILE": str(self.home), "LANG": "C.UTF-8"}
        if sys.platform != "win32":
            result["PATH"] = "/usr/bin:/bin"
        return result | {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"} | more

    def start(self, program: Path, *arguments: str | Path, **more: str) -> subprocess.Popen[str]:
        """Start a program in the home folder."""
        return subprocess.Popen(
            [str(program), *map(str, arguments)],
            env=self.environment(**more),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: Path, *arguments: str | Path) -> tuple[float, str]:
        """Run a program to its end; return its seconds and standard output, or raise."""
        began = time.monotonic()
        process = self.start(program, *arguments)
        with _maps_of(process.pid, self.loaded):
            try:
                out, err = process.communicate(timeout=_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise Failed(f"{program.name} {_joined(arguments)}: not in {_LIMIT} s") from None
        if process.returncode != 0:
            raise Failed(
                f"{program.name} {_joined(arguments)}: status {process.returncode}: {err.strip()}"
            )
        if "Traceback" in err:
            raise Failed(f"{program.name} {_joined(arguments)}: {err.strip()}")
        return time.monotonic() - began, out

    def picture(self, target: Path, *arguments: str | Path, coloured: bool = True) -> float:
        """Have the window take its picture; return the seconds it took.

        coloured: whether the map's colours must be seen; a gate that is shut has none.
        """
        size = ("--size", "1280x800")
        seconds, _ = self.run(self.window, *arguments, "--screenshot", target, *size)
        _check_picture(target, coloured)
        return seconds


@contextmanager
def _maps_of(pid: int, seen: set[str]) -> Iterator[None]:
    """Collect the files that a process maps, while it runs (Linux)."""
    maps = Path(f"/proc/{pid}/maps")
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            try:
                lines = maps.read_text().splitlines()
            except OSError:
                return
            seen.update(line.split(maxsplit=5)[5] for line in lines if "/" in line)

    watcher = threading.Thread(target=watch, daemon=True)
    if maps.exists():
        watcher.start()
    try:
        yield
    finally:
        ended.set()
        if watcher.ident is not None:
            watcher.join()


def _joined(arguments: tuple[str | Path, ...]) -> str:
    return " ".join(Path(a).name if isinstance(a, Path) else a for a in arguments)


def _check_picture(path: Path, coloured: bool) -> None:
    """Raise where a picture of the window lacks its icons, its image or the map's colours."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    if pixels.shape[:2] != (800, 1280):
        raise Failed(f"{path.name} is {pixels.shape[1]} x {pixels.shape[0]} px, not 1280 x 800")
    tools, image, overlay = pixels[45:640, 252:288], pixels[130:700, 296:616], pixels[130:700, 630:]
    colours = (overlay[:, :260].max(axis=2) - overlay[:, :260].min(axis=2) > 40).mean()
    for what, there in (
        ("icons in its tool bar", len(np.unique(tools.reshape(-1, 3), axis=0)) > 30),
        ("image", image.std() > 10),
        ("map over the image", colours > 0.003 or not coloured),
        ("text in its panel", (overlay[:, 320:].max(axis=2) > 150).mean() > 0.005),
    ):
        if not there:
            raise Failed(f"{path.name} shows no {what}")


def _forget_files(folder: Path) -> bool:
    """Have the system drop a folder's files from memory; False where it has no way to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
    return True


def size_of(folder: Path) -> tuple[int, int]:
    """Return bytes on disk, links not counted twice, and the number of files."""
    files = [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
    return sum(p.stat().st_size for p in files), len(files)


def imported_modules(inside: set[str]) -> set[str]:
    """Return what the build's own modules import, in functions too, and all of the viewer.

    inside: modules in the build. Of the engine, what only training uses is not there.
    """
    found: set[str] = set()
    for package in ("engine", "viewer", "resources"):
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name not in inside and package == "engine":
                continue
            found.add(name)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found.update(name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
    return found


def check_modules(build: Build) -> int:
    """Raise where a module that the source imports is not in the build; return how many are."""
    from PyInstaller.archive.readers import CArchiveReader

    archive = CArchiveReader(str(build.window))
    inside = set(archive.open_embedded_archive("PYZ.pyz").toc) | set(archive.toc)
    files = build.folder / "_internal"
    with zipfile.ZipFile(files / "base_library.zip") as base:
        inside |= {
            name.partition(".py")[0].removesuffix("/__init__").replace("/", ".")
            for name in base.namelist()
        }
    wanted = imported_modules(inside) - set(sys.builtin_module_names)
    wanted -= {"msvcrt" if sys.platform != "win32" else "fcntl"}
    missing = []
    for name in sorted(wanted - inside):
        *above, last = name.split(".")
        compiled = (files.joinpath(*above), *files.glob("python3*/lib-dynload"))
        if not any(any(place.glob(f"{last}.*")) for place in compiled):
            missing.append(name)
    if missing:
        raise Failed(f"the build lacks {', '.join(missing)}")
    return len(wanted)


def check_resources(build: Build) -> int:
    """Raise where a file of the program's own is not in the build; return how many are."""
    sys.path.insert(0, str(ROOT))
    from desktop.contents import resources

    files = resources()
    for source, place in files:
        copy = build.folder / "_internal" / place / Path(source).name
        if not copy.is_file() or copy.read_bytes() != Path(source).read_bytes():
            raise Failed(f"the build lacks {place}/{Path(source).name}, or holds another one")
    return len(files)


def check_loaded(build: Build) -> None:
    """Raise where the build took a file from the environment or the repository it was made of."""
    places = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()} - {Path("/usr")}
    taken = sorted(
        path
        for path in build.loaded
        if not Path(path).is_relative_to(build.folder)
        and any(Path(path).is_relative_to(place) for place in places)
    )
    if taken:
        raise Failed(f"the build loads what is outside of it: {', '.join(taken[:5])}")


@contextmanager
def _display() -> Iterator[str | None]:
    """A screen of our own (Xvfb), or None where there is none to be had."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        yield None
        return
    read, write = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as numbers:
            yield f":{numbers.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def time_to_window(build: Build, display: str) -> float:
    """Return the seconds from the start to a window on the screen."""
    began = time.monotonic()
    process = build.start(build.window, QT_QPA_PLATFORM="xcb", DISPLAY=display)
    search = ["xdotool", "search", "--onlyvisible", "--name", "Saliscope"]
    variables = {**os.environ, "DISPLAY": display}
    try:
        while True:
            found = subprocess.run(search, env=variables, capture_output=True, check=False)
            seconds = time.monotonic() - began
            if found.stdout.strip():
                return seconds
            if process.poll() is not None:
                assert process.stderr is not None
                raise Failed(f"no window, status {process.returncode}: {process.stderr.read()}")
            if seconds > _LIMIT:
                raise Failed(f"no window within {_LIMIT} s")
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()


def try_all(build: Build, work: Path, quick: bool) -> dict[str, object]:
    """Try everything; return what was measured."""
    total, files = size_of(build.folder)
    report: dict[str, object] = {"bytes": total, "files": files}
    print(f"size on disk: {total / 1e6:.0f} MB in {files} files")
    print(f"modules that the source imports, all there: {check_modules(build)}")
    print(f"files of the program's own, all there: {check_resources(build)}")

    times: dict[str, float] = {}
    if _forget_files(build.folder):
        times["answer, cold"] = build.picture(work / "cold.png")
    build.picture(work / "demo.png")
    warm = [build.picture(work / "demo.png") for _ in range(1 if quick else _WARM_STARTS)]
    times["answer, warm"] = statistics.median(warm)
    with _display() as display:
        if display is not None:
            if _forget_files(build.folder):
                times["window, cold"] = time_to_window(build, display)
            warm = [time_to_window(build, display) for _ in range(1 if quick else _WARM_STARTS)]
            times["window, warm"] = statistics.median(warm)
        else:
            print("no Xvfb and xdotool here: time to the window not measured")
    for name, seconds in times.items():
        print(f"{name}: {seconds:.1f} s after the start")
    report["seconds"] = {name: round(seconds, 2) for name, seconds in times.items()}

    build.picture(work / "ultrasound.png", DEMO / "DEMO04" / "DEMO04_view1.png")
    build.picture(work / "nifti.png", DEMO / "DEMO03", coloured=False)  # its gate is shut
    print("window: ultrasound PNG, NIfTI")

    from pydicom.data import get_testdata_file

    compressed = [Path(str(get_testdata_file(name, download=False))) for name in COMPRESSED]
    build.picture(work / "compressed.png", compressed[0], coloured=False)
    _, out = build.run(build.engine, "predict", *compressed, "--json")
    answered = {row["path"] for row in json.loads(out)}
    if missing := [path.name for path in compressed if str(path) not in answered]:
        raise Failed(f"no answer to {', '.join(missing)}")
    print(f"decoded and answered: {', '.join(COMPRESSED)}")

    image = DEMO / "DEMO01" / "T1" / "002.dcm"
    mask = ROOT / "resources" / "demo" / "masks" / "DEMO01" / "T1" / "002_mask.png"
    maps = ["gate"] if quick else ["gate", "shap-gate"]
    named = [word for name in maps for word in ("--map", name)]
    build.run(build.engine, "explain", image, *named, "--out", work / "maps")
    _want(work / "maps", *(f"{name}.{kind}" for name in maps for kind in ("npy", "png")))
    print(f"explained: {', '.join(maps)}")

    segmentation = work / "mask.dcm"
    build.run(build.engine, "convert-mask", mask, "--image", image, "--out", segmentation)
    build.run(build.engine, "convert-mask", segmentation, "--image", image, "--out", work / "m.png")
    _want(work, "mask.dcm", "m*.png")
    print("mask: PNG to DICOM Segmentation and back")

    build.run(
        *(build.engine, "export", DEMO / "DEMO05", "--out", work / "away", "--masks", "all"),
        *("--figures", "png,pdf,svg", "--report", "--scores", "--overlays"),
    )
    _want(work / "away", "scores.csv", "export.json", "**/*.pdf", "**/*.svg", "**/*.nii.gz")
    build.run(
        *(build.engine, "export", DEMO / "DEMO06", "--out", work / "nameless", "--images"),
        *("--masks", "dicom-seg", "--deidentify"),
    )
    _want(work / "nameless", "**/*.dcm", "removed.txt")
    print("exported: masks, figures, report, scores; de-identified DICOM")
    check_loaded(build)
    return report


def _want(folder: Path, *patterns: str) -> None:
    """Raise where a file that should have been written was not, or is empty."""
    for pattern in patterns:
        if not any(path.stat().st_size for path in folder.glob(pattern)):
            there = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))
            raise Failed(f"no {pattern} was written; there is {', '.join(there) or 'nothing'}")


def main() -> int:
    """Try a build; 0 where it does all that it must."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="dist/saliscope")
    parser.add_argument("--quick", action="store_true", help="without SHAP, and each start once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what the build wrote here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saliscope-package-") as temporary:
        work = given.keep.resolve() if given.keep else Path(temporary) / "out"
        home = Path(temporary) / "home"
        for folder in (work, home):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            report = try_all(Build(given.folder, home), work, given.quick)
        except Failed as failure:
            print(f"the build does not work: {failure}", file=sys.stderr)
            return 1
        if given.json:
            given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print("the build works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
