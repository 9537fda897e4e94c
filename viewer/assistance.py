"""What helps with the window itself: palette, keys, settings, tour, guide, log and about."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu, QWidget

from engine import folders
from viewer import dialogs, guide, scaling
from viewer.commands import Command, gather
from viewer.jobs import UNEXPECTED
from viewer.keysheet import KeySheet
from viewer.logsheet import LogSheet
from viewer.palette import Palette
from viewer.preferences.dialog import SettingsDialog
from viewer.tour.tour import Tour

if TYPE_CHECKING:
    from viewer.window import Window


class Assistance(QObject):
    """Makes its actions on the window, which puts them into its menus."""

    #: Of the Edit and the Help menu, in their order.
    EDIT = (None, "settings")
    HELP = ("guide", "keys", "tour", "palette", None, "save-log", "log", None, "about")

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._settings: SettingsDialog | None = None
        self.palette = Palette(window, window.state.settings, self.commands)
        self.tour = Tour(window)
        make = window.actions_.make
        make("settings", "&Settings…", self.show_settings, "Ctrl+,", icon="settings")
        make("palette", "&Search commands…", self.palette.open, ("Ctrl+K", "Ctrl+Shift+P"))
        make("guide", "User &guide", self.show_guide, "F1")
        make("keys", "&Keys and mouse…", self.show_keys, "?")
        make("tour", "&Tour of the window", self.tour.start)
        make("save-log", "&Save the log…", self.save_log)
        make("log", "Show the &log's folder", self._show_log)
        make("about", "&About Saliscope", lambda: dialogs.show_about(window))

    def settle(self) -> None:
        """Tie up what is there once the window has been laid out."""
        window, actions = self._window, self._window.actions_
        window.top.search.clicked.connect(self.palette.open)
        window.notice.offer(UNEXPECTED, "Save the log…", self.save_log)
        actions.keysChanged.connect(self._name_keys)
        for widget in window.findChildren(QWidget):  # those that say which action they stand for
            name = widget.property("action")
            if name in actions.all:
                actions.hint(widget, name, widget.toolTip())
        self._name_keys()

    def _name_keys(self) -> None:
        self._window.strip.show_keys(self._window.actions_.keys_text)

    # Commands and keys

    def commands(self) -> list[Command]:
        """Return all that can be done, cases on the list included."""
        window = self._window
        chips = (window.top.model.menu(), window.top.device.menu())
        more = tuple(menu for menu in chips if isinstance(menu, QMenu))
        found = gather(window.actions_.menus, window.actions_.all, window.state, more)
        return found + self._cases()

    def _cases(self) -> list[Command]:
        state = self._window.state
        found = []
        for group in state.cases.groups:
            for case in group.cases:
                for series in case.series:
                    text = state.privacy.case(case)
                    if len(case.series) > 1:
                        text += f" · {state.privacy.series(series)}"
                    found.append(
                        Command(
                            text=text,
                            place=("Case",),
                            keys="",
                            run=partial(state.open_series, case, series),
                            checked=True if series is state.series else None,
                        )
                    )
        return found

    def _in_menus(self) -> list[Command]:
        window = self._window
        return gather(window.actions_.menus, window.actions_.all, window.state)

    def show_keys(self) -> KeySheet:
        """Show all keys and what the mouse does."""
        window = self._window
        sheet = KeySheet(
            window, window.actions_, self._in_menus, lambda: self.show_settings("keys")
        )
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()
        return sheet

    # Settings

    def show_settings(self, page: str = "appearance") -> SettingsDialog:
        """Show a page of the settings."""
        if self._settings is None:
            self._settings = self._make_settings()
        self._settings.show_page(page)
        self._settings.open()
        self._settings.raise_()
        return self._settings

    def _make_settings(self) -> SettingsDialog:
        from viewer.preferences.appearance import AppearancePage
        from viewer.preferences.keys import KeysPage
        from viewer.preferences.model import ModelPage
        from viewer.preferences.privacy import PrivacyPage
        from viewer.preferences.storage import StoragePage

        window, state = self._window, self._window.state
        settings, actions = state.settings, window.actions_
        pages = {
            "appearance": AppearancePage(settings, actions, window.set_theme, self.restart),
            "keys": KeysPage(settings, actions, self._in_menus),
            "privacy": PrivacyPage(settings, actions, self.save_log),
            "model": ModelPage(state, window.models),
            "storage": StoragePage(state),
        }
        return SettingsDialog(pages, window)

    def restart(self) -> None:
        """Close the window, its masks saved, and start again with the same files."""
        window = self._window
        open_now = list(window.state.settings.open_paths)
        if self._settings is not None:
            self._settings.close()
        if not window.close():
            return
        window.state.settings.set_open_paths(open_now)
        scaling.forget(os.environ)
        frozen = getattr(sys, "frozen", False)
        QProcess.startDetached(
            sys.executable, ["--resume"] if frozen else ["-m", "viewer", "--resume"]
        )

    # Help

    def show_guide(self) -> guide.GuideWindow:
        """Show the user guide."""
        return guide.show(self._window)

    def save_log(self) -> LogSheet:
        """Show the log as it would be sent, and save it."""
        sheet = LogSheet(self._window.state, self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()
        return sheet

    def _show_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folders.logs())))
