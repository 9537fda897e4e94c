"""Files that ship with the program: icons, style, demo cases, checkpoints, licences."""

from importlib.resources import files
from pathlib import Path


def path(*parts: str) -> Path:
    """Return the path of a shipped file, e.g. ``path("models", "demo.safetensors")``."""
    return Path(str(files(__name__).joinpath(*parts)))
