"""A mask: which pixels of an image somebody marked, who, and on which image."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.errors import MaskError
from engine.images.image import Identity, Image

#: The reader's own first. After Okabe and Ito, "Color Universal Design" (2008), lightened where it
#: would be dark on black: any two are told apart by eyes of any kind (CIE Lab distance over 16).
COLOURS = (
    "#4DD0E1",
    "#E69F00",
    "#CC79A7",
    "#F0E442",
    "#D55E00",
    "#5B8DEF",
    "#FFFFFF",
    "#009E73",
)

REFERENCE = "reference"
"""Id of the mask that came with an image."""

REFERENCE_COLOUR = "#FFFFFF"
"""The one colour that no line of a map comes near, in any table, to eyes of any kind; its outline
has a pattern of its own besides."""

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class ImageReference:
    """Which image a mask belongs to; it goes wherever the mask goes.

    key: ``Image.key``. shape: (rows, cols) of a frame.
    """

    key: str
    frames: int
    shape: tuple[int, int]
    identity: Identity = field(default_factory=Identity)

    @classmethod
    def of(cls, image: Image) -> ImageReference:
        """Return the reference to an image."""
        return cls(image.key, image.frames, image.shape, image.identity)

    def fits(self, image: Image) -> bool:
        """Whether a mask of this image has the size of that one."""
        return self.frames == image.frames and self.shape == image.shape


class Mask:
    """A named mask on one image: boolean (rows, cols) for each frame that was drawn on.

    ``frames`` holds read-only views; a ``MaskDocument`` changes them, so that every change can be
    undone, is saved and is seen by the listeners. Frames that are absent are empty.
    """

    def __init__(
        self,
        reference: ImageReference,
        label: str = "Lesion",
        *,
        colour: str = COLOURS[0],
        author: str = "",
        visible: bool = True,
        locked: bool = False,
        id: str = "",
        frames: Mapping[int, NDArray[np.bool_]] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self.reference = reference
        self.id = id or str(uuid.uuid4())
        self.label = checked_label(label)
        self.colour = checked_colour(colour)
        self.author = author
        self.visible = visible
        self.locked = locked
        self.notes = tuple(notes)
        self._frames: dict[int, NDArray[np.bool_]] = {}
        for index, pixels in (frames or {}).items():
            self.check_frame(index)
            if pixels.shape != reference.shape or pixels.dtype != np.bool_:
                raise ValueError(f"a frame is bool {reference.shape}, not {pixels.shape}")
            if pixels.any():
                self._frames[index] = pixels.copy()

    def __repr__(self) -> str:
        return f"Mask({self.id}, {len(self._frames)} frames)"

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of a frame."""
        return self.reference.shape

    @property
    def frames(self) -> Mapping[int, NDArray[np.bool_]]:
        """The drawn frames by index: read-only (rows, cols), each a view that follows changes."""
        return MappingProxyType({i: _read_only(p) for i, p in sorted(self._frames.items())})

    def frame(self, index: int) -> NDArray[np.bool_]:
        """Return one frame, (rows, cols), read-only; all false where nothing is drawn."""
        self.check_frame(index)
        pixels = self._frames.get(index)
        # One byte, repeated by its strides: an empty frame costs no memory.
        return np.broadcast_to(np.False_, self.shape) if pixels is None else _read_only(pixels)

    def area(self, frame: int | None = None) -> int:
        """Return the number of marked pixels of one frame, or of all."""
        if frame is not None:
            self.check_frame(frame)
            pixels = self._frames.get(frame)
            return 0 if pixels is None else int(np.count_nonzero(pixels))
        return sum(int(np.count_nonzero(p)) for p in self._frames.values())

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is marked."""
        return not any(p.any() for p in self._frames.values())

    def volume(self) -> NDArray[np.bool_]:
        """Return all frames, (frames, rows, cols), a new array."""
        out = np.zeros((self.reference.frames, *self.shape), np.bool_)
        for index, pixels in self._frames.items():
            out[index] = pixels
        return out

    def check_frame(self, index: int) -> None:
        """Raise ``IndexError`` unless the image has this frame."""
        if not 0 <= index < self.reference.frames:
            raise IndexError(f"frame {index} of {self.reference.frames}")

    def check_fits(self, image: Image) -> None:
        """Raise ``MaskError`` unless the image has this mask's size."""
        if not self.reference.fits(image):
            raise MaskError(
                f"The mask “{self.label}” ({describe(self.reference.frames, self.shape)}) does not "
                f"fit this image ({describe(image.frames, image.shape)}); open the image that it "
                "was drawn on."
            )

    def same_pixels(self, other: Mask) -> bool:
        """Whether both mark the same pixels."""
        indices = self._frames.keys() | other._frames.keys()
        return self.shape == other.shape and all(
            np.array_equal(self.frame(i), other.frame(i)) for i in indices
        )

    def copy(self, *, id: str = "", reference: ImageReference | None = None) -> Mask:
        """Return a copy that shares no pixels, with a new id unless one is given."""
        return Mask(
            reference or self.reference,
            self.label,
            colour=self.colour,
            author=self.author,
            visible=self.visible,
            locked=self.locked,
            id=id,
            frames=self._frames,
            notes=self.notes,
        )


def checked_label(label: str) -> str:
    """Return a label on one line and stripped; raise ``MaskError`` for an empty one."""
    text = " ".join("".join(c if c.isprintable() else " " for c in label).split())[:200]
    if not text:
        raise MaskError("A mask needs a name, and this one is empty; type at least one letter.")
    return text


def checked_colour(colour: str) -> str:
    """Return a colour "#rrggbb"; raise ``MaskError`` for anything else."""
    if not _COLOUR.fullmatch(colour):
        raise MaskError(f"“{colour[:20]}” is not a colour; write it as #rrggbb.")
    return colour


def describe(frames: int, shape: tuple[int, int]) -> str:
    """Return a size for a sentence: "512 × 384 pixels" (columns first), "…, 59 frames"."""
    size = f"{shape[1]} × {shape[0]} pixels"
    return size if frames == 1 else f"{size}, {frames} frames"


def _read_only(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    view = pixels.view()
    view.flags.writeable = False
    return view
