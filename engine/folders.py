"""Where the program keeps its own files on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import PlatformDirs

_DIRS = PlatformDirs("Saliscope", appauthor=False)


def _folder(kind: str, default: str) -> Path:
    home = os.environ.get("SALISCOPE_HOME")
    folder = Path(home) / kind if home else Path(default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data() -> Path:
    """Autosaved masks: kept until the user removes them. ``SALISCOPE_HOME`` moves all of these."""
    return _folder("data", _DIRS.user_data_dir)


def cache() -> Path:
    """What can be computed again (SHAP maps, thumbnails)."""
    return _folder("cache", _DIRS.user_cache_dir)


def settings() -> Path:
    """The user's preferences."""
    return _folder("config", _DIRS.user_config_dir)


def logs() -> Path:
    """The log, which never holds patient data."""
    return _folder("logs", _DIRS.user_log_dir)
