"""Incremental deletion: is what a map calls relevant what the prediction rests on? (11)-(14).

Pixels are replaced by the blurred image in steps of 10 %, most relevant first (MoRF) and least
relevant first (LeRF), and the probability of the explained class is followed. ``delete`` computes
the curves, ``Curves.score`` is DS, ``class_corrected`` gives DSc; ``on_input`` brings a session's
maps to the grid on which pixels are deleted. ``single.delete_image`` is all of it for one image.
"""

from engine.evaluation.deletion.curves import (
    RANDOM,
    STEPS,
    Curves,
    Trace,
    delete,
    random_relevance,
)
from engine.evaluation.deletion.maps import on_input, output_of
from engine.evaluation.deletion.perturb import BLUR_SIGMA, blurred, counts, order, perturbed
from engine.evaluation.deletion.score import ALPHA, Corrected, class_corrected

__all__ = [
    "ALPHA",
    "BLUR_SIGMA",
    "RANDOM",
    "STEPS",
    "Corrected",
    "Curves",
    "Trace",
    "blurred",
    "class_corrected",
    "counts",
    "delete",
    "on_input",
    "order",
    "output_of",
    "perturbed",
    "random_relevance",
]
