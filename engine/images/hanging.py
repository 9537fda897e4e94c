"""Which series of a study to hang first, when there is room for a few."""

from __future__ import annotations

from engine.images.case import Case, Series

#: Words of a series' title that say it only served to plan the others.
_PLANNING = ("localizer", "localiser", "scout", "survey", "loc_", "3-plane", "3 plane", "topogram")
#: Stacks with fewer frames than this are rather stills or plans than something to read.
FEW = 3


def is_planning(series: Series) -> bool:
    """Whether a series only served to plan the others (a localizer, a scout)."""
    title = series.title.lower()
    return title == "loc" or any(word in title for word in _PLANNING)


def hanging(case: Case, places: int = 9) -> tuple[Series, ...]:
    """Return the series of a study for ``places`` views, in the order in which they were made.

    Where there are more series than places, those that only planned the others go first, then
    stacks of a few frames beside longer ones; then the last ones.
    """
    series = list(case.series)
    longest = max((one.frames for one in series), default=0)
    for unwanted in (is_planning, lambda one: one.frames < FEW <= longest):
        if len(series) > places:
            kept = [one for one in series if not unwanted(one)]
            series = kept or series
    return tuple(series[: max(places, 0)])
