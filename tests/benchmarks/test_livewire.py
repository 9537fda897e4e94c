"""What a move of the mouse costs the livewire on 1024 x 1024 pixels.

Run with ``python -m pytest -s tests/benchmarks/test_livewire.py --override-ini norecursedirs=``.
Times are processor time (other work on the machine does not count), against the peer that finds
each path anew over the whole image (scikit-image's ``route_through_array``); what is asserted is a
ratio with a wide margin, never seconds.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import ndimage
from skimage.graph import route_through_array

from engine.masks.livewire import NEAR, Livewire

SIDE = 1024


def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 25)
    return (np.where(smooth > 0, 200, 80) + rng.normal(0, 10, smooth.shape)).astype(np.float32)


def timed(work, *arguments) -> float:
    start = time.process_time()
    work(*arguments)
    return (time.process_time() - start) * 1e3


def test_following_the_mouse() -> None:
    pixels = picture()
    wire = Livewire(pixels)
    taken = {"the frame's edges, once": [timed(lambda: wire.cost)]}
    rng = np.random.default_rng(1)
    first, near, far, far_first = [], [], [], []
    for _ in range(6):
        anchor = tuple(int(n) for n in rng.integers(200, SIDE - 200, 2))
        wire.set_anchor(anchor)
        first.append(timed(wire.path_to, anchor))
        for _ in range(20):
            point = np.array(anchor) + rng.integers(-NEAR, NEAR, 2)
            near.append(timed(wire.path_to, (int(point[0]), int(point[1]))))
        far_first.append(timed(wire.path_to, (5, 5)))
        for _ in range(5):
            row, col = rng.integers(0, SIDE, 2)
            far.append(timed(wire.path_to, (int(row), int(col))))
    taken |= {
        "a click, and the first move": first,
        "a move near the click": near,
        "the first move far from it": far_first,
        "a move far from it": far,
    }
    peer = [
        timed(lambda: route_through_array(wire.cost, anchor, (900, 900), geometric=True))
        for _ in range(2)
    ]
    taken["peer: the whole image anew"] = peer
    for name, values in taken.items():
        print(
            f"\n{name:<32} median {np.median(values):8.2f} ms   worst {np.max(values):8.2f} ms",
            end="",
        )
    print()
    assert np.median(near) < np.median(peer) / 50
    assert np.median(far) < np.median(peer) / 5
