"""The answers at the right: long words, weak maps, images unlike the training images."""

from __future__ import annotations

import numpy as np
import pytest

from engine.masks.shapes import disc
from tests.viewer.strokes import own_mask


def test_weak_maps_are_said_to_be_weak(make_window, pictures, until):
    window = make_window(pictures)
    document = window.state.masks.document
    document.set_active(own_mask(window).id)
    document.paint(0, disc((48, 64), 12, document.shape))  # where the centred blob is strongest
    agreement = window.answers.agreement
    until(lambda: agreement.rows["gate"].score.area == own_mask(window).area(0))
    until(lambda: any(row.greyed for row in agreement.rows.values()))
    weak = [row for row in agreement.rows.values() if row.greyed]
    assert "no better than a centred blob" in agreement.remark
    assert all("no better than a centred blob" in row.accessibleName() for row in weak)


def test_a_long_answer_keeps_its_number(make_window, pictures, until):
    from dataclasses import replace

    window = make_window(pictures)
    window.resize(1280, 800)
    until(lambda: window.state.analysis.prediction is not None)
    panel, analysis = window.answers.prediction, window.state.analysis
    panel._answer.setStyleSheet("font-size: 22px")
    for classes, beside in ((("no", "yes"), True), (("not suspicious",) * 2, False)):
        analysis.prediction = replace(analysis.prediction, classes=classes)
        panel.refresh()
        assert panel._what.isVisible() is beside
        until(lambda: panel._answer.width() >= panel._answer.sizeHint().width())
        assert panel._answer.toolTip().endswith("fusion, calibrated")


def test_a_long_label_does_not_widen_the_answers(make_window, pictures, until):
    window = make_window(pictures)
    document = window.state.masks.document
    mask = document.add_mask("A label that is far longer than the panel of answers is wide, twice")
    document.add_mask("Second")
    window.state.masks.compare_with(mask.id)
    panel = window.answers.agreement
    until(lambda: panel._mask.isVisible() and panel._mask.currentText() == mask.label)
    assert panel.minimumSizeHint().width() <= window.answers.width() - 20


@pytest.mark.parametrize("familiar", [True, False])
def test_it_warns_where_an_image_is_unlike_the_training_images(
    make_window, pictures, checkpoint_path, tmp_path, until, familiar
):
    from dataclasses import replace

    from engine.evaluation.familiarity import Limit, describe
    from engine.model.checkpoint import load

    window = make_window(pictures)
    analysis = window.state.analysis
    # This checkpoint does not describe its training images.
    assert window.answers.prediction.likeness == ""
    own = analysis.session.forward(window.state.image, 0).features
    around = own + 0.1 * np.random.default_rng(0).normal(size=(20, len(own)))
    reference = describe(around if familiar else around + 1)
    about = load(checkpoint_path)
    path = tmp_path / "describes.safetensors"
    replace(
        about,
        metadata=replace(about.metadata, familiarity=Limit(2.0, 95.0, 20, "made up")),
        familiarity=reference,
    ).save(path)
    before = analysis.session
    analysis.load(path)
    until(lambda: analysis.session is not before and analysis.prediction is not None)
    ratio = float(reference.distance(own[None])[0]) / 2
    said = window.answers.prediction.likeness
    assert f"(distance {ratio:.2f} of limit)" in said
    assert said.startswith("Looks like" if familiar else "Unlike")
    assert (ratio <= 1) is familiar


@pytest.mark.parametrize("shut", [True, False])
def test_the_answer_is_doubted_where_a_gate_that_tells_lesions_stays_shut(
    make_window, pictures, until, checkpoint_path, tmp_path, shut
):
    from dataclasses import replace

    from engine.evaluation.presence import Presence
    from engine.model.checkpoint import load

    window = make_window(pictures)
    analysis, panel = window.state.analysis, window.answers.prediction
    about = load(checkpoint_path)
    assert panel.doubt == ""  # This one does not say how well its gate tells.
    known = Presence(100, 20, 0.9, 0.95, 0.6, "made up")
    about.state["fusion.psi.bias"] += -8 if shut else 8
    path = tmp_path / "tells.safetensors"
    replace(about, metadata=replace(about.metadata, presence=known)).save(path)
    before = analysis.session
    analysis.load(path)
    until(lambda: analysis.session is not before and analysis.prediction is not None)
    assert ("may be no lesion" in panel.doubt) is shut
    assert ("on 12 of 20" in panel.doubt) is shut
    analysis.load(checkpoint_path)
    until(lambda: analysis.checkpoint == checkpoint_path and analysis.prediction is not None)
    assert panel.doubt == ""
