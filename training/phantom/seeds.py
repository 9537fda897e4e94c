"""Random streams: case k of a seed is the same whatever the number of cases or processes."""

from __future__ import annotations

import uuid

import numpy as np
from pydicom.uid import UID

_DEMO_STREAM = 0x5A11
"""Demo cases branch off under this key, so that no case of any data set repeats one."""


def case_sequence(seed: int, case: int) -> np.random.SeedSequence:
    """Return the stream of case ``case``: what ``SeedSequence(seed).spawn(case + 1)[case]`` is."""
    return np.random.SeedSequence(seed, spawn_key=(case,))


def demo_sequence(case: int) -> np.random.SeedSequence:
    """Return the stream of a shipped demo case: held out from every data set by its key."""
    return np.random.SeedSequence(0, spawn_key=(_DEMO_STREAM, case))


def uid(*names: object) -> UID:
    """Return a DICOM UID derived from names: 2.25 and a version-5 UUID (PS3.5 annex B.2)."""
    text = "/".join(str(n) for n in names)
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, 'saliscope-phantom/' + text).int}")
