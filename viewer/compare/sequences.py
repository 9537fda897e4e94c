"""Which two series of a study belong side by side: a T1 image and one that shows water."""

from __future__ import annotations

import re

from engine.images.case import Case, Series

#: Names that vendors and archives give to fat-bright anatomy, and to fat-suppressed water.
_T1 = re.compile(r"(?<![a-z0-9])t1|(?<![a-z])(fat|anatomy)(?!.?sat|.?sup)", re.I)
_STIR = re.compile(
    r"stir|tirm|spair|(?<![a-z])water|(t2|pd).*(?<![a-z])(fs|fat.?sat|fat.?sup)", re.I
)


def is_t1(series: Series) -> bool:
    """Whether a series says that it is T1-weighted or a fat image."""
    return bool(_T1.search(_name(series))) and not is_stir(series)


def is_stir(series: Series) -> bool:
    """Whether a series says that it is a STIR image, or water with the fat suppressed."""
    return bool(_STIR.search(_name(series)))


def partner(case: Case, series: Series) -> Series | None:
    """Return the series of a case to see beside one of it; None where there is no other.

    STIR beside T1 and T1 beside STIR; where the names say neither, the next one of the same size,
    else the next one. Those of as many frames come first.
    """
    others = [other for other in case.series if other is not series]
    wanted = [
        other
        for other in others
        if (is_t1(series) and is_stir(other)) or (is_stir(series) and is_t1(other))
    ]
    alike = [other for other in others if other.shape == series.shape]
    found = wanted or alike or others
    found = [other for other in found if other.frames == series.frames] or found
    if not found:
        return None
    after = case.series.index(series)
    return next((other for other in found if case.series.index(other) > after), found[0])


def _name(series: Series) -> str:
    return f"{series.title} {series.sequence}"
