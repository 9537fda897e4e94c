"""A lock between processes that cannot go stale."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO


class FileLock:
    """An exclusive lock on a file, held as long as it is open.

    The operating system holds it (flock, or LockFile on Windows) and lets go when the process
    ends, however it ends: there is no stale lock to detect, and no process id to guess about.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; return whether it was free. Raises ``OSError``."""
        for _ in range(10):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                file = self.path.open("a+b")
            except FileNotFoundError:
                continue  # whoever let go of it removed the folder just now
            try:
                _lock(file)
            except (BlockingIOError, PermissionError):
                file.close()
                return False
            except OSError:
                file.close()
                raise
            if self._is_current(file):
                self._file = file
                return True
            file.close()  # it was removed between opening and locking: another one counts now
        return False

    def release(self, *, remove: bool = False) -> None:
        """Let go, and remove the file if asked. Nothing if it is not held."""
        file, self._file = self._file, None
        if file is not None:
            if remove:
                with contextlib.suppress(OSError):  # Windows removes no open file
                    self.path.unlink()
            file.close()

    def _is_current(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut; Windows does so by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
