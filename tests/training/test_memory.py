"""A training process keeps the memory that it frees, where the C library can be told to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Blocks as large as a step's activations, asked for and freed again and again.
STEPS = """
import resource, sys
import torch
from training import memory
kept = memory.keep() if sys.argv[1] == "keep" else False
def step():
    torch.ones(16, 1024, 1024).sum()
# Aligned blocks leave gaps beside them; a few steps on, the next ones fit.
for _ in range(16):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how: str, **environment: str) -> tuple[bool, int]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("GLIBC", "MALLOC_"))}
    done = subprocess.run(
        [sys.executable, "-c", STEPS, how],
        capture_output=True,
        text=True,
        check=True,
        env=plain | environment,
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_memory_is_not_asked_for_anew() -> None:
    kept, few = _faults("keep")
    if not kept:
        pytest.skip("this C library cannot be told")
    _, many = _faults("let go")
    assert few < many / 10


def test_who_sets_malloc_by_its_own_variables_is_obeyed() -> None:
    kept, _ = _faults("keep", MALLOC_TRIM_THRESHOLD_="1000000")
    assert not kept


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from training import memory

    monkeypatch.setattr(sys, "platform", "win32")
    assert memory.keep() is False
