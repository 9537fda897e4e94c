"""The set in use: remembered in the settings, and heard of by whoever shows or uses keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from viewer.canvas import bindings
from viewer.keymap import files
from viewer.keymap.keymap import Keymap, KeymapError
from viewer.keymap.presets import SALISCOPE, preset
from viewer.settings import Settings

_PRESET = "keymap/preset"
_OWN = "keymap/own"


class KeymapStore(QObject):
    """``changed``: the set in use is another; views follow by themselves."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.current = self._stored()
        bindings.use(self.current)

    def use(self, keymap: Keymap) -> None:
        """Take up a set at once, and remember it."""
        if keymap == self.current:
            return
        self.current = keymap
        known = preset(keymap.name)
        self._settings.set(_PRESET, keymap.name if keymap == known else "")
        self._settings.set(_OWN, "" if keymap == known else files.to_text(keymap))
        bindings.use(keymap)
        self.changed.emit()

    def _stored(self) -> Keymap:
        own = self._settings.text(_OWN)
        if own:
            try:
                return files.from_text(own)
            except KeymapError:
                # Damaged, or of a newer version: no reason not to start, nor to throw it away.
                self._settings.set_aside(_OWN, "Your own set of keys")
                return SALISCOPE
        return preset(self._settings.text(_PRESET)) or SALISCOPE
