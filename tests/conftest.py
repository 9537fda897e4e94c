"""Shared fixtures. The suite runs without a display, a network, a GPU or ../shared/data."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

# Before Qt or torch is imported anywhere: no display is assumed, and two test processes share
# the processor, so each keeps to one thread.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parent.parent


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


@pytest.fixture(scope="session", autouse=True)
def _spare_references() -> None:
    """Keep an environment that still has PySide6 6.12.0 from aborting on Python 3.11.

    That version drops a reference to True with every signal emitted; it is excluded in
    pyproject.toml.
    """
    if sys.version_info < (3, 12) and version("PySide6_Essentials") == "6.12.0":
        for _ in range(1_000_000):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(True))
