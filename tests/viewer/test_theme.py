"""The theme keeps its promises: a full stylesheet, a readable font, icons that draw."""

from __future__ import annotations

import re

import pytest

import resources
from viewer import icons, theme


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
