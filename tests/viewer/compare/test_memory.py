"""The grid as it was left: at the next start and for the next case, without whose images it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.viewer.conftest import settled
from viewer.compare.memory import NO_MODEL, SETTING, parse, waiting
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


def with_another_case(window, until) -> None:
    """Show the second case with another model's local map beside the first one."""
    state = window.state
    window.actions_["grid-2x2"].trigger()
    second = state.cases.opened.cases[1]
    state.contents.set(1, Content(second, second.series[0]))
    state.overlays.show(1, "local")
    until(lambda: settled(window) and window.views.subjects[1].image is not None)


def test_another_case_is_found_again_and_no_name_is_written(make_window, pictures, until):
    window = make_window(pictures)
    with_another_case(window, until)
    window.close()
    text = "".join(parse_all(Settings()))
    for word in ("a (1)", "a (2)", "pictures", str(pictures), "lesion", "malignant"):
        assert word not in text
    again = make_window(pictures)
    until(lambda: settled(again) and again.views.subjects[1].image is not None)
    state = again.state
    second = state.cases.opened.cases[1]
    assert state.grid == (2, 2) and state.overlays[1].map_name == "local"
    content = state.contents[1]
    assert (content.case, content.series) == (second, second.series[0])
    assert state.case is state.cases.opened.cases[0]
    assert "in the list now" not in again.notice.text


def test_a_case_that_is_not_listed_gives_way_to_this_one_until_it_is(
    make_window, pictures, tmp_path, until
):
    window = make_window(pictures)
    with_another_case(window, until)
    window.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Pillow.fromarray(np.full((40, 40), 90, np.uint8)).save(elsewhere / "other.png")
    again = make_window(elsewhere)
    state = again.state
    until(lambda: again.notice.text == waiting(1))
    assert state.grid == (2, 2) and state.contents[1] == HERE
    assert again.views.views[1].image is state.image
    # Closed again without it, it is still remembered; and taken up once it is opened.
    again.compare.memory.keep()
    assert json.loads(Settings().text(SETTING))["views"][1]["series"]
    state.open_paths([pictures], show=False)
    until(lambda: state.contents[1].series is not None)
    assert state.contents[1].series is state.cases.opened.cases[2].series[0]
    until(lambda: settled(again))


def test_what_the_reader_puts_into_a_waiting_view_stays(make_window, pictures, tmp_path, until):
    window = make_window(pictures)
    with_another_case(window, until)
    window.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Pillow.fromarray(np.full((40, 40), 90, np.uint8)).save(elsewhere / "other.png")
    again = make_window(elsewhere)
    state = again.state
    until(lambda: again.notice.text == waiting(1))
    state.contents.change(1, masks=NO_MASKS)
    state.open_paths([pictures], show=False)
    until(lambda: len(state.cases.opened.cases) > 2 and state.jobs.idle)
    assert state.contents[1] == Content(masks=NO_MASKS)
    assert not again.compare.memory._waiting


def test_another_model_is_found_again_or_missed_in_a_sentence(
    make_window, pictures, checkpoint_path, tmp_path, until
):
    other = tmp_path / "other.safetensors"
    other.write_bytes(checkpoint_path.read_bytes())
    window = make_window(pictures)
    window.actions_["two-views"].trigger()
    window.state.contents.change(1, checkpoint=other)
    until(lambda: other in window.views.board.checkpoints.known and settled(window))
    window.close()
    assert str(other) not in "".join(parse_all(Settings()))
    again = make_window(pictures)
    assert again.state.contents[1] == Content(checkpoint=other)
    until(lambda: settled(again))
    again.close()
    other.unlink()
    without = make_window(pictures)
    until(lambda: without.notice.text == NO_MODEL)
    assert without.state.contents[1] == HERE


def test_where_files_are_not_remembered_no_series_is(make_window, pictures, until):
    window = make_window(pictures)
    window.state.settings.remember_files(False)
    window.actions_["one-view"].trigger()
    window.compare.memory.keep()
    before = Settings().text(SETTING)
    with_another_case(window, until)
    window.close()
    assert Settings().text(SETTING) == before


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
