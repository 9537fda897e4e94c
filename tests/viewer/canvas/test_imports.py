"""The canvas is there at once: what takes seconds to import waits until it is asked for."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "shap", "matplotlib", "pyqtgraph", "scipy", "skimage", "sklearn")


def test_canvas_and_tools_import_nothing_heavy():
    code = (
        "import sys, viewer.canvas.links, viewer.tools.toolbox;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
