"""Grey-scale windows: the formulas of DICOM PS3.3 C.11.2.1.2, robust defaults and presets."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.images.image import Image, Window

SAMPLES = 2**17
"""Pixels looked at for percentiles: their error is below a tenth of a percent, and a 4096 x 4096
frame costs no more than a small one."""

BACKGROUND_SHARE = 0.05
"""Pixels equal to the frame's lowest value are background (air, padding) from this share on."""

LABEL_MAX = 32
"""An 8-bit frame whose highest value is below this is a label map, not a picture."""

_TINY = float(np.finfo(np.float32).tiny)

# Centre and width in Hounsfield units, as consoles ship them.
_CT_PRESETS = (
    Window(40, 400, "Soft tissue"),
    Window(-600, 1500, "Lung"),
    Window(500, 2000, "Bone"),
    Window(40, 80, "Brain"),
)


def unit_values(values: NDArray[Any], window: Window) -> NDArray[np.float64]:
    """Apply a window: values in modality units to 0..1, by PS3.3 C.11.2.1.2.1 to .3.

    LINEAR windows narrower than 1 are not defined there (C.11.2.1.2.1 demands a width of at
    least 1); they are taken as LINEAR_EXACT, which is what floating-point images need.
    """
    x = values.astype(np.float64)
    centre, width = window.centre, max(window.width, _TINY)
    if window.function == "SIGMOID":
        with np.errstate(over="ignore"):
            y = 1.0 / (1.0 + np.exp(-4.0 * (x - centre) / width))
    elif window.function == "LINEAR" and width > 1 and window.curve is None:
        y = np.clip((x - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)
    elif window.function == "LINEAR" and width == 1 and window.curve is None:
        y = (x > centre - 0.5).astype(np.float64)
    else:
        y = np.clip((x - centre) / width + 0.5, 0.0, 1.0)
    if window.curve is not None:
        table = np.asarray(window.curve)
        y = table[np.rint(np.nan_to_num(y) * (len(table) - 1)).astype(np.intp)]
    return np.asarray(y, np.float64)


@lru_cache(maxsize=32)
def _table(window: Window, dtype: str, inverted: bool) -> NDArray[np.uint8]:
    """Return the 8-bit output for every value of an 8- or 16-bit type, in order of its bits."""
    kind = np.dtype(dtype)
    unsigned = np.arange(2 ** (8 * kind.itemsize), dtype=f"u{kind.itemsize}")
    return _eight_bit(unit_values(unsigned.view(kind), window), inverted)


def _eight_bit(unit: NDArray[np.float64], inverted: bool) -> NDArray[np.uint8]:
    np.nan_to_num(unit, copy=False)
    if inverted:
        unit = 1.0 - unit
    return np.asarray(unit * 255.0 + 0.5).astype(np.uint8)


def to_grey8(pixels: NDArray[Any], window: Window, inverted: bool = False) -> NDArray[np.uint8]:
    """Window pixels (rows, cols) to 8 bits for the screen; not-a-number becomes the lowest grey.

    8- and 16-bit integers go through a table that is kept between calls; others are computed.
    """
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        table = _table(window, native.dtype.str, inverted)
        unsigned = np.ascontiguousarray(native).view(f"u{native.dtype.itemsize}")
        return np.asarray(table[unsigned])
    if pixels.dtype.kind == "b":
        return to_grey8(pixels.view(np.uint8), window, inverted)
    if window.curve is not None or window.function == "SIGMOID":
        return _eight_bit(unit_values(pixels, window), inverted)
    # The two linear functions in single precision and in place: a quarter of the time of the
    # general path, and within rounding of it.
    width, centre = window.width, window.centre
    if window.function == "LINEAR" and width > 1:
        width, centre = width - 1.0, centre - 0.5
    width = max(width, _TINY)
    scale = -255.0 / width if inverted else 255.0 / width
    # Subtract before scaling, in the pixels' own precision: an offset such as 1e7 would
    # otherwise cancel badly.
    kind = np.float64 if pixels.dtype.itemsize > 4 or pixels.dtype.kind in "iu" else np.float32
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.subtract(pixels, kind(centre), dtype=kind)
        out *= kind(scale)
        out += kind(128.0)  # half the range and half a grey level for rounding
    lowest = 255.0 if inverted else 0.0
    np.clip(out, 0.0, 255.0, out=out)
    bad = np.isnan(out)
    if bad.any():
        out[bad] = lowest
    return np.asarray(out).astype(np.uint8)


def _sample(image: Image, frame: int) -> NDArray[np.float64]:
    """Return up to ``SAMPLES`` finite values of a frame, on a grid, padding left out."""
    pixels = image.grey(frame) if image.is_colour else image.frame(frame)
    step = max(1, int(np.sqrt(pixels.size / SAMPLES)))
    values = pixels[::step, ::step].astype(np.float64).ravel()
    values = values[np.isfinite(values)]
    if image.display.padding is not None:
        low, high = image.display.padding
        kept = values[(values < low) | (values > high)]
        values = kept if kept.size else values
    return np.asarray(values)


def _foreground(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not values.size:
        return values
    lowest = values.min()
    at_lowest = values == lowest
    if BACKGROUND_SHARE < at_lowest.mean() < 1.0:
        return np.asarray(values[~at_lowest])
    return values


def percentile_window(image: Image, frame: int, low: float, high: float, name: str = "") -> Window:
    """Return the window between two percentiles (0 to 100) of a frame's foreground.

    Background is what equals the frame's lowest value, and padding, where these take a visible
    share; it would otherwise pull the lower end down and waste the screen's greys.
    """
    values = _foreground(_sample(image, frame))
    if not values.size:
        return Window(0.5, 1.0, name, "LINEAR_EXACT")
    bottom, top = (float(v) for v in np.percentile(values, (low, high)))
    if top <= bottom:
        bottom, top = float(values.min()), float(values.max())
    if top <= bottom:  # a constant foreground: show it white on black
        bottom, top = bottom - 1.0, bottom
    return Window((bottom + top) / 2, top - bottom, name, "LINEAR_EXACT")


def auto_window(image: Image, frame: int) -> Window:
    """Return the window from the 1st to the 99.5th percentile of the foreground."""
    return percentile_window(image, frame, 1.0, 99.5, "Auto")


def full_window(image: Image, frame: int) -> Window:
    """Return the window from a frame's lowest to its highest finite value."""
    values = image.grey(frame)
    values = values[np.isfinite(values)]
    if not values.size or values.min() == values.max():
        return percentile_window(image, frame, 0, 100, "Full range")
    low, high = float(values.min()), float(values.max())
    return Window((low + high) / 2, high - low, "Full range", "LINEAR_EXACT")


def stored_windows(image: Image, frame: int) -> tuple[Window, ...]:
    """Return the windows that the file holds for a frame; a VOI LUT counts as one."""
    display = image.display
    windows = display.frame_windows[frame] if display.frame_windows else display.windows
    if display.voi_lut is not None:
        first, table = display.voi_lut
        last = first + len(table) - 1
        curve = tuple(float(v) for v in table)
        lut = Window((first + last) / 2, max(last - first, 1), "VOI LUT", "LINEAR_EXACT", curve)
        windows = (lut, *windows)
    return windows


def default_window(image: Image, frame: int) -> Window:
    """Return how to show a frame at first.

    The file's own VOI LUT or first window; for 8-bit pictures the full range, so that they look
    as in any other program; else ``auto_window``.
    """
    stored = stored_windows(image, frame)
    if stored:
        return stored[0]
    if image.pixels.dtype == np.uint8 and (
        image.is_colour or int(image.frame(frame).max()) >= LABEL_MAX
    ):
        return Window(127.5, 255.0, "Full range", "LINEAR_EXACT")
    return auto_window(image, frame)


def presets(image: Image, frame: int | None = None) -> tuple[Window, ...]:
    """Return the windows worth a menu entry: stored ones first, then what suits the modality.

    MR has no units, so its presets are percentiles of the frame (the middle one by default).
    """
    index = image.frames // 2 if frame is None else frame
    modality = image.identity.modality
    found = list(stored_windows(image, index))
    found = [
        Window(w.centre, w.width, w.name or f"Stored {i + 1}", w.function, w.curve)
        for i, w in enumerate(found)
    ]
    if image.pixels.dtype == np.uint8:
        found += [
            Window(127.5, 255.0, "Full range", "LINEAR_EXACT"),
            Window(95.5, 191.0, "Brighter", "LINEAR_EXACT"),
            Window(63.5, 127.0, "Dark regions", "LINEAR_EXACT"),
            percentile_window(image, index, 2.0, 98.0, "High contrast"),
        ]
        return tuple(found)
    found.append(auto_window(image, index))
    if modality == "CT":
        found += _CT_PRESETS
    else:
        found += [
            percentile_window(image, index, 5.0, 95.0, "High contrast"),
            percentile_window(image, index, 1.0, 85.0, "Dark structures"),
            percentile_window(image, index, 50.0, 99.9, "Bright structures"),
        ]
    found.append(full_window(image, index))
    return tuple(found)
