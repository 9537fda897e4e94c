"""The size that a compressed frame itself announces, before any decoder allocates for it."""

from __future__ import annotations

from typing import NamedTuple

from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)


class Announced(NamedTuple):
    """What a JPEG (T.81), JPEG-LS (T.87) or JPEG 2000 (T.800) stream says of itself."""

    rows: int
    cols: int
    samples: int
    precision: int
    marker: int


_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_JPEG_LS_FRAME = 0xF7
_JP2_BOX = b"\0\0\0\x0cjP  "


def announced(frame: bytes) -> Announced | None:
    """Return what a frame announces, or None where it is none of these codes."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    start = 0
    if frame[:8] == _JP2_BOX:
        start = frame.find(b"\xff\x4f\xff\x51")
        if start < 0:
            return None
    if frame[start : start + 4] == b"\xff\x4f\xff\x51":
        return _jpeg2000(frame[start:])
    return None


def has_endless_box(frame: bytes) -> bool:
    """Whether a JP2 file's boxes (T.800 I.4) stop short of its codestream.

    A box of length 0 reaches to the end, so that nothing follows it; pydicom, which looks for the
    codestream box after it, would look for ever.
    """
    if frame[:8] != _JP2_BOX:
        return False
    place = len(_JP2_BOX) + 4  # the signature box is 12 bytes long
    while place < len(frame) and frame[place + 4 : place + 8] != b"jp2c":
        length = int.from_bytes(frame[place : place + 4], "big")
        if length == 0:
            return True
        place += length
    return False


def _jpeg(frame: bytes) -> Announced | None:
    position = 2
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            return None
        marker = frame[position + 1]
        if marker == 0xFF:  # fill bytes
            position += 1
            continue
        if marker in _START_OF_FRAME or marker == _JPEG_LS_FRAME:
            if position + 10 > len(frame):
                return None
            return Announced(
                int.from_bytes(frame[position + 5 : position + 7], "big"),
                int.from_bytes(frame[position + 7 : position + 9], "big"),
                frame[position + 9],
                frame[position + 4],
                marker,
            )
        if marker in (0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            position += 2
            continue
        position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    return None


def _jpeg2000(stream: bytes) -> Announced | None:
    if len(stream) < 43:
        return None
    # SIZ, T.800 A.5.1: marker 2, length 2, capabilities 2, then sizes of four bytes each.
    width, height, left, top = (
        int.from_bytes(stream[8 + 4 * i : 12 + 4 * i], "big") for i in range(4)
    )
    samples = int.from_bytes(stream[40:42], "big")
    return Announced(height - top, width - left, samples, (stream[42] & 0x7F) + 1, 0x51)


def transfer_syntax(encapsulated: bytes) -> UID | None:
    """Guess the transfer syntax of encapsulated pixel data from its first frame's markers."""
    # Skip the basic offset table (PS3.5 A.4): an item tag, its length, its value, the next item.
    if encapsulated[:4] != b"\xfe\xff\x00\xe0":
        return None
    table = int.from_bytes(encapsulated[4:8], "little")
    frame = encapsulated[8 + table + 8 :]
    found = announced(frame)
    if found is None:
        return None
    if found.marker == 0x51:
        # Wavelet 9-7 is lossy, 5-3 may be lossless; COD (FF52) says which at its 13th byte.
        cod = frame.find(b"\xff\x52")
        reversible = cod >= 0 and frame[cod + 13 : cod + 14] == b"\x01"
        return JPEG2000Lossless if reversible else JPEG2000
    if found.marker == _JPEG_LS_FRAME:
        scan = frame.find(b"\xff\xda")
        near = frame[scan + 5 + 2 * found.samples] if scan >= 0 else 0
        return JPEGLSNearLossless if near else JPEGLSLossless
    if found.marker == 0xC3:
        return JPEGLosslessSV1
    return JPEGBaseline8Bit if found.precision == 8 else JPEGExtended12Bit
