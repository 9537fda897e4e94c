"""The overlay section speaks of the map that is shown, not of another kind of map."""

from __future__ import annotations

import numpy as np

from engine.saliency.map import Provenance, SaliencyMap
from viewer.canvas import colours
from viewer.panels.overlay import OverlayPanel
from viewer.state import AppState
from viewer.state.analysis import MapEntry, MapStatus
from viewer.views import Views


def entry(name: str, sign: str) -> MapEntry:
    values = np.linspace(-1 if sign == "signed" else 0, 1, 20, dtype=np.float32).reshape(4, 5)
    made_by = Provenance("test", "0" * 64, "gate", "shap-gradient", {"samples": 50})
    found = SaliencyMap(name, values, values.copy(), sign, 0, "malignant", made_by)
    return MapEntry(name, MapStatus.READY, found, 1.0)


def test_signed_maps_have_colours_of_their_own(qtbot):
    state = AppState()
    panel, views = OverlayPanel(state), Views(state)
    qtbot.addWidget(panel)
    qtbot.addWidget(views)
    for name, sign in (("gate", "nonnegative"), ("shap-gate", "signed")):
        state.analysis.entries[name] = entry(name, sign)
    offered = lambda: tuple(  # noqa: E731
        panel.colours.itemData(i) for i in range(panel.colours.count())
    )
    state.overlays.show(0, "gate")
    state.overlays.show(1, "shap-gate")
    assert state.active_view == 1
    assert offered() == colours.DIVERGING
    panel.colours.setCurrentIndex(1)
    panel.colours.activated.emit(1)
    used = [view.overlay.style.colours for view in views.views]
    assert used == ["inferno", colours.DIVERGING[1]]
    state.set_active_view(0)
    assert offered() == colours.SEQUENTIAL
    assert panel.colours.currentData() == "inferno"
    state.close()
