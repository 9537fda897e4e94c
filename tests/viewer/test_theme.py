"""The theme keeps its promises: readable text, a full stylesheet, icons that draw."""

from __future__ import annotations

import re

import pytest

import resources
from viewer import icons, theme


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=lambda t: t.name)
@pytest.mark.parametrize("role", ["text", "secondary", "accent", "answer", "good", "warning"])
@pytest.mark.parametrize("surface", ["panel", "window", "raised"])
def test_information_has_wcag_aa_contrast(tokens, role, surface):
    assert contrast(getattr(tokens, role), getattr(tokens, surface)) >= 4.5


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=lambda t: t.name)
def test_an_answer_has_no_colour_that_means_something_else(tokens):
    assert tokens.answer not in (tokens.warning, tokens.good, tokens.accent)


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=lambda t: t.name)
def test_stylesheet_is_complete_and_holds_no_text_under_11_px(tokens):
    sheet = theme.stylesheet(tokens)
    assert "$" not in sheet.replace("$-words", "")
    assert min(int(size) for size in re.findall(r"font-size:\s*(\d+)px", sheet)) >= 11
    for file in re.findall(r'url\("([^"]+)"\)', sheet):
        assert resources.Path(file).is_file()


def test_font_is_the_shipped_one_with_a_floor_of_11_px(qapp):
    assert theme.font(9).pixelSize() == 11
    assert theme.font().family().startswith("Inter")


@pytest.mark.parametrize("name", sorted(p.stem for p in resources.path("icons").glob("*.svg")))
def test_every_icon_draws_in_the_colour_asked_for(qapp, name):
    source = resources.path("icons", f"{name}.svg").read_text()
    picture = icons.pixmap(name, "#ff0000", 20, 2.0).toImage()
    assert picture.width() == 40
    inked = [
        picture.pixelColor(x, y)
        for x in range(40)
        for y in range(40)
        if picture.pixelColor(x, y).alpha() > 200
    ]
    assert len(inked) > 20
    if "currentColor" in source:
        assert all(c.red() > 200 and c.green() < 50 for c in inked)
