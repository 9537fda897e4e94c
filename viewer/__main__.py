"""``python -m viewer [PATH...]``: start the application."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser(
        prog="saliscope",
        description="Open images, see what a classifier says and where it looked, draw masks "
        "and read how far each map agrees. Research use only, not for diagnosis.",
    )
    result.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders")
    result.add_argument("--checkpoint", type=Path, metavar="C", help="model (.safetensors)")
    result.add_argument(
        "--screenshot",
        type=Path,
        metavar="PNG",
        help="save the window once the prediction and the map are there, then leave",
    )
    result.add_argument("--map", default="", metavar="NAME", help="map over the active view")
    result.add_argument("--frame", type=int, metavar="N", help="slice to show, from 0")
    result.add_argument("--size", type=_size, metavar="WxH", help="window size, e.g. 1280x800")
    result.add_argument("--theme", choices=("dark", "light"), help="look of this start")
    result.add_argument(
        "--scale",
        type=int,
        choices=(100, 110, 125, 150, 175, 200),
        metavar="PERCENT",
        help="size of the interface of this start, 100 to 200",
    )
    result.add_argument(
        "--resume", action="store_true", help="open what was open when the program last ran"
    )
    result.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds that --screenshot waits (default 300)",
    )
    return result


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no size; write it as 1280x800") from None
    if not (640 <= width <= 16384 and 400 <= height <= 16384):
        raise argparse.ArgumentTypeError(f"“{text}” is no size that a window can have")
    return width, height


def choose_platform(environment: dict[str, str] | os._Environ[str], system: str) -> None:
    """Have Qt draw offscreen where there is no display; Qt would abort otherwise."""
    display = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if system.startswith("linux") and not display:
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application; return its exit status."""
    given = parser().parse_args(arguments)
    headless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
        or os.environ.get("QT_QPA_PLATFORM")
    )
    if headless and given.screenshot is None:
        print(
            "saliscope: there is no display to open a window on; start it in a desktop session, "
            "or use --screenshot PNG.",
            file=sys.stderr,
        )
        return 2
    choose_platform(os.environ, sys.platform)
    missing = [path for path in given.paths if not path.exists()]
    if missing:
        print(f"saliscope: {missing[0]} does not exist; check the path.", file=sys.stderr)
        return 2

    from PySide6.QtWidgets import QApplication

    from viewer import icons, log, scaling, theme
    from viewer.settings import Settings
    from viewer.state import AppState
    from viewer.window import Window

    settings = Settings(passing=given.screenshot is not None)
    scaling.prepare(settings, os.environ, given.scale)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Saliscope")
    application.setApplicationDisplayName("Saliscope")
    application.setWindowIcon(icons.program())
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log.start()
    theme.apply(application, given.theme or settings.text("theme", "dark"))
    window = Window(AppState(settings))
    log.catch_unexpected(lambda sentence: window.state.notice.emit(sentence, "warning"))
    if given.size is not None:
        window.resize(*given.size)
    paths = list(given.paths)
    if given.resume and not paths:
        paths = list(settings.open_paths)
    if given.screenshot is None and not paths:
        window.opening.offer_last()
        window.assistance.tour.start_once()
    window.show()
    window.opening.start_soon(paths, given.checkpoint, given.map, given.frame)
    if given.screenshot is not None:
        from viewer.screenshot import Screenshot

        Screenshot(
            window,
            given.screenshot,
            map_name=given.map,
            frame=given.frame,
            timeout_s=given.timeout,
        )
    status = application.exec()
    window.state.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
