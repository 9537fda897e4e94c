"""Signal of tissues in spin echo and inversion recovery, from proton density, T1 and T2.

Relaxation times of muscle, subcutaneous fat and marrow: Gold et al., AJR 183:343-351, 2004,
tables 1 and 2 (in vivo, 1.5 and 3 T). Blood: Stanisz et al., Magn Reson Med 54:507-512, 2005.
Cortical bone: T2* about 0.4 ms (Du et al., Magn Reson Imaging 28:178-184, 2010), so that no
signal is left at these echo times. The free fluid of oedema and the skin are assumed: fluid lies
between muscle and the synovial fluid of Gold et al.; muscle T2 rises to 60-100 ms where a
quarter to a half of the voxel is such fluid, as T2 maps of inflamed muscle show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIELD_STRENGTHS = (1.5, 3.0)
"""Tesla."""


@dataclass(frozen=True)
class Tissue:
    """Proton density (relative to water), T1 and T2 in ms."""

    proton_density: float
    t1: float
    t2: float


TISSUES: dict[float, dict[str, Tissue]] = {
    1.5: {
        "muscle": Tissue(0.80, 1130.0, 35.3),
        "fat": Tissue(0.95, 288.0, 165.0),
        "marrow": Tissue(0.90, 288.0, 165.0),
        "blood": Tissue(0.85, 1441.0, 290.0),
        "fluid": Tissue(0.95, 2300.0, 200.0),
        "skin": Tissue(0.65, 850.0, 30.0),
        "bone": Tissue(0.20, 200.0, 0.4),
    },
    3.0: {
        "muscle": Tissue(0.80, 1420.0, 31.7),
        "fat": Tissue(0.95, 371.0, 133.0),
        "marrow": Tissue(0.90, 365.0, 133.0),
        "blood": Tissue(0.85, 1932.0, 275.0),
        "fluid": Tissue(0.95, 2800.0, 180.0),
        "skin": Tissue(0.65, 1050.0, 28.0),
        "bone": Tissue(0.20, 223.0, 0.4),
    },
}


def spin_echo(tissue: Tissue, tr: float, te: float) -> float:
    """Return the spin-echo signal PD (1 - exp(-TR/T1)) exp(-TE/T2); times in ms, TE << TR."""
    return float(tissue.proton_density * (1.0 - np.exp(-tr / tissue.t1)) * np.exp(-te / tissue.t2))


def inversion_recovery(tissue: Tissue, tr: float, te: float, ti: float) -> float:
    """Return the signed signal PD (1 - 2 exp(-TI/T1) + exp(-TR/T1)) exp(-TE/T2); times in ms.

    The sign is kept, because fat and water in one voxel cancel before the magnitude is taken.
    """
    recovery = 1.0 - 2.0 * np.exp(-ti / tissue.t1) + np.exp(-tr / tissue.t1)
    return float(tissue.proton_density * recovery * np.exp(-te / tissue.t2))


def null_inversion_time(t1: float, tr: float = np.inf) -> float:
    """Return the inversion time (ms) that nulls ``t1``: T1 ln(2 / (1 + exp(-TR/T1)))."""
    return float(t1 * np.log(2.0 / (1.0 + np.exp(-tr / t1))))
