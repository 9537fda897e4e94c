"""Masks on a view: what is painted is what the document holds, whatever changed it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest

from engine.images.image import Display, Image, Window
from engine.masks import shapes
from engine.masks.document import MaskDocument
from engine.masks.mask import REFERENCE, Mask
from viewer.canvas.mask_layer import MaskLayer
from viewer.canvas.view import ImageView
from viewer.canvas.viewport import Viewport
from viewer.tools.brush import BrushTool
from viewer.tools.polygon import PolygonTool

SHAPE = (150, 200)


@pytest.fixture
def image():
    black = Display(windows=(Window(128, 255),))
    return Image(np.zeros((2, *SHAPE), np.uint8), display=black)


@pytest.fixture
def view(make_view, image):
    view = make_view(image, (802, 680))
    view.set_annotations_shown(False)
    view.set_document(MaskDocument(image))
    return view


def picture(view, ratio=1.0):
    out = QImage(view.surface.size() * ratio, QImage.Format.Format_RGB32)
    out.setDevicePixelRatio(ratio)
    view.surface.render(out)
    return out


def array(image: QImage):
    rows = image.bytesPerLine() // 4
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), rows, 4)
    return data[:, : image.width(), 2::-1].astype(int)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.5])
@pytest.mark.parametrize("scale", [4.0, 13.0])
def test_fill_covers_exactly_the_marked_pixels(view, ratio, scale):
    document = view.document
    document.paint(0, shapes.ellipse((70, 100), (20, 33), SHAPE, 0.5))
    view.set_viewport(view.viewport.at_scale(scale))
    seen = array(picture(view, ratio))
    mask = document.active.frame(0)
    area, checked = view.view_rect(), 0
    for row in range(max(int(area.top()) + 1, 0), min(int(area.bottom()), SHAPE[0])):
        for col in range(max(int(area.left()) + 1, 0), min(int(area.right()), SHAPE[1])):
            near = mask[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
            if near.all() or not near.any() or scale > 8:
                place = view.viewport.to_widget(row, col) * ratio
                colour = seen[int(place.y()), int(place.x())]
                assert bool(colour.sum() > 20) == mask[row, col], (row, col)
                checked += 1
    assert checked > 500


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_outline_lies_on_the_pixel_edges(view, ratio):
    view.document.paint(0, shapes.Stamp(shapes.Box(40, 60, 50, 90), np.ones((10, 30), bool)))
    view.set_viewport(view.viewport.at_scale(10.0).centred(45, 75))
    seen = array(picture(view, ratio))
    accent = np.array(QColor(view.document.active.colour).getRgb()[:3])
    bright = (np.abs(seen - accent).max(axis=2) < 10).nonzero()
    edge = view.viewport.to_widget_rect(40, 60, 50, 90)
    assert bright[0].min() / ratio == pytest.approx(edge.top(), abs=1.5)
    assert (bright[0].max() + 1) / ratio == pytest.approx(edge.bottom(), abs=1.5)
    assert bright[1].min() / ratio == pytest.approx(edge.left(), abs=1.5)
    assert (bright[1].max() + 1) / ratio == pytest.approx(edge.right(), abs=1.5)
    # Two logical pixels wide, whatever the screen.
    column = bright[0][bright[1] == round((edge.left() + 50) * ratio)]
    assert len(column) == pytest.approx(4 * ratio, abs=1)


def test_painting_only_what_changed_ends_in_the_same_picture(view):
    """After any edits, the kept picture equals one made from nothing."""
    rng = np.random.default_rng(1)
    document = view.document
    document.add_mask("One")
    document.add_mask("Two")
    picture(view)
    for step in range(60):
        kind = rng.integers(6)
        start, stop = rng.uniform(0, 200, 2), rng.uniform(0, 200, 2)
        if kind == 0:
            document.undo()
        elif kind == 1:
            document.redo()
        elif kind == 2:
            document.set_active(document.masks[rng.integers(len(document.masks))].id)
        elif document.masks:
            document.begin_stroke(int(rng.integers(2)), tuple(start), 9, erase=kind == 3)
            document.extend_stroke(tuple(stop))
            document.end_stroke()
        if step % 5 == 0:
            picture(view)
    kept = array(picture(view))
    view.layers.masks.show(document, view.frame)
    np.testing.assert_array_equal(kept, array(picture(view)))
    assert kept.any()


def test_a_stroke_asks_to_repaint_only_around_itself(view, monkeypatch):
    areas = []
    monkeypatch.setattr(view.surface, "refresh", areas.append)
    view.document.begin_stroke(0, (50, 50), 5)
    areas.clear()
    view.document.extend_stroke((52, 53))
    assert len(areas) == 1
    scale = view.viewport.scale
    assert areas[0].width() < 16 * scale + 10 and areas[0].height() < 16 * scale + 10
    assert areas[0].contains(view.viewport.to_widget_rect(47, 48, 57, 58))


def test_masks_of_another_frame_are_not_shown(view):
    view.document.paint(1, shapes.disc((70, 100), 30, SHAPE))
    assert not array(picture(view)).any()
    view.set_frame(1)
    assert array(picture(view)).any()
    view.document.set_visible(view.document.active.id, False)
    assert not array(picture(view)).any()


def test_masks_of_another_size_are_refused(view):
    other = MaskDocument(Image(np.zeros((2, 10, 10), np.uint8)))
    with pytest.raises(ValueError, match="another size"):
        view.set_document(other)


def test_a_view_lets_go_of_a_document(view, image):
    old = view.document
    view.set_document(MaskDocument(image))
    old.paint(0, shapes.disc((70, 100), 30, SHAPE))
    assert not array(picture(view)).any()


def test_active_mask_is_solid_and_the_others_are_told_apart_by_their_lines(image):
    document = MaskDocument(image)
    for i in range(4):
        document.add_mask()
        document.paint(0, shapes.disc((30 + 30 * i, 100), 10, SHAPE))
    layer = MaskLayer()
    layer.show(document, 0)
    styles = [layer.line(mask)[0] for mask in document.masks]
    assert len(set(styles)) == 4
    canvas = QImage(400, 300, QImage.Format.Format_RGB32)
    canvas.fill(0)
    painter = QPainter(canvas)
    painter.setClipRect(QRectF(0, 0, 400, 300))
    layer.paint(painter, Viewport(75, 100, 2.0, 1.0, 400, 300))
    painter.end()
    seen = array(canvas)
    for mask in document.masks:
        assert (np.abs(seen - np.array(QColor(mask.colour).getRgb()[:3])).max(axis=2) < 10).any()


def test_the_reference_has_a_line_of_its_own_whichever_mask_is_drawn_on(image):
    document = MaskDocument(image)
    pixels = shapes.disc((75, 100), 10, SHAPE)
    given = Mask(document.reference, "Reference", id=REFERENCE)
    document.load([given, *(Mask(document.reference, f"Own {n}") for n in range(5))], REFERENCE)
    for mask in document.masks:
        if mask.id != REFERENCE:
            document.set_active(mask.id)
            document.paint(0, pixels)
    layer = MaskLayer()
    layer.show(document, 0)
    for active in document.masks:
        document.set_active(active.id)
        styles = {mask.id: layer.line(mask)[0] for mask in document.masks}
        assert styles.pop(REFERENCE) == Qt.PenStyle.DashDotDotLine
        assert Qt.PenStyle.DashDotDotLine not in styles.values()


@pytest.mark.parametrize("tool_class", [BrushTool, PolygonTool])
@pytest.mark.parametrize("comes", ["image", "masks"])
def test_what_is_begun_outlives_what_comes_on_another_view(qtbot, view, tool_class, comes):
    """Images beside the one that is drawn on arrive from their files at any time."""
    tool = tool_class()
    beside = ImageView()
    qtbot.addWidget(beside)
    beside.resize(300, 300)
    other = Image(np.ones((2, 50, 50), np.uint8))
    beside.set_image(other)
    for each in (view, beside):
        each.set_tool(tool)
    QTest.mousePress(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    if tool_class is PolygonTool:  # a corner is a click, a stroke is a drag
        QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    if comes == "image":
        beside.set_image(Image(np.zeros((2, 60, 60), np.uint8)))
    else:
        beside.set_document(MaskDocument(other))
    assert tool.busy
    if tool_class is BrushTool:
        QTest.mouseRelease(view.surface, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
        assert view.document.active.area(0) > 0
        return
    view.set_document(MaskDocument(view.image))
    assert not tool.busy


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_references_line_is_seen_in_the_list_in_both_themes(qtbot, qapp, image, scheme):
    from viewer import theme
    from viewer.panels.mask_row import MaskRow

    theme.apply(qapp, scheme)
    try:
        reference = MaskDocument(image).reference
        row = MaskRow(REFERENCE, lambda: ())
        qtbot.addWidget(row)
        row.resize(240, 32)
        row.show_mask(Mask(reference, "Reference", colour="#FFFFFF", id=REFERENCE), "", False)
        row.show()
        shown = row._swatch.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        line = array(shown)[shown.height() // 2, :, :].astype(int)
        bright = (line.min(axis=1) > 200)[4:-4]
        dark = (line.max(axis=1) < 90)[4:-4]
        assert bright.any() and dark.any()
        # A dash and two dots: more than one change from light to dark and back.
        assert np.count_nonzero(np.diff(bright.astype(int))) >= 4
    finally:
        theme.apply(qapp, "dark")
