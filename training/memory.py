"""Memory that a training process keeps for its next step instead of giving it back.

A step's activations are freed one after the other, and the next step asks for the same sizes again.
The C library hands blocks of tens of megabytes back to the system at once, and every page of them
that is asked for anew costs an interruption and is zeroed first: up to a third of a step. Told to
keep them, it finds room for a step's blocks among the last one's after some ten steps.
"""

from __future__ import annotations

import ctypes
import os
import sys

# Of malloc.h. How much is free at the end of the heap before it is handed back (-1: never), and how
# many blocks may be mapped apart from the heap, which are handed back whenever they are freed.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1
# Who set one of these knows better.
_OWN = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_")


def keep() -> bool:
    """Let this process keep what it frees, until it ends; return whether it can.

    For commands that train, not for a window that stays open. Only glibc is told; other C libraries
    (Windows, macOS, musl) have no such setting, and nothing changes. Nor does anything where
    malloc's own variables are set (``_OWN``).
    """
    if sys.platform != "linux" or any(name in os.environ for name in _OWN):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
        # Present only where the settings have the numbers above.
        ctypes.CDLL(None).gnu_get_libc_version  # noqa: B018
    except (AttributeError, OSError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
