"""The mask that came with an image: white, unless the reader chose another colour."""

from __future__ import annotations

from engine.images.scan import scan
from engine.masks.mask import COLOURS, REFERENCE, REFERENCE_COLOUR
from viewer.state.storage import References, Storage


def colour_after(pictures, chosen: str, qtbot) -> str:
    """Open an image, give its reference a colour, and return the one it comes back in."""
    series = next(s for case in scan([pictures]).cases for s in case.series if s.has_reference)
    image = series.load(None)
    first = Storage(image, References(series), None)
    if chosen:
        first.document.recolour(REFERENCE, chosen)
    first.close()
    again = Storage(image, References(series), None)
    colour = again.document.mask(REFERENCE).colour
    again.close()
    return colour


def test_the_reference_is_white_unless_the_reader_chose_another_colour(pictures, qtbot):
    assert colour_after(pictures, "", qtbot) == REFERENCE_COLOUR == "#FFFFFF"
    assert colour_after(pictures, COLOURS[2], qtbot) == COLOURS[2]
    # The orange of earlier versions is that of lines of maps: nobody chose it.
    assert colour_after(pictures, COLOURS[1], qtbot) == REFERENCE_COLOUR
