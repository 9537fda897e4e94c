"""Taking cases away: a report or figure of the one on screen, and batches of any of the list."""

from viewer.export.install import install

__all__ = ["install"]
