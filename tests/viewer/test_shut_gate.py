"""Where the gate is shut, its map is drawn as what it is: almost nothing; and the view says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from tests.viewer.conftest import settled


@pytest.fixture
def shut(checkpoint_path: Path, tmp_path: Path) -> Path:
    """The same network with its gate all but shut, whatever it sees."""
    import torch

    from engine.model import checkpoint as checkpoints
    from engine.model.checkpoint import Checkpoint

    made = checkpoints.load(checkpoint_path)
    network = made.network()
    with torch.no_grad():
        network.fusion.psi.bias.sub_(8.0)
    path = tmp_path / "shut.safetensors"
    Checkpoint.from_network(network.eval(), made.metadata).save(path)
    return path


def picture(view) -> np.ndarray:
    """Return the middle of a view, where no letters and no colour bar are."""
    view.pointing.follow(None)
    grabbed = view.surface.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(grabbed.constBits(), np.uint8)
    pixels = data.reshape(grabbed.height(), grabbed.width(), 4)[..., :3].astype(int)
    rows, cols = pixels.shape[:2]
    return pixels[rows // 3 : rows * 2 // 3, cols // 3 : cols * 2 // 3]


def test_almost_nothing_is_drawn_as_almost_nothing_and_the_view_says_why(
    make_window, pictures, until, shut
):
    window = make_window(pictures)
    state, views, panel = window.state, window.views, window.answers.overlay
    bare, drawn = views.shown
    state.masks.document.set_visible(state.masks.all[0].id, False)
    open_gate = state.analysis.maps["gate"]
    assert drawn.header.warning == "" and drawn.visible_overlay.range[1] == open_gate.values.max()
    assert np.abs(picture(drawn) - picture(bare)).max() > 30

    before = state.analysis.session
    window.models.load(shut)
    until(lambda: state.analysis.session is not before and settled(window))
    found = state.analysis.maps["gate"]
    opening = float(state.analysis.maps["attention"].raw.max())
    assert opening < 0.01
    overlay = drawn.visible_overlay
    assert overlay.range == pytest.approx((0.0, float(found.values.max()) / opening))
    np.testing.assert_array_equal(picture(drawn), picture(bare))
    assert drawn.header.warning == "gate shut" and bare.header.warning == ""
    assert "scale of an open gate" in panel._remark.text
    legend = drawn.layers.colour_bar.legend
    assert legend[0].startswith("gate shut: lets ") and legend[0].endswith(" % through")
    # What is under the cursor is the map's own value, not the colours'.
    QTest.mouseMove(drawn.surface, drawn.viewport.to_widget(40, 50).toPoint())
    reading = drawn.pointing.reading
    assert reading.map_value == pytest.approx(float(found.values[reading.pixel]))
    for kind in ("contours", "hot-spots"):
        state.overlays.restyle(kind=kind)
        np.testing.assert_array_equal(picture(drawn), picture(bare))
    assert drawn.layers.colour_bar.legend[-1] == "no hot spots"


def test_one_scale_for_all_is_that_of_the_gate_that_is_open(make_window, pictures, until, shut):
    window = make_window(pictures)
    state, views = window.state, window.views
    window.compare.arrangements.beside(shut)
    until(lambda: state.contents[1].checkpoint == shut and settled(window))
    one, other = views.shown
    assert one.header.warning == "" and other.header.warning == "gate shut"
    assert other.header.tag == "other model"
    window.actions_["lock-scale"].trigger()
    high = float(state.analysis.maps["gate"].values.max())
    assert [view.visible_overlay.range[1] for view in (one, other)] == [high, high]
