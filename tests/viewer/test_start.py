"""Starting: what is imported before the window is there, the command line, the screenshot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pillow

from viewer.__main__ import choose_platform, parser

ROOT = Path(__file__).parents[2]


def run(arguments: list[str], home: Path, **environment: str) -> subprocess.CompletedProcess:
    variables = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    variables |= {"SALISCOPE_HOME": str(home), "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, *arguments],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def screenshot(
    path: Path, checkpoint: Path, target: Path, *more: str
) -> subprocess.CompletedProcess:
    arguments = ["-m", "viewer", str(path), "--checkpoint", str(checkpoint)]
    return run([*arguments, "--screenshot", str(target), *more], target.parent / "home")


def test_window_shows_before_torch_shap_or_matplotlib_are_imported(tmp_path):
    code = """
import sys
from PySide6.QtWidgets import QApplication
from viewer import theme
from viewer.window import Window
application = QApplication([])
theme.apply(application)
window = Window()
window.show()
application.processEvents()
heavy = [n for n in ("torch", "timm", "shap", "matplotlib", "scipy", "sklearn") if n in sys.modules]
print("visible", window.isVisible(), "heavy", heavy)
"""
    done = run(["-c", code], tmp_path)
    assert done.stdout.strip() == "visible True heavy []", done.stdout + done.stderr


def test_screenshot_of_a_picture(tmp_path, pictures, checkpoint_path):
    target = tmp_path / "shots" / "window.png"
    done = screenshot(pictures / "a (1).png", checkpoint_path, target, "--size", "1280x800")
    assert done.returncode == 0, done.stderr
    assert Pillow.open(target).size == (1280, 800)
    assert not (target.parent / "home" / "config" / "viewer.ini").exists()  # it leaves no trace


def test_screenshot_says_why_there_is_none(tmp_path, pictures, checkpoint_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    target = tmp_path / "window.png"
    done = screenshot(pictures / "a (1).png", bad, target)
    assert done.returncode == 1 and not target.exists()
    assert "no screenshot" in done.stderr and "bad.safetensors" in done.stderr
    assert "Traceback" not in done.stderr

    text = pictures / "notes.png"
    text.write_text("not a picture")
    done = screenshot(text, checkpoint_path, target)
    assert done.returncode == 1 and "notes.png" in done.stderr
    assert "Traceback" not in done.stderr


def test_paths_that_do_not_exist_and_no_display_are_one_line_each(tmp_path):
    done = run(["-m", "viewer", str(tmp_path / "none.png")], tmp_path, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 2 and "does not exist" in done.stderr
    environment = {"QT_QPA_PLATFORM": ""}
    done = run(["-m", "viewer"], tmp_path, **environment)
    if sys.platform.startswith("linux"):
        assert done.returncode == 2 and "no display" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_offscreen_is_only_chosen_without_a_display():
    with_display = {"DISPLAY": ":1"}
    choose_platform(with_display, "linux")
    assert "QT_QPA_PLATFORM" not in with_display
    without: dict[str, str] = {}
    choose_platform(without, "linux")
    assert without == {"QT_QPA_PLATFORM": "offscreen"}
    mac: dict[str, str] = {}
    choose_platform(mac, "darwin")
    assert mac == {}


@pytest.mark.parametrize("size", ["1280", "axb", "10x10", "99999x99999"])
def test_sizes_that_are_none_are_refused(size, capsys):
    with pytest.raises(SystemExit) as left:
        parser().parse_args(["--size", size])
    assert left.value.code == 2
    assert "size" in capsys.readouterr().err
