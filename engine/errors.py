"""Errors that a user may see: one sentence each, saying what, why, and what to do."""

from __future__ import annotations

from pathlib import Path


class SaliscopeError(Exception):
    """An error whose text is fit to be shown to the user as it stands."""


NO_MEMORY = "there is not enough memory for it"


class UnreadableImageError(SaliscopeError):
    """A file that cannot be read as an image.

    Attributes
    ----------
    path: the file. reason: why, a clause without a full stop.
    advice: what to do, an imperative clause.
    """

    def __init__(self, path: Path | str, reason: str, advice: str) -> None:
        self.path = Path(path)
        self.reason = reason
        self.advice = advice
        super().__init__(f"{self.path.name} cannot be read: {reason}; {advice}.")

    @classmethod
    def refused(cls, path: Path | str, error: OSError) -> UnreadableImageError:
        """Return the error of a file that the system does not let be read."""
        reason = (error.strerror or "the system refused").lower()
        return cls(path, reason, "check that it exists and that you may read it")

    @classmethod
    def too_large(cls, path: Path | str) -> UnreadableImageError:
        """Return the error of a file that there is not enough memory for."""
        return cls(path, NO_MEMORY, "close other programs and try again")


class CheckpointError(SaliscopeError):
    """A model file that is unknown, truncated, incomplete or of the wrong shape."""


class MaskError(SaliscopeError):
    """A mask that cannot be read, or does not belong to the image it is meant for."""


class InvalidInputError(SaliscopeError):
    """An argument that a user gave and that cannot be used."""


class CancelledError(Exception):
    """The user cancelled; not an error to show."""
