"""A command of training in a process of its own, stopped in the middle of its work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch

from tests.conftest import ROOT, heed_ctrl_c


def stopped(
    command: Sequence[str], ready: Callable[[], bool], how: int = signal.SIGINT
) -> tuple[int, str]:
    """Run ``python -m COMMAND`` until ``ready``, send it a signal; return its status and words."""
    child = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        preexec_fn=heed_ctrl_c,
        # As many threads as here: only then are sums rounded alike.
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 200
    while not ready():
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(how)
    _, said = child.communicate(timeout=60)
    return child.returncode, said
