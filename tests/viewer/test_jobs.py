"""Work off the GUI thread: what arrives, what is superseded, what a failure says."""

from __future__ import annotations

import threading

import pytest

from engine.errors import UnreadableImageError
from viewer.jobs import Jobs


@pytest.fixture
def jobs(qtbot):
    jobs = Jobs()
    yield jobs
    jobs.shut_down()


def test_result_arrives_on_the_gui_thread(jobs, qtbot):
    seen = []
    jobs.start(
        "work",
        lambda progress: threading.current_thread(),
        lambda worker: seen.append((worker, threading.current_thread())),
    )
    qtbot.waitUntil(lambda: jobs.idle)
    assert seen[0][0] is not threading.main_thread()
    assert seen[0][1] is threading.main_thread()


def test_latest_supersedes_and_cancels_the_older(jobs, qtbot):
    started, release, cancelled = threading.Event(), threading.Event(), threading.Event()
    results: list[str] = []

    def slow(progress):
        started.set()
        release.wait(10)
        if progress.cancelled:
            cancelled.set()
        return "old"

    jobs.start("slow", slow, results.append, key="image")
    qtbot.waitUntil(started.is_set)
    jobs.start("fast", lambda progress: "new", results.append, key="image")
    release.set()
    qtbot.waitUntil(lambda: jobs.idle and cancelled.is_set())
    qtbot.wait(50)
    assert results == ["new"]


def test_cancelled_work_stops_and_says_nothing(jobs, qtbot):
    started, stopped, said = threading.Event(), threading.Event(), []

    def endless(progress):
        started.set()
        try:
            while True:
                progress.report(0.5, "half")
        finally:
            stopped.set()

    jobs.failed.connect(said.append)
    job = jobs.start("endless", endless, said.append)
    qtbot.waitUntil(started.is_set)
    job.cancel()
    qtbot.waitUntil(stopped.is_set)
    qtbot.wait(50)
    assert said == [] and jobs.idle


def test_progress_is_reported(jobs, qtbot):
    job = jobs.start("work", lambda progress: progress.report(1.0, "last"), lambda _: None)
    qtbot.waitUntil(lambda: jobs.idle)
    assert (job.fraction, job.text) == (1.0, "last")


def test_known_error_is_shown_as_it_stands(jobs, qtbot):
    def fail(progress):
        raise UnreadableImageError("x.dcm", "it holds no pixels", "open another file")

    with qtbot.waitSignal(jobs.failed) as said:
        jobs.start("read", fail, lambda _: None)
    assert said.args == ["x.dcm cannot be read: it holds no pixels; open another file."]


def test_unexpected_error_is_one_sentence_and_its_text_is_not_logged(jobs, qtbot, caplog):
    def fail(progress):
        raise KeyError("Doe^Jane")

    with qtbot.waitSignal(jobs.failed) as said:
        jobs.start("read", fail, lambda _: None)
    assert "Traceback" not in said.args[0] and "Doe" not in said.args[0]
    assert "KeyError" in caplog.text and "fail:" in caplog.text
    assert "Doe" not in caplog.text
