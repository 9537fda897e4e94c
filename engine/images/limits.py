"""Limits against hostile or broken sizes, checked from headers before anything is allocated.

Each is far above what a scanner or an ultrasound machine writes and far below what would make
the program, or the machine it runs on, fall over.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

from engine.errors import UnreadableImageError

MAX_FRAME_PIXELS = 2**26
"""Pixels of one frame (8192 x 8192). The largest clinical frames are stitched radiographs and
mammograms of 20 to 40 million pixels; Pillow's own alarm goes off at 89 million, so it stays
behind this one as a second line."""

MAX_FRAMES = 20_000
"""Frames of one image. Dynamic MR and cine loops reach a few thousand."""

MAX_DECODED_BYTES = 4 * 2**30
"""Bytes of one decoded image. Whole-body Enhanced MR stays below 2 GiB; four fit the 8 GiB of a
modest workstation beside the program itself."""

MAX_HEADER_BYTES = 64 * 2**20
"""Bytes before the pixels (NIfTI extensions). Real extensions are kilobytes; the bound keeps a
gzip stream of zeros from being unpacked only to be skipped."""

MAX_INFLATED_BYTES = MAX_DECODED_BYTES + MAX_HEADER_BYTES
"""Bytes that a deflated DICOM data set may unpack to: the largest image and its header."""

MAX_SIDE = 2**16 - 1
"""Rows or columns of a frame: what DICOM's US value representation can hold."""

MAX_FILES = 200_000
"""Files looked at below the folders that were opened. A year of a research archive is below
this; a drop of the whole disk is not, and stops with a sentence instead of an endless scan."""

MAX_MANIFEST_BYTES = 64 * 2**20
"""Bytes of a ``manifest.csv``: rows for some 300,000 images; a larger table is no manifest."""

MAX_DEPTH = 32
"""Folders within folders. DICOM media and archives nest fewer than ten."""

MAX_THUMBNAIL_SIDE = 512
"""Pixels along a thumbnail's longer side, whoever asks."""


def check(path: Path, shape: tuple[int, ...], bytes_per_sample: int) -> None:
    """Check an announced size (frames, rows, cols[, samples]) against the limits.

    Raises ``UnreadableImageError`` where it is empty or too large.
    """
    frames, rows, cols = shape[:3]
    if min(shape) < 1:
        raise UnreadableImageError(
            path,
            f"its header announces an image without pixels ({rows} × {cols}, {frames} frames)",
            "export it again from where it came from",
        )
    if rows * cols > MAX_FRAME_PIXELS or max(rows, cols) > MAX_SIDE:
        raise UnreadableImageError(
            path,
            f"its header announces {rows} × {cols} pixels, more than the "
            f"{MAX_FRAME_PIXELS / 1e6:.0f} million that a frame may have",
            "check that the file is intact, or export it at a smaller size",
        )
    if frames > MAX_FRAMES:
        raise UnreadableImageError(
            path,
            f"its header announces {frames} frames, more than the limit of {MAX_FRAMES}",
            "check that the file is intact, or export it in parts",
        )
    size = prod(shape) * bytes_per_sample
    if size > MAX_DECODED_BYTES:
        raise UnreadableImageError(
            path,
            f"it would take {size / 2**30:.1f} GiB of memory, more than the limit of "
            f"{MAX_DECODED_BYTES / 2**30:.0f} GiB",
            "check that the file is intact, or export it in parts",
        )
