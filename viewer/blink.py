"""Blink: overlay or masks are gone while a key is held, and back when it comes up."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QMenu, QWidget

from viewer.actions import Actions
from viewer.views import Views


class Blink(QObject):
    """One key's hiding. ``action`` hides; chosen from a menu, with no key down, it stays so.

    The key is whatever the action's shortcut is at the moment it goes down, so that keys can be
    bound anew. Leaving the window counts as letting go: a key that comes up elsewhere is not seen.
    """

    def __init__(self, window: QWidget, action: QAction, show: Callable[[bool], object]) -> None:
        super().__init__(window)
        self._window = window
        self._action = action
        self._show = show
        self._down = 0
        self._held = 0
        self.hidden = False
        action.setAutoRepeat(False)
        action.triggered.connect(self._act)
        window.installEventFilter(self)

    def _act(self) -> None:
        if self._down:
            self._held = self._down
            self._hide(True)
        else:
            self._hide(not self.hidden)

    def _hide(self, hidden: bool) -> None:
        if not hidden:
            self._held = 0
        if hidden != self.hidden:
            self.hidden = hidden
            self._show(not hidden)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch keys go down and come up; every event goes on to whom it is for.

        A key that goes down is offered to the focus's parents, the window among them, before it
        becomes a shortcut. One that comes up is seen where it enters the program, since whoever
        has the focus may keep it.
        """
        kind = event.type()
        if kind == QEvent.Type.Show and watched is self._window:
            handle = self._window.windowHandle()
            if handle is not None:
                handle.installEventFilter(self)  # once is enough, and twice is as once
        if kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            if isinstance(event, QKeyEvent) and not event.isAutoRepeat():
                self._down = event.key()
        elif kind == QEvent.Type.KeyRelease:
            if isinstance(event, QKeyEvent) and not event.isAutoRepeat():
                if event.key() == self._held:
                    self._hide(False)
                self._down = 0
        elif kind == QEvent.Type.WindowDeactivate and watched is self._window:
            self._down = 0
            if self._held:
                self._hide(False)
        return False


def install(window: QWidget, actions: Actions, views: Views) -> None:
    """Make the two actions and have their keys watched."""
    overlay = actions.make(
        "blink-overlay",
        "Hide the &overlay while held",
        lambda: None,
        "X",
        tip="The map is gone while the key is held",
    )
    masks = actions.make(
        "blink-masks",
        "Hide the &masks while held",
        lambda: None,
        "Shift+X",
        tip="The masks are gone while the key is held",
    )

    def show_overlays(shown: bool) -> None:
        for view in views.views:
            view.set_overlay_shown(shown)

    def show_masks(shown: bool) -> None:
        views.set_masks_shown(shown and not actions["hide-masks"].isChecked())

    blink = Blink(window, overlay, show_overlays)
    views.viewMade.connect(lambda view: view.set_overlay_shown(not blink.hidden))
    Blink(window, masks, show_masks)


def menu(window: QWidget, actions: Actions) -> QMenu:
    """Return the menu of what can be hidden for a look at what lies under it."""
    return actions.fill(QMenu("&Blink", window), "blink-overlay", "blink-masks")
