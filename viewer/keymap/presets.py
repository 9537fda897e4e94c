"""Sets named after the habits that people bring, each as its program documents them.

Sources:
- OHIF: default hot keys, ``platform/core/src/defaults/hotkeyBindings.js`` of OHIF/Viewers, and the
  basic viewer's tool groups (primary button window/level, secondary zoom, auxiliary pan, wheel
  stack). Weasis and Horos share the mouse (their user guides, "Mouse actions"); their keys differ
  from one another, so OHIF's are the ones given here.
- 3D Slicer: user guide, "User interface > Mouse & keyboard shortcuts > Slice views" and, for the
  brush, "Segment editor > Paint".
- ITK-SNAP: the shortcuts in its menus and the tool tips of its mouse modes
  (``GUI/Qt/Windows/MainImageWindow.ui`` of pyushkevich/itksnap).

Only what has a counterpart here is given; what a set does not name keeps this program's own key
unless the set needs that key.
"""

from __future__ import annotations

from viewer.keymap.keymap import MOUSE, Keymap

SALISCOPE = Keymap(
    "Saliscope",
    "Left drag uses the chosen tool, right drag zooms, middle drag moves, the wheel turns slices.",
)

READING = Keymap(
    "Weasis / OHIF / Horos",
    "Left drag windows while no other tool is chosen, right drag zooms, middle drag moves, the "
    "wheel turns slices; the keys are OHIF's.",
    keys={
        "tool-zoom": ("Z",),
        "zoom-in": ("+",),
        "zoom-out": ("-",),
        "fit": ("=",),
        "invert": ("I",),
        "turn-right": ("R",),
        "turn-left": ("L",),
        "flip-sideways": ("H",),
        "flip-upright": ("V",),
        "cine": ("C",),
        "other-view": ("Right", "Ctrl+Tab"),
        "previous-case": ("PgUp",),
        "next-case": ("PgDown",),
        "slice-previous": ("Up",),
        "slice-next": ("Down",),
        "slice-first": ("Home",),
        "slice-last": ("End",),
        "undo": ("Ctrl+Z",),
        "redo": ("Ctrl+Y",),
    },
)

SLICER = Keymap(
    "3D Slicer",
    "Right drag zooms, middle drag or Shift and left drag moves, the wheel turns slices; "
    "keys as in Slicer's slice views.",
    keys={
        "slice-previous": ("Left", "B", "Up"),
        "slice-next": ("Right", "F", "Down"),
        "fit": ("R",),
        "hide-masks": ("G",),
        "blink-overlay": ("T",),
        "previous-case": ("[",),
        "next-case": ("]",),
        "previous-map": ("{",),
        "next-map": ("}",),
        "open": ("Ctrl+O",),
        "export-all": ("Ctrl+S",),
        "close-case": ("Ctrl+W",),
        "settings": ("Ctrl+2",),
        "guide": ("Ctrl+1",),
        "palette": ("Ctrl+F",),
    },
    mouse={**MOUSE, "Shift+Left": "pan", "Alt+Middle": "pan", "Alt+Right": "zoom"},
)

ITK_SNAP = Keymap(
    "ITK-SNAP",
    "Right drag zooms, middle drag moves, the wheel turns slices; tools on the number keys.",
    keys={
        "tool-pan": ("2",),
        "tool-polygon": ("3",),
        "tool-brush": ("4",),
        "tool-distance": ("6",),
        "blink-overlay": ("W",),
        "overlay-fainter": ("Q",),
        "overlay-stronger": ("E",),
        "hide-masks": ("S",),
        "reset-window": ("Ctrl+J",),
        "previous-map": ("[",),
        "next-map": ("]",),
    },
)

PRESETS: tuple[Keymap, ...] = (SALISCOPE, READING, SLICER, ITK_SNAP)


def preset(name: str) -> Keymap | None:
    """Return a preset by its name."""
    return next((found for found in PRESETS if found.name == name), None)
