"""Linked views: what one does the others do, in their own terms, and never the other way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from engine.images.image import Geometry, Identity, Image, Window
from viewer.canvas import correspondence
from viewer.canvas.links import Links, corresponding
from viewer.canvas.view import ImageView


def volume(frames, rows, cols, spacing, step, origin=(0.0, 0.0, 0.0), uid="1.2.3", dtype=np.int16):
    """Axial slices, rows towards posterior, columns towards left, frames towards the head."""
    affines = np.tile(np.eye(4), (frames, 1, 1))
    affines[:, :3, 0] = (0, spacing[0], 0)
    affines[:, :3, 1] = (spacing[1], 0, 0)
    affines[:, :3, 2] = (0, 0, step)
    for i in range(frames):
        affines[i, :3, 3] = np.add(origin, (0, 0, i * step))
    rng = np.random.default_rng(frames)
    return Image(
        rng.integers(0, 200, (frames, rows, cols)).astype(dtype),
        Geometry(spacing, affines, step),
        Identity(frame_of_reference_uid=uid),
    )


@pytest.fixture
def views(make_view):
    return [make_view(size=size) for size in ((400, 330), (300, 420))]


@pytest.fixture
def links(views):
    links = Links()
    for view in views:
        links.add(view)
    return links


def place_mm(view):
    affine = view.image.geometry.frame_affines[view.frame]
    return (affine @ (view.viewport.row, view.viewport.col, 0, 1))[:3]


def test_the_same_image_moves_as_one(views, links):
    image = volume(5, 60, 80, (1.0, 1.0), 3.0)
    for view in views:
        view.set_image(image)
    one, two = views
    one.zoom_by(3, 50, 60)
    assert (two.viewport.row, two.viewport.col, two.viewport.scale) == (
        one.viewport.row,
        one.viewport.col,
        one.viewport.scale,
    )
    two.set_viewport(two.viewport.panned(31, -7))
    assert one.viewport.row == pytest.approx(two.viewport.row)
    QTest.keyClick(one.surface, "f")
    assert one.is_fitted and two.is_fitted
    two.request_frame(3)
    assert one.frame == 3
    one.set_window(Window(10, 20))
    assert two.grey_window == Window(10, 20)
    two.invert()
    assert one.inverted


def test_images_of_one_patient_are_linked_in_millimetres(views, links):
    one, two = views
    one.set_image(volume(10, 60, 80, (1.0, 1.0), 3.0))
    two.set_image(volume(30, 100, 90, (0.5, 0.5), 1.0, origin=(10.0, 5.0, 2.0)))
    one.set_viewport(one.viewport.centred(30, 40).at_scale(6.0))
    assert place_mm(two)[:2] == pytest.approx(place_mm(one)[:2])
    assert two.viewport.scale / 0.5 == pytest.approx(one.viewport.scale / 1.0)
    one.request_frame(4)
    assert two.frame == 10  # 12 mm is 2 + 10 steps of 1 mm
    two.request_frame(20)
    assert one.frame == 7  # 22 mm lies nearest to 21 mm
    QTest.mouseMove(one.surface, one.viewport.to_widget(30, 40).toPoint())
    a, b = one.pointing.reading, two.pointing.reading
    assert b.position_mm[:2] == pytest.approx(a.position_mm[:2])


def test_images_without_a_common_space_are_linked_by_proportion(views, links):
    one, two = views
    one.set_image(volume(11, 60, 80, (1.0, 1.0), 3.0, uid="a"))
    two.set_image(volume(21, 120, 100, (0.5, 0.7), 1.0, uid="b"))
    one.set_viewport(one.viewport.zoomed(4, 100, 100))
    assert (two.viewport.row + 0.5) / 120 == pytest.approx((one.viewport.row + 0.5) / 60)
    assert (two.viewport.col + 0.5) / 100 == pytest.approx((one.viewport.col + 0.5) / 80)
    one.request_frame(5)
    assert two.frame == 10
    before = two.grey_window
    one.set_window(Window(1, 2))
    assert two.grey_window == before  # other values, other greys


def test_an_unlinked_view_stays_and_joins_again(views, links):
    image = volume(5, 60, 80, (1.0, 1.0), 3.0)
    for view in views:
        view.set_image(image)
    one, two = views
    two.header._link.click()
    assert not links.is_linked(two)
    kept = two.viewport
    one.zoom_by(3)
    one.request_frame(2)
    QTest.mouseMove(one.surface, QPoint(100, 100))
    assert two.viewport == kept and two.frame == 0 and two.pointing.reading is None
    two.request_frame(4)
    assert one.frame == 2
    links.set_linked(two, True)
    assert two.frame == 2
    assert two.viewport.scale == one.viewport.scale


def test_one_aspect_alone_can_be_unlinked(views, links):
    image = volume(5, 60, 80, (1.0, 1.0), 3.0)
    for view in views:
        view.set_image(image)
    one, two = views
    links.set_linked(two, False, "frame")
    one.request_frame(2)
    one.zoom_by(2)
    assert two.frame == 0
    assert two.viewport.scale == one.viewport.scale


def test_the_cursor_goes_when_the_mouse_does(views, links):
    image = volume(5, 60, 80, (1.0, 1.0), 3.0)
    for view in views:
        view.set_image(image)
    one, two = views
    QTest.mouseMove(one.surface, QPoint(200, 150))
    assert two.pointing.reading.pixel == one.pointing.reading.pixel
    one.pointing.follow(None)
    assert two.pointing.reading is None


def test_a_view_that_was_removed_is_left_alone(views, links):
    image = volume(5, 60, 80, (1.0, 1.0), 3.0)
    for view in views:
        view.set_image(image)
    one, two = views
    links.remove(two)
    one.zoom_by(2)
    assert two.is_fitted
    two.request_frame(1)
    assert one.frame == 0
    assert two.header._link.isHidden() and one.header._link.isHidden()
    links.add(two)
    assert two.frame == 0 and two.viewport.scale == one.viewport.scale
    told = []
    two.frameChanged.connect(told.append)
    one.request_frame(3)
    assert told == [3]


@settings(max_examples=40, deadline=None)
@given(
    row=st.floats(0, 59),
    col=st.floats(0, 79),
    zoom=st.floats(0.5, 20),
    spacing=st.tuples(st.floats(0.2, 4), st.floats(0.2, 4)),
    shared=st.booleans(),
)
def test_there_and_back_is_where_it_was(qapp, row, col, zoom, spacing, shared):
    one, two = ImageView(), ImageView()
    one.resize(402, 331)
    two.resize(300, 300)
    one.set_image(volume(3, 60, 80, (1.0, 1.5), 3.0, uid="a"))
    two.set_image(volume(3, 95, 70, spacing, 3.0, uid="a" if shared else "b"))
    for view in (one, two):
        view.surface_resized(view.width() - 2, view.height() - 30)
    there = one.viewport.centred(row, col).at_scale(one.viewport.scale * zoom)
    one.set_viewport(there)
    target = corresponding(one, two)
    two._viewport = target
    back = corresponding(two, one)
    assert back.row == pytest.approx(there.row, abs=1e-6)
    assert back.col == pytest.approx(there.col, abs=1e-6)
    assert back.scale == pytest.approx(there.scale, rel=1e-6)


def test_files_without_a_frame_of_reference_are_linked_by_place_in_one_patient(views, links):
    one, two = views
    one.set_image(volume(10, 60, 80, (1.0, 1.0), 3.0, uid=""))
    two.set_image(volume(30, 60, 80, (1.0, 1.0), 1.0, origin=(0.0, 0.0, 4.0), uid=""))
    one.request_frame(4)
    assert two.frame == round(4 / 9 * 29), "by proportion, as nothing says that they are related"
    links.same_patient = lambda *_: True
    one.request_frame(5)
    assert two.frame == 11  # 15 mm is 4 + 11 steps of 1 mm
    assert "position in the patient" in links.how(two)
    two.set_image(volume(30, 60, 80, (1.0, 1.0), 1.0, origin=(500.0, 0.0, 0.0), uid=""))
    assert "by proportion" in links.how(two), "what lies elsewhere is not of the same space"


def test_the_end_of_a_stack_is_told():
    one = volume(10, 60, 80, (1.0, 1.0), 3.0)
    two = volume(4, 60, 80, (1.0, 1.0), 3.0, origin=(0.0, 0.0, 6.0))
    assert correspondence.beyond(one, 2, two) is None
    assert correspondence.beyond(one, 5, two) is None
    assert correspondence.beyond(one, 8, two) == pytest.approx(24 - 15)
    assert correspondence.beyond(one, 0, two) == pytest.approx(6)
    assert correspondence.beyond(one, 0, volume(4, 60, 80, (1.0, 1.0), 3.0, uid="z")) is None
