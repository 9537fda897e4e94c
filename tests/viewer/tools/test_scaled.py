"""The same pixels on a screen of two device pixels to a logical one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("scale", ["2", "1.5"])
def test_drawing_and_reading_are_exact_on_a_scaled_screen(scale):
    """Qt takes its scale when it starts, hence a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("-k", "stroke or dab or polygon or corner_pixel or pixels_on_screen or one_to_one"),
            *(str(TESTS / "tools" / "test_drawing.py"), str(TESTS / "canvas" / "test_view.py")),
        ],
        env={**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen"},
        cwd=TESTS.parents[1],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
