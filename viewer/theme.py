"""Design tokens by role, and the one stylesheet generated from them.

Widgets never name a colour: they take it from ``current()`` when they paint, or get it from the
stylesheet through their object name or the ``role`` property.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

import resources

ROW = 28
"""Height of a row of text, px; rows with two lines or controls may go to 32."""
CASES_WIDTH = 248
TOOLS_WIDTH = 44
ANSWERS_WIDTH = 328
STATUS_HEIGHT = 26
TOP_HEIGHT = 40


@dataclass(frozen=True)
class Tokens:
    """Colours by role. ``canvas`` is black in both themes: a light surround hides contrast."""

    name: str
    canvas: str
    window: str
    panel: str
    raised: str
    hover: str
    line: str
    line_strong: str
    text: str
    secondary: str
    faint: str  # decoration and disabled controls, never information
    accent: str
    accent_quiet: str
    on_accent: str
    answer: str
    good: str
    warning: str
    track: str
    over_image: str
    shadow: str

    def colour(self, role: str) -> QColor:
        """Return a role as a QColor."""
        return QColor(getattr(self, role))


DARK = Tokens(
    name="dark",
    canvas="#000000",
    window="#0E1116",
    panel="#12161C",
    raised="#1D2530",
    hover="#181E26",
    line="#242B35",
    line_strong="#2D3643",
    text="#D7DCE3",
    secondary="#8A95A5",
    faint="#5A6575",
    accent="#4DD0E1",
    accent_quiet="#0E3038",
    on_accent="#06262B",
    answer="#A9BEF5",
    good="#8BD17C",
    warning="#E8A33D",
    track="#242B35",
    over_image="#E6EAF0",
    shadow="#000000",
)

LIGHT = Tokens(
    name="light",
    canvas="#000000",
    window="#E6EAEF",
    panel="#F4F6F8",
    raised="#DFE6ED",
    hover="#E9EEF3",
    line="#D3DAE2",
    line_strong="#B3BECA",
    text="#1B2430",
    secondary="#51606F",
    faint="#94A0AD",
    accent="#006B7B",
    accent_quiet="#C5E6EB",
    on_accent="#FFFFFF",
    answer="#2F4C9C",
    good="#266A1C",
    warning="#955600",
    track="#D3DAE2",
    over_image="#E6EAF0",
    shadow="#000000",
)

THEMES = {"dark": DARK, "light": LIGHT}

_current = DARK
_family = ""


def current() -> Tokens:
    """Return the theme in use."""
    return _current


def load_fonts() -> str:
    """Register the shipped Inter; return its family, or "" where it is missing."""
    global _family
    if not _family:
        for file in sorted(resources.path("fonts").glob("*.otf")):
            index = QFontDatabase.addApplicationFont(str(file))
            families = QFontDatabase.applicationFontFamilies(index) if index >= 0 else []
            if families and not _family:
                _family = families[0]
    return _family


def font(
    size: int = 13, weight: QFont.Weight = QFont.Weight.Normal, *, spaced: bool = False
) -> QFont:
    """Return the interface font at ``size`` px (at least 11) with tabular figures."""
    family = load_fonts()
    result = QFont(family) if family else QFont(QApplication.font())
    result.setPixelSize(max(size, 11))
    result.setWeight(weight)
    result.setStyleHint(QFont.StyleHint.SansSerif)
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    result.setFeature(QFont.Tag("tnum"), 1)
    if spaced:
        result.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.5)
    return result


def apply(application: QApplication, name: str = "dark") -> Tokens:
    """Put the theme on the application: palette, font and stylesheet."""
    global _current
    _current = THEMES.get(name, DARK)
    application.setStyle("Fusion")
    application.setFont(font())
    application.setPalette(_palette(_current))
    application.setStyleSheet(stylesheet(_current))
    return _current


def _palette(tokens: Tokens) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: tokens.panel,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.panel,
        QPalette.ColorRole.AlternateBase: tokens.raised,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.panel,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.PlaceholderText: tokens.secondary,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.Accent: tokens.accent,
    }
    palette = QPalette()
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.faint))
    return palette


def stylesheet(tokens: Tokens) -> str:
    """Fill resources/style/window.qss with a theme's tokens."""
    template = Template(resources.path("style", "window.qss").read_text(encoding="utf-8"))
    check = resources.path("icons", f"check-{tokens.name}.svg").as_posix()
    down = resources.path("icons", f"chevron-{tokens.name}.svg").as_posix()
    dash = resources.path("icons", f"dash-{tokens.name}.svg").as_posix()
    return template.substitute(asdict(tokens), check=check, dash=dash, down=down)


def repolish(widget: object) -> None:
    """Have the stylesheet looked at again after a dynamic property changed."""
    from PySide6.QtWidgets import QWidget

    if isinstance(widget, QWidget):
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)
        widget.update()


LEFT_MIDDLE = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT_MIDDLE = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
