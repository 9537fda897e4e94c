"""The grid as it was left: at the next start and for the next case, without whose images it was."""

from __future__ import annotations

import json

import pytest

from tests.viewer.conftest import settled
from viewer.compare.memory import SETTING, parse
from viewer.settings import Settings
from viewer.state.contents import HERE, NO_MASKS, Content
from viewer.state.storage import REFERENCE


def test_the_next_start_has_the_grid_as_it_was_left(make_window, pictures, until):
    window = make_window(pictures)
    state, views = window.state, window.views
    window.actions_["grid-2x2"].trigger()
    state.overlays.show(0, "local")
    state.overlays.show(1, "attention")
    state.overlays.show(3, None)
    state.contents.change(0, masks=NO_MASKS)
    state.contents.change(2, masks=REFERENCE)
    views.links.set_linked(views.views[1], False)
    views.links.set_linked(views.views[2], False, "window")
    state.analysis.derive("gate-minus-local")
    state.overlays.show(2, "gate-minus-local")
    state.overlays.restyle(kind="contours")
    state.set_active_view(3)
    until(lambda: settled(window))
    window.close()

    again = make_window(pictures)
    state, views = again.state, again.views
    assert state.grid == (2, 2) and state.active_view == 3
    maps = [state.overlays[view].map_name for view in range(4)]
    assert maps == ["local", "attention", "gate-minus-local", None]
    until(lambda: settled(again))
    shown = [view.visible_overlay for view in views.shown]
    assert [one and one.map.name for one in shown] == maps
    assert shown[0].style.kind == "contours"
    assert [state.contents[view].masks for view in range(3)] == [NO_MASKS, "", REFERENCE]
    assert not views.links.is_linked(views.views[1])
    assert views.links.aspects(views.views[2]) == {"place", "frame", "cursor"}
    assert views.links.is_linked(views.views[0])

    # And for the next case.
    second = state.cases.opened.cases[1]
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(again))
    assert [one and one.map.name for one in (v.visible_overlay for v in views.shown)] == maps
    assert all(view.image is state.image for view in views.shown)


def test_what_refers_to_other_cases_is_not_remembered_and_no_name_is_written(
    make_window, pictures, until
):
    window = make_window(pictures)
    state = window.state
    window.actions_["one-view"].trigger()
    window.compare.memory.keep()
    before = Settings().text(SETTING)
    assert json.loads(before)["grid"] == [1, 1]
    window.actions_["grid-2x2"].trigger()
    second = state.cases.opened.cases[1]
    state.contents.set(1, Content(second, second.series[0]))
    until(lambda: settled(window))
    window.close()
    assert Settings().text(SETTING) == before
    again = make_window(ready=False)
    assert again.state.grid == (1, 1) and again.state.contents[0] == HERE
    text = "".join(parse_all(Settings()))
    assert "a (1)" not in text and "a (2)" not in text and "pictures" not in text


def parse_all(settings: Settings) -> list[str]:
    keys = [key for key in settings._store.allKeys() if key.startswith("grid")]
    assert keys
    return [str(settings._store.value(key)) for key in keys]


def test_a_mask_of_one_image_shown_alone_is_not_sought_in_the_next(make_window, pictures, until):
    window = make_window(pictures)
    state = window.state
    mask = next(m for m in state.masks.all if m.id != REFERENCE)
    state.contents.change(0, masks=mask.id)
    second = state.cases.opened.cases[1]
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(window))
    assert state.contents[0].masks == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", '{"grid": [9, 9], "active": 0, "views": []}'),
        '{"grid": [1, 1], "active": 0, "views": [{"map": 3, "masks": "", "unlinked": []}]}',
        '{"grid": [1, 2], "active": 0, "views": [{"map": "", "masks": "", "unlinked": []}]}',
        '{"grid": [1, 1e999], "active": 0, "views": []}',
        "[" * 100_000,
    ],
)
def test_what_is_not_a_grid_changes_nothing(text):
    assert parse(text) is None


def test_a_map_that_this_model_does_not_have_gives_way_to_its_own(make_window, pictures):
    window = make_window(ready=False)
    window.state.settings.set(
        SETTING,
        json.dumps(
            {
                "grid": [1, 1],
                "active": 7,
                "views": [{"map": "product", "masks": "x", "empty": False, "unlinked": ["warp"]}],
            }
        ),
    )
    window.state.settings._store.sync()
    window.compare.memory._soon.stop()
    again = make_window(pictures)
    assert again.state.overlays[0].map_name == "gate" and again.state.active_view == 0
    assert again.state.contents[0] == HERE and again.views.links.is_linked(again.views.views[0])
