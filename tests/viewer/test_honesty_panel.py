"""Whether a map can be believed: measured off the GUI thread, on demand, kept, cancelled."""

from __future__ import annotations

from engine.evaluation.deletion.single import baselines, delete_image
from engine.evaluation.honesty import Facts, verdict
from engine.evaluation.randomisation import randomise
from tests.viewer.conftest import settled
from viewer.state.honesty import key_of


def press(panel) -> None:
    assert panel._check.isVisibleTo(panel)
    panel._check.click()


def test_it_measures_the_active_views_map_and_keeps_what_it_found(make_window, pictures, until):
    window = make_window(pictures)
    state, panel, honesty = window.state, window.answers.honesty, window.state.honesty
    until(lambda: honesty.facts("gate").spread is not None)
    assert panel.map_name == "gate" and panel.verdict == verdict(honesty.facts("gate"))
    assert panel.rows["mass"].value.text() == f"{state.scores.all()['gate'].rma:.2f}"
    assert panel.rows["deletion"].value.text() == "–"
    press(panel)
    assert honesty.is_checking("gate") and "Cancel" in panel._check.text()
    until(lambda: honesty.is_checked("gate"))
    session, image = state.analysis.session, state.image
    found = state.analysis.maps["gate"]
    facts = honesty.facts("gate")
    assert facts == Facts(
        None,
        found.provenance.parameters["outside_anatomy"],
        facts.spread,
        state.scores.all()["gate"],
        delete_image(session, image, 0, {"gate": found}, baselines(session, image, 0))["gate"],
        randomise(session, image, 0, {"gate": found})["gate"],
        float(state.analysis.maps["attention"].raw.max()),
    )
    assert panel.verdict == verdict(facts)
    assert panel.rows["shuffled"].value.text() == f"{facts.randomisation.similarity:.2f}".replace(
        "-", "−"
    )
    assert not panel._check.isVisibleTo(panel)

    # The passes with shuffled weights served all native maps; deletion is each one's own.
    state.overlays.show(state.active_view, "local")
    assert panel.map_name == "local"
    assert honesty.facts("local").randomisation is not None
    assert honesty.facts("local").deletion is None
    assert panel._check.isVisibleTo(panel)

    # Another image and back: nothing is measured again.
    key = key_of(found)
    series = [s for group in state.cases.groups for case in group.cases for s in case.series]
    cases = [case for group in state.cases.groups for case in group.cases]
    other = next(i for i, s in enumerate(series) if s is not state.series)
    mine = state.series
    state.open_series(cases[other], series[other])
    until(lambda: state.series is series[other] and "gate" in state.analysis.maps)
    assert key_of(state.analysis.maps["gate"]) != key and not honesty.is_checked("gate")
    state.open_series(next(c for c in cases if mine in c.series), mine)
    until(lambda: state.series is mine and "gate" in state.analysis.maps)
    assert honesty.is_checked("gate") and honesty.facts("gate").deletion == facts.deletion


def test_checking_is_cancelled_by_its_button_and_by_turning_away(make_window, pictures, until):
    window = make_window(pictures)
    state, panel, honesty = window.state, window.answers.honesty, window.state.honesty
    press(panel)
    press(panel)
    until(lambda: settled(window))
    assert not honesty.is_checking("gate") and not honesty.is_checked("gate")
    assert "Check" in panel._check.text()
    press(panel)
    state.close_case()
    until(lambda: settled(window))
    assert not state.jobs.has("honesty")
    assert not honesty.can_check("gate") and honesty.facts("gate") is None
