"""Shared fixtures. The suite runs without a display, a network, a GPU or ../shared/data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before Qt or torch is imported anywhere: no display is assumed, and two test processes share
# the processor, so each keeps to one thread.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parent.parent


def heed_ctrl_c() -> None:
    """Undo, in a child process, that a shell has its background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A slow machine is no failure; what takes too long is measured in the benchmarks.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images; tests that need it skip, saying so, where it is missing."""
    folder = Path(os.environ.get("SALISCOPE_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real images are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The folder of pretrained backbones."""
    folder = Path(os.environ.get("SALISCOPE_SHARED", ROOT.parent / "shared")) / "weights"
    if not folder.is_dir():
        pytest.skip(f"the pretrained backbones are not at {folder}")
    return folder


@pytest.fixture(autouse=True)
def _private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep autosaves, settings and caches of a test in its own folder."""
    monkeypatch.setenv("SALISCOPE_HOME", str(tmp_path / "saliscope-home"))
