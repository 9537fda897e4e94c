"""Work off the GUI thread: results, progress and failures come back as signals on it.

A lane is a small thread pool. Work with the same ``key`` is superseded by the latest: the older
job is cancelled and whatever it still returns is ignored.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Literal

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot
from shiboken6 import isValid

from engine.errors import CancelledError, SaliscopeError
from engine.progress import Progress

Lane = Literal["files", "thumbnails", "model"]
Work = Callable[[Progress], Any]

_THREADS: dict[Lane, int] = {
    "files": 2,
    "thumbnails": 1,
    "model": 1,  # the session holds one lock: more threads would only wait for it
}
_REPORT_INTERVAL = 0.05  # s; a status bar need not repaint more often

UNEXPECTED = "Something went wrong that should not have; the log says where (Help > Save the log)."

log = logging.getLogger(__name__)


def _sentence(error: BaseException) -> str:
    if isinstance(error, SaliscopeError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs and try again."
    return UNEXPECTED


def log_unexpected(what: str, error: BaseException) -> None:
    """Log the places an error went through, without its text, which may hold patient data."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames[-6:]))
    log.error("%s: %s at %s", what, type(error).__name__, places)


class Job(QObject):
    """One piece of running work; lives on the GUI thread, its ``run`` does not."""

    progressed = Signal(float, str)
    succeeded = Signal(object)
    failed = Signal(str)
    ended = Signal()

    _returned = Signal(object)
    _raised = Signal(object)
    _reported = Signal(float, str)

    def __init__(self, title: str, work: Work, key: str, lane: Lane, shown: bool) -> None:
        super().__init__()
        self.title = title
        self.key = key
        self.lane = lane
        self.shown = shown
        self.fraction = 0.0
        self.text = ""
        self.over = False
        self._work = work
        self._last_report = 0.0
        self.progress = Progress(self._on_worker_report)
        self._returned.connect(self._finish)
        self._raised.connect(self._fail)
        self._reported.connect(self._report)

    def cancel(self) -> None:
        """Stop the work at its next report and ignore what it returns."""
        self.progress.cancel()
        if not self.over:
            self.over = True
            self.ended.emit()

    def run(self) -> None:
        """Do the work; called on a pool's thread."""
        if self.progress.cancelled:
            self._raised.emit(CancelledError())
            return
        try:
            result = self._work(self.progress)
        except CancelledError as error:
            self._raised.emit(error)
        except BaseException as error:  # nothing may end a pool's thread
            if not isinstance(error, SaliscopeError):
                log_unexpected(self.lane, error)
            self._raised.emit(error)
        else:
            self._returned.emit(result)

    def _on_worker_report(self, fraction: float, text: str) -> None:
        now = time.monotonic()
        if fraction >= 1.0 or now - self._last_report >= _REPORT_INTERVAL:
            self._last_report = now
            self._reported.emit(fraction, text)

    @Slot(float, str)
    def _report(self, fraction: float, text: str) -> None:
        if not self.over:
            self.fraction = fraction
            self.text = text
            self.progressed.emit(fraction, text)

    @Slot(object)
    def _finish(self, result: object) -> None:
        if self.over:
            return
        self.over = True
        self.succeeded.emit(result)
        self.ended.emit()

    @Slot(object)
    def _fail(self, error: object) -> None:
        if self.over:
            return
        self.over = True
        if isinstance(error, BaseException) and not isinstance(error, CancelledError):
            self.failed.emit(_sentence(error))
        self.ended.emit()


class _Runnable(QRunnable):
    def __init__(self, job: Job, started: Callable[[Job], bool], done: Callable[[Job], None]):
        super().__init__()
        self._job = job
        self._started = started
        self._done = done

    def run(self) -> None:
        if self._started(self._job):
            try:
                self._job.run()
            except RuntimeError:
                if isValid(self._job):
                    raise  # else Qt has deleted it: the program ended before the work did
            finally:
                self._done(self._job)


class Jobs(QObject):
    """Starts jobs and knows which are running. ``failed`` carries sentences fit to be shown."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pools: dict[Lane, QThreadPool] = {}
        for lane, threads in _THREADS.items():
            pool = QThreadPool(self)
            pool.setMaxThreadCount(threads)
            self._pools[lane] = pool
        self._jobs: list[Job] = []
        self._on_threads: set[Job] = set()  # kept alive until their thread has let go of them
        self._lock = threading.Lock()

    @property
    def running(self) -> tuple[Job, ...]:
        """Jobs that are worth showing: started by the user or long."""
        return tuple(job for job in self._jobs if job.shown)

    @property
    def idle(self) -> bool:
        """Whether nothing is running or waiting."""
        return not self._jobs

    def start(
        self,
        title: str,
        work: Work,
        done: Callable[[Any], None],
        *,
        key: str = "",
        lane: Lane = "files",
        failed: Callable[[str], None] | None = None,
        shown: bool = True,
        priority: int = 0,
    ) -> Job:
        """Run ``work(progress)`` on ``lane``; ``done(result)`` is called on the GUI thread.

        ``failed(sentence)`` takes the place of the notice strip. ``shown`` jobs are in the status
        bar with a cancel button.
        """
        if key:
            self.cancel(key)
        job = Job(title, work, key, lane, shown)
        job.succeeded.connect(lambda result: done(result) if isValid(self) else None)
        job.failed.connect(failed if failed is not None else self.failed)
        job.progressed.connect(self.changed)
        job.ended.connect(lambda: self._forget(job))
        self._jobs.append(job)
        with self._lock:
            self._on_threads.add(job)
        self._pools[lane].start(_Runnable(job, self._wanted, self._let_go), priority)
        self.changed.emit()
        return job

    def cancel(self, key: str) -> None:
        """Cancel the work with this key, if there is any."""
        for job in [job for job in self._jobs if job.key == key]:
            job.cancel()

    def has(self, key: str) -> bool:
        """Whether work with this key is running or waiting."""
        return any(job.key == key for job in self._jobs)

    def cancel_all(self) -> None:
        """Cancel everything."""
        for job in list(self._jobs):
            job.cancel()

    def shut_down(self, timeout_ms: int = 5000) -> None:
        """Cancel everything and wait for the threads; for closing the program."""
        self.cancel_all()
        for pool in self._pools.values():
            pool.clear()
            pool.waitForDone(timeout_ms)

    def _wanted(self, job: Job) -> bool:
        if job.progress.cancelled:
            self._let_go(job)
            return False
        return True

    def _let_go(self, job: Job) -> None:
        with self._lock:
            self._on_threads.discard(job)

    def _forget(self, job: Job) -> None:
        # The last word of a job may come after its window is gone.
        if isValid(self) and job in self._jobs:
            self._jobs.remove(job)
            self.changed.emit()
