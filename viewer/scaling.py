"""How large the interface is drawn, from 100 to 200 %, by the user's choice.

Qt takes a scale only before its application object is made (``QHighDpiScaling`` warns and
half-applies one that comes later), so a choice holds from the next start on. The window offers
that start at once, with the same files.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from viewer.settings import Settings

CHOICES = (100, 110, 125, 150, 175, 200)
"""Per cent, on top of what the system asks of every program."""
_SETTING = "appearance/scale"
_VARIABLE = "QT_SCALE_FACTOR"
#: Logical pixels that the window needs: of its content, without the system's frame.
NEEDED = (940, 500)

_in_force = 100


def chosen(settings: Settings) -> int:
    """Return the per cent that were chosen, within what there is."""
    value = round(settings.number(_SETTING, 100))
    return min(CHOICES, key=lambda choice: abs(choice - value))


def choose(settings: Settings, percent: int) -> None:
    """Remember a choice for the next start."""
    settings.set(_SETTING, percent)


def prepare(
    settings: Settings, environment: MutableMapping[str, str], percent: int | None = None
) -> int:
    """Have Qt draw at the chosen size; call before the application object is made.

    ``percent`` is of this start alone. A factor that the environment sets already is left as it
    is: whoever set it meant it. Returns the per cent in force.
    """
    global _in_force
    if _VARIABLE not in environment:
        _in_force = percent or chosen(settings)
        if _in_force != 100:
            environment[_VARIABLE] = f"{_in_force / 100:g}"
    return _in_force


def in_force() -> int:
    """Return the per cent that this start was made with."""
    return _in_force


def forget(environment: MutableMapping[str, str]) -> None:
    """Take the factor out again, so that a program started from here chooses its own."""
    environment.pop(_VARIABLE, None)


def fits(percent: int, now: int, screen: tuple[int, int]) -> bool:
    """Whether the window fits on a screen; ``screen``: its logical size at ``now`` per cent."""
    return all(side * now / percent >= needed for side, needed in zip(screen, NEEDED, strict=True))
