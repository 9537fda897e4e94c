"""The program's icon as a PNG: PyInstaller makes Windows' and macOS's own formats of it."""

from __future__ import annotations

import os
from pathlib import Path

_SIDE = 512


def draw(target: Path) -> Path:
    """Draw ``resources/saliscope.svg`` into a PNG of 512 px and return its path."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    source = Path(__file__).resolve().parents[1] / "resources" / "saliscope.svg"
    renderer = QSvgRenderer(str(source))
    if not renderer.isValid():
        raise FileNotFoundError(f"there is no drawing in {source}")
    picture = QImage(_SIDE, _SIDE, QImage.Format.Format_ARGB32)
    picture.fill(0)
    painter = QPainter(picture)
    renderer.render(painter)
    painter.end()
    target.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(target)):
        raise OSError(f"{target} cannot be written")
    return target
