"""How an image is turned on the screen: by quarter turns, and mirrored. The pixels stay as stored.

The eight ways make a group: turning and mirroring in any order gives one of them again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Cosine and sine of 0 to 3 quarter turns, clockwise on a screen whose y axis points down.
_QUARTERS = ((1, 0), (0, 1), (-1, 0), (0, -1))

Matrix = tuple[int, int, int, int]


@dataclass(frozen=True)
class Turn:
    """First mirrored left to right where ``mirrored``, then turned clockwise ``quarters`` times."""

    quarters: int = 0
    mirrored: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the image is shown as it is stored."""
        return self.quarters == 0 and not self.mirrored

    @property
    def sideways(self) -> bool:
        """Whether rows run across the screen rather than down it."""
        return self.quarters % 2 == 1

    @property
    def matrix(self) -> Matrix:
        """(a, b, c, d): x' = a x + b y, y' = c x + d y, from image axes to the screen's."""
        cosine, sine = _QUARTERS[self.quarters]
        sign = -1 if self.mirrored else 1
        return cosine * sign, -sine, sine * sign, cosine

    def apply(self, x: float, y: float) -> tuple[float, float]:
        """Take a vector along (columns, rows) to the screen."""
        a, b, c, d = self.matrix
        return a * x + b * y, c * x + d * y

    def invert(self, x: float, y: float) -> tuple[float, float]:
        """Take a vector on the screen back to (columns, rows)."""
        a, b, c, d = self.matrix  # orthogonal: the inverse is the transpose
        return a * x + c * y, b * x + d * y

    def turned(self, clockwise: int) -> Turn:
        """Return this turned further, by quarters."""
        return replace(self, quarters=(self.quarters + clockwise) % 4)

    def flipped(self, *, vertically: bool = False) -> Turn:
        """Return this as seen in a mirror, left and right swapped (or top and bottom)."""
        # F R^t = R^-t F, and a flip top to bottom is one left to right and half a turn.
        quarters = (2 if vertically else 0) - self.quarters
        return Turn(quarters % 4, not self.mirrored)

    def edges(self, labels: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
        """Return what stands at the screen's (left, right, top, bottom) of the image's edges."""
        left, right, top, bottom = labels
        at = {(-1, 0): left, (1, 0): right, (0, -1): top, (0, 1): bottom}

        def edge(x: int, y: int) -> str:
            column, row = self.invert(x, y)
            return at[round(column), round(row)]

        return edge(-1, 0), edge(1, 0), edge(0, -1), edge(0, 1)

    @property
    def words(self) -> str:
        """Say how the image is turned, "" where it is not."""
        if self.mirrored and self.quarters == 2:
            return "flipped top to bottom"
        parts = ["mirrored"] if self.mirrored else []
        if self.quarters:
            parts.append("turned " + ("90° right", "180°", "90° left")[self.quarters - 1])
        return ", ".join(parts)


PLAIN = Turn()
