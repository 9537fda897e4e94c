"""What is computed for an image waits, can be cancelled, and fails with a sentence."""

from __future__ import annotations

import threading

from tests.viewer.conftest import settled
from viewer.state.analysis import MapStatus


def test_shap_waits_to_be_asked_and_can_be_cancelled(make_window, pictures, until):
    window = make_window(pictures)
    analysis = window.state.analysis
    assert {e.status for n, e in analysis.entries.items() if n.startswith("shap")} == {
        MapStatus.ABSENT
    }
    row = window.answers.agreement.rows["shap-gate"]
    assert not row.isVisible()
    window.answers.agreement._slow.click()
    assert row._button.isVisible() and row._button.text() == "Compute"
    said: list[str] = []

    def cancel(name: str) -> None:  # at its first report: a fast machine is soon done
        if name == "shap-gate" and analysis.entries[name].fraction > 0 and not said:
            assert window.status.cancel.isVisible()
            said.append(window.status.work.text())
            window.status.cancel.click()

    analysis.mapChanged.connect(cancel)
    row._button.click()
    until(lambda: bool(said))
    assert "SHAP gate" in said[0]
    assert analysis.entries["shap-gate"].status is MapStatus.ABSENT
    assert not window.status.cancel.isVisible()
    until(lambda: settled(window))
    assert "shap-gate" not in analysis.maps


def test_a_prediction_that_was_cancelled_is_not_waited_for(make_window, pictures, until):
    window = make_window(pictures)
    state, analysis = window.state, window.state.analysis
    until(lambda: settled(window))
    second = state.cases.opened.cases[1]

    free = threading.Event()
    state.jobs.start("Other work", lambda _: free.wait(60), lambda _: None, lane="model")
    state.open_series(second, second.series[0])
    until(lambda: state.case is second and state.jobs.has("predict"))
    state.jobs.cancel("predict")
    free.set()
    until(lambda: settled(window))
    assert analysis.prediction is None and not analysis.busy
    assert "no prediction" in window.answers.prediction._remark.text
    first = state.cases.opened.cases[0]
    state.open_series(first, first.series[0])
    until(lambda: state.case is first and settled(window))
    assert analysis.prediction is not None and "gate" in analysis.maps


def test_model_that_cannot_be_loaded_is_said(make_window, tmp_path, until):
    window = make_window(ready=False)
    until(lambda: window.state.analysis.session is not None)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    before = window.state.analysis.session
    window.models.load(bad)
    until(lambda: "bad.safetensors" in window.notice.text)
    assert window.state.analysis.session is before
