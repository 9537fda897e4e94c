"""Comparing in a real window: other images, other models, and what they have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

import resources
from engine.evaluation.coherence import coherence
from engine.images.reference import read_reference_volume
from engine.masks.shapes import disc
from tests.viewer.conftest import settled
from viewer.compare import dragging
from viewer.state.contents import HERE, NO_MASKS, Content
from viewer.state.storage import REFERENCE


@pytest.fixture(scope="session")
def other_checkpoint(checkpoint_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same checkpoint, other weights."""
    import torch

    from engine.model import checkpoint as checkpoints
    from engine.model.checkpoint import Checkpoint
    from engine.model.network import FusionNetwork

    metadata = checkpoints.load(checkpoint_path).metadata
    torch.manual_seed(7)
    network = FusionNetwork(metadata.architecture)
    network(torch.randn(4, 3, 96, 96))
    path = tmp_path_factory.mktemp("other") / "random-guided.safetensors"
    Checkpoint.from_network(network.eval(), metadata).save(path)
    return path


def idle(until, window) -> None:
    """Wait until every view shows what it should."""
    until(lambda: settled(window))


def drop(window, view, series) -> None:
    """Let a series fall on a view."""
    target = window.views.views[view]
    at = QPointF(target.mapTo(window.views.grid, target.rect().center()))
    mime = dragging.pack(series)  # the event does not keep it
    event = QDropEvent(
        at,
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.views.grid.dropEvent(event)


def test_a_case_dropped_on_a_view_is_shown_there_with_its_own_map_and_score(
    make_window, pictures, until
):
    window = make_window(pictures)
    state, views = window.state, window.views
    first, second = state.cases.opened.cases
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(window))
    drop(window, 1, first.series[0])
    assert state.case is second, "the case being read stays"
    idle(until, window)
    view, subject = views.views[1], views.subject(1)
    assert view.image is subject.image and view.image is not state.image
    assert view.header.tag == "other case" and first.title in view.header.subtitle
    overlay = view.visible_overlay
    expected = state.analysis.session.saliency(view.image, 0, "gate")
    assert np.array_equal(overlay.map.values, expected.values)
    given = read_reference_volume(first.series[0])[0]
    until(lambda: views.subject(1).score is not None)
    assert views.subject(1).score == coherence(expected.values, given)
    assert view.header.score == f"RMA {views.subject(1).score.rma:.2f}  RRA " + (
        f"{views.subject(1).score.rra:.2f}" + ("  ≤ blob" if "blob" in view.header.score else "")
    )
    # Files that are dropped are the window's; what carries no series is not taken.
    assert dragging.series_of(QMimeData(), state.cases) is None


def test_another_image_is_read_only_and_says_so(make_window, pictures, until):
    window = make_window(pictures)
    state, views = window.state, window.views
    _, second = state.cases.opened.cases
    drop(window, 1, second.series[0])
    idle(until, window)
    view = views.views[1]
    window.choose_tool(window.toolbox["brush"])
    steps = state.masks.document.undo_text
    QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=view.surface.rect().center())
    assert "cannot be drawn on" in window.notice.text
    window.actions_["clear"].trigger()
    window.actions_["add-mask"].trigger()
    assert state.masks.document.undo_text == steps
    assert all(mask.is_empty for mask in view.document.masks)
    # The same drag on the image being read draws there, and not in the other.
    shown = views.views[0]
    QTest.mouseClick(shown.surface, Qt.MouseButton.LeftButton, pos=shown.surface.rect().center())
    assert state.masks.document.active.area(0) > 0
    views.read_here(1)
    until(lambda: state.case is second and state.masks.document is not None)
    idle(until, window)
    assert views.views[1].document is state.masks.document and not views.views[1].read_only


def test_masks_drawn_on_a_case_are_seen_when_it_is_shown_beside_another(
    make_window, pictures, until
):
    window = make_window(pictures)
    state, views = window.state, window.views
    first, second = state.cases.opened.cases
    state.contents.set(0, Content(first, first.series[0]))
    document = state.masks.document
    own = next(mask for mask in document.masks if mask.id != REFERENCE)
    document.set_active(own.id)
    document.paint(0, disc((30, 30), 9, document.shape))
    drawn = own.frame(0).copy()
    state.open_series(second, second.series[0])
    until(lambda: state.case is second)
    idle(until, window)
    assert views.views[0].image is not state.image and views.views[1].image is state.image
    beside = views.views[0].document
    assert beside is not document
    assert np.array_equal(beside.mask(own.id).frame(0), drawn)
    assert views.subject(0).compared.id == own.id
    state.contents.change(0, masks=REFERENCE)
    assert views.views[0].header.name == "Reference"
    assert views.views[0].layers.masks.only == REFERENCE
    state.contents.change(0, masks=NO_MASKS)
    assert not views.views[0].layers.masks.shown


def test_masks_drawn_before_the_stack_is_cut_along_another_axis_are_seen_beside_it(
    bare_window, until
):
    window = bare_window(resources.path("demo", "images", "DEMO01"))
    state, views = window.state, window.views
    case, series = state.case, state.case.series[1]
    state.contents.set(1, Content(case, series))
    until(lambda: views.subject(1).document is not None)
    state.open_series(case, series)
    until(lambda: state.series is series and state.masks.document is not None)
    document = state.masks.document
    own = document.add_mask("Mine")
    document.paint(0, disc((60, 60), 9, document.shape))
    drawn = own.frame(0).copy()
    state.set_axis(1)
    until(lambda: state.axis == 1 and settled(window) and views.subject(1).document is not None)
    assert not state.is_here(1)
    assert np.array_equal(views.subject(1).document.mask(own.id).frame(0), drawn)


def test_another_models_map_is_scored_live_and_shares_the_scale(
    make_window, pictures, until, other_checkpoint
):
    window = make_window(pictures)
    state, views = window.state, window.views
    views.board.checkpoints.remember(other_checkpoint)
    window.actions_["two-models"].trigger()
    until(lambda: state.contents[1].checkpoint == other_checkpoint)
    idle(until, window)
    one, other = (view.visible_overlay.map for view in views.shown)
    assert one.name == other.name == "gate"
    assert one.provenance.checkpoint_sha256 != other.provenance.checkpoint_sha256
    assert views.views[1].header.tag == "other model"
    document = state.masks.document
    document.set_active(next(m for m in document.masks if m.id != REFERENCE).id)
    document.paint(0, disc((40, 50), 12, document.shape))
    mask = document.active.frame(0)
    until(lambda: views.board.live(views.subject(1)) == coherence(other.values, mask))
    until(lambda: f"{coherence(other.values, mask).rma:.2f}" in views.views[1].header.score)
    window.actions_["lock-scale"].trigger()
    ranges = {view.visible_overlay.range for view in views.shown}
    assert len(ranges) == 1
    assert ranges.pop()[1] == max(one.range[1], other.range[1])
    # The panels still speak of the model in use alone.
    assert set(window.answers.agreement.rows) == set(state.analysis.map_names)


def test_values_under_the_cursor_are_read_at_the_same_place_in_all_views(
    make_window, pictures, until
):
    window = make_window(pictures)
    views = window.views
    window.actions_["all-maps"].trigger()
    idle(until, window)
    assert window.state.grid == (2, 3)
    maps = ["global", "local", "gate", "attention"]
    assert [s.map_name for s in views.subjects[:5]] == [None, *maps]
    view = views.views[1]
    QTest.mouseMove(view.surface, view.viewport.to_widget(40, 50).toPoint())
    at = view.pointing.reading.pixel
    for subject, shown in zip(views.subjects[:5], views.shown, strict=False):
        reading = shown.pointing.reading
        assert reading.pixel == at
        if subject.entry is not None:
            assert reading.map_value == pytest.approx(float(subject.entry.map.values[at]))


def test_the_scale_is_shared_by_maps_of_one_quantity(make_window, pictures, until):
    window = make_window(pictures)
    window.actions_["all-maps"].trigger()
    idle(until, window)
    window.actions_["lock-scale"].trigger()
    shown = [view.visible_overlay for view in window.views.shown[1:5]]
    ranges = {overlay.map.name: overlay.range for overlay in shown}
    assert ranges["global"] == ranges["local"] == ranges["gate"]
    assert ranges["attention"] == next(o for o in shown if o.map.name == "attention").map.range


def test_the_mouse_may_rest_on_a_view_while_another_image_opens(make_window, pictures, until):
    larger = np.random.default_rng(3).integers(0, 255, (200, 300)).astype(np.uint8)
    Pillow.fromarray(larger).save(pictures / "b.png")
    window = make_window(pictures)
    state, view = window.state, window.views.views[1]
    case = state.cases.opened.cases[2]
    corner = view.viewport.to_widget(90, 120).toPoint()
    QTest.mouseMove(view.surface, corner)
    assert "gate" in window.status.maps.text().lower()
    window.actions_["all-maps-shap"].trigger()  # cancelled when the next image opens
    state.open_series(case, case.series[0])
    until(lambda: state.case is case and state.analysis.prediction is not None)
    until(lambda: settled(window))
    assert view.image.shape == (200, 300)


def test_files_dropped_on_a_view_are_the_windows(make_window, pictures, until):
    window = make_window(pictures)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(pictures / "a (2).png"))])
    event = QDragEnterEvent(
        QPoint(50, 50),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.views.grid.dragEnterEvent(event)
    assert not event.isAccepted()


def test_a_view_on_its_own_is_framed_by_no_drop(bare_window, pictures):
    window = bare_window(pictures)
    state, grid = window.state, window.views.grid
    state.set_views(1)
    shown = window.views.active.grab().toImage()
    drop(window, 0, state.series)
    assert window.views.active.grab().toImage() == shown
    grid.dragLeaveEvent(QDragLeaveEvent())
    assert window.views.active.grab().toImage() == shown


def test_two_sequences_are_linked_by_position_and_follow_the_case(make_window, until):
    cases = resources.path("demo", "images")
    window = make_window(cases / "DEMO01", cases / "DEMO02")
    state, views = window.state, window.views
    _, second = state.cases.opened.cases
    window.actions_["sequences"].trigger()
    idle(until, window)
    titles = [views.subject(view).series.title for view in range(2)]
    assert titles == ["T1 axial", "STIR axial"]
    one, two = views.shown
    two.request_frame(2)
    assert one.frame == state.frame == 2, "the image being read goes along"
    places = [view.image.geometry.frame_affines[2][:3, 3] for view in (one, two)]
    assert places[0][2] == pytest.approx(places[1][2])
    views.links.set_linked(two, False)
    two.request_frame(0)
    assert state.frame == 2 and one.frame == 2
    idle(until, window)
    assert two.visible_overlay.map.provenance.frame == 0
    state.open_series(second, second.series[0])
    until(lambda: state.case is second)
    idle(until, window)
    assert [views.subject(view).case for view in range(2)] == [second, second]
    assert views.subject(1).series.title == "STIR axial"


def test_an_unlinked_view_shows_another_slice_with_its_own_map(make_window, until):
    window = make_window(resources.path("demo", "images") / "DEMO01" / "T1")
    state, views = window.state, window.views
    one, two = views.shown
    state.set_active_view(0)
    views.links.set_linked(two, False)
    two.request_frame(3)
    assert state.frame == 0 and one.frame == 0
    idle(until, window)
    assert two.header.tag == "other slice"
    assert two.visible_overlay.map.provenance.frame == 3
    state.set_active_view(1)
    assert state.frame == 3, "what is acted upon is what is read"
    idle(until, window)
    assert state.analysis.maps["gate"].provenance.frame == 3
    assert (one.header.tag == "" and one.frame == 0) or one.header.tag == "other slice"


def test_the_grid_grows_and_shrinks_around_the_active_view(make_window, pictures, until):
    window = make_window(pictures)
    state, views = window.state, window.views
    views.active.zoom_by(2)
    window.actions_["grid-3x3"].trigger()
    assert len(views.shown) == 9 and all(view.isVisible() for view in views.shown)
    assert len({view.viewport.scale for view in views.shown}) == 1, "those that are new join in"
    state.set_active_view(5)
    state.overlays.show(5, "local")
    views.grid.toggle_enlarged(5)
    assert [view.isVisible() for view in views.shown].count(True) == 1
    views.grid.toggle_enlarged(5)
    window.actions_["one-view"].trigger()
    assert state.overlays[0].map_name == "local" and views.active is views.views[0]
    assert all(view.image is None for view in views.views[1:]), "what no one sees is let go"
    window.actions_["grid-2x2"].trigger()
    assert all(view.image is state.image for view in views.shown)


def test_a_grid_shows_maps_that_no_view_showed_yet(make_window, pictures, until):
    window = make_window(pictures)
    state = window.state
    idle(until, window)
    window.actions_["grid-2x2"].trigger()
    shown = [state.overlays[view].map_name for view in range(4)]
    assert len(set(shown)) == 4 and shown[0] is None
    state.overlays.show(3, None)
    window.actions_["two-views"].trigger()
    window.actions_["grid-2x2"].trigger()
    assert [state.overlays[view].map_name for view in range(4)] == [*shown[:3], None]


def test_the_most_similar_cases_come_with_a_word_on_where_they_were_searched(
    make_window, pictures, until
):
    window = make_window(pictures)
    state, views = window.state, window.views
    window.actions_["similar"].trigger()
    until(lambda: state.contents[1].companion == "like")
    idle(until, window)
    _, second = state.cases.opened.cases
    assert views.subject(1).case is second
    assert views.views[1].header.tag.startswith("likeness ")
    assert "the 1 other case in the list" in window.notice.text
    assert "not its training images" in window.notice.text
    assert not views.links.is_linked(views.views[1], "frame")
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and settled(window))
    assert state.contents[0] == HERE
    assert views.subject(1).case in (None, second), "nobody is alike to another case by now"


def test_the_title_offers_what_there_is(make_window, pictures, until):
    window = make_window(pictures)
    state, views = window.state, window.views
    menu = views.views[0].header.menu
    menu.aboutToShow.emit()
    texts = [action.text().split("\t")[0].replace("&", "") for action in menu.actions()]
    for text in ("Image alone", "Gate", "SHAP gate", "Masks", "Image", "Model", "Linked"):
        assert text in texts
    assert state.active_view == 0
    next(action for action in menu.actions() if action.text() == "Local").trigger()
    assert views.views[0].visible_overlay.map.name == "local"
    inner = next(part for part in menu.findChildren(QMenu) if part.title() == "&Masks")
    only = next(a for a in inner.actions() if a.text().startswith("Only Reference"))
    only.trigger()
    assert state.contents[0].masks == REFERENCE
    inner = next(part for part in menu.findChildren(QMenu) if part.title() == "&Image")
    next(a for a in inner.actions() if a.text() == "a (2)").trigger()
    idle(until, window)
    assert views.subject(0).series.title == "a (2)" or views.subject(0).case.title == "a (2)"


def test_a_series_that_cannot_be_read_says_why_in_its_view(make_window, pictures, until):
    window = make_window(pictures)
    state, views = window.state, window.views
    _, second = state.cases.opened.cases
    (pictures / "a (2).png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    state.contents.set(1, Content(second, second.series[0]))
    until(lambda: views.subject(1).problem != "" and settled(window))
    until(lambda: "a (2).png" in views.veil(1).text)
    assert views.veil(1).button.text() == "Try again"
    assert views.views[0].image is state.image


def test_comparing_before_the_model_is_there_says_to_wait_not_to_load_one(bare_window, pictures):
    window = bare_window(pictures / "a (1).png")
    window.actions_["all-maps"].trigger()
    assert window.notice.text.startswith("Load a checkpoint first")
    window.state.analysis.loading = True
    window.actions_["all-maps"].trigger()
    assert window.notice.text.startswith("The model is still loading")
