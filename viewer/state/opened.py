"""Models kept open, so that going back and forth between modalities costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InvalidInputError
from engine.images.image import Image

if TYPE_CHECKING:
    from engine.model.catalogue import Choice, Entry
    from engine.session import Session

KEPT = 3


class Opened:
    """The sessions used last. For the one thread of the model's lane."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[Path, int, int, str, str], Session] = OrderedDict()

    def session(self, path: Path, device: str, precision: str) -> Session:
        """Return a checkpoint's session, opened at most once while its file stays the same."""
        from engine.session import Session

        status = path.stat()
        key = (path, status.st_mtime_ns, status.st_size, device, precision)
        found = self._sessions.pop(key, None) or Session.open(path, device, precision)
        self._sessions[key] = found
        while len(self._sessions) > KEPT:
            self._sessions.popitem(last=False)
        return found

    def choose(
        self, image: Image, modality: str, device: str, precision: str
    ) -> tuple[Choice, Path, Session]:
        """Return the installed model that suits an image: why, its file, its session."""
        from engine.model import catalogue

        choice = catalogue.choose(
            image,
            catalogue.installed(),
            lambda entry: self.session(entry.path, device, precision).familiarity(
                image, image.frames // 2
            ),
            modality,
        )
        return choice, choice.entry.path, self.session(choice.entry.path, device, precision)


def first_installed() -> Entry:
    """Return the model to make ready before there is an image."""
    from engine.model import catalogue

    found = catalogue.installed()
    if not found:
        raise InvalidInputError("No model is installed; load a checkpoint to predict.")
    return found[0]
