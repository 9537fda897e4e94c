"""Line icons: SVG files in resources/icons, drawn in the theme's colours at any scale.

Each file is 20 by 20 with 1.4 strokes in ``currentColor``.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources
from viewer import theme

SIZE = 20
_SCALES = (1.0, 1.25, 1.5, 2.0, 3.0)


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, colour: str, size: int = SIZE, scale: float = 1.0) -> QPixmap:
    """Draw the icon ``name`` in one colour; ``size`` in device-independent pixels."""
    side = round(size * scale)
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(scale)
    return picture


@lru_cache(maxsize=512)
def _icon(name: str, normal: str, active: str, disabled: str, size: int) -> QIcon:
    icon = QIcon()
    states = (
        (QIcon.Mode.Normal, QIcon.State.Off, normal),
        (QIcon.Mode.Active, QIcon.State.Off, active),
        (QIcon.Mode.Selected, QIcon.State.Off, active),
        (QIcon.Mode.Disabled, QIcon.State.Off, disabled),
        (QIcon.Mode.Normal, QIcon.State.On, active),
        (QIcon.Mode.Active, QIcon.State.On, active),
        (QIcon.Mode.Disabled, QIcon.State.On, disabled),
    )
    for scale in _SCALES:
        for mode, state, colour in states:
            icon.addPixmap(pixmap(name, colour, size, scale), mode, state)
    return icon


def icon(name: str, *, size: int = SIZE, colour: str | None = None) -> QIcon:
    """Return the icon in the current theme: secondary at rest, text colour when hovered.

    Checked buttons show it in the accent. ``colour`` draws all states in one colour instead.
    """
    tokens = theme.current()
    normal = colour or tokens.secondary
    return _icon(name, normal, colour or tokens.text, tokens.faint, size)


def tool_icon(name: str) -> QIcon:
    """Return the icon of a tool: the accent when it is the chosen one."""
    tokens = theme.current()
    return _icon(name, tokens.secondary, tokens.accent, tokens.faint, SIZE)


def program() -> QIcon:
    """Return the program's own icon, for the title bar and the list of windows."""
    renderer = QSvgRenderer(str(resources.path("saliscope.svg")))
    icon = QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        picture = QPixmap(side, side)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        renderer.render(painter)
        painter.end()
        icon.addPixmap(picture)
    return icon
