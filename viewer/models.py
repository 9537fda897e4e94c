"""Which checkpoint is used and where it runs: loading, the menus of the chips, details."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

import resources
from viewer import dialogs
from viewer.state import AppState

_SUFFIX = ".safetensors"


def shipped() -> list[Path]:
    """Return the checkpoints that ship with the program, the demo first."""
    folder = resources.path("models")
    found = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    return sorted(found, key=lambda path: path.stem != "demo")


class Models(QObject):
    """Asks, loads, and fills the menus when they open."""

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._window = window

    def load_first(self, checkpoint: Path | None) -> None:
        """Load the one named, else the one used last, else the shipped one."""
        settings = self._state.settings
        last = Path(settings.text("model/checkpoint"))
        ready = shipped()
        if checkpoint is None and last.suffix == _SUFFIX and last.is_file():
            checkpoint = last
        if checkpoint is None and ready:
            checkpoint = ready[0]
        if checkpoint is None:
            self._state.analysis.say_missing("No model is loaded; load a checkpoint to predict.")
            return
        self._state.analysis.load(
            checkpoint,
            settings.text("model/device", "auto"),
            settings.text("model/precision", "auto"),
        )

    def ask(self) -> None:
        """Let the user choose a checkpoint."""
        path = dialogs.choose_file(
            self._window,
            self._state.settings,
            "Load a checkpoint",
            f"Checkpoints (*{_SUFFIX});;All files (*)",
        )
        if path is not None:
            self.load(path)

    def load(self, path: Path) -> None:
        """Load a checkpoint and remember it."""
        self._state.settings.set("model/checkpoint", str(path))
        self._state.analysis.load(path, self._state.analysis.device, self._state.analysis.precision)

    def checkpoint_menu(self) -> QMenu:
        """Return the menu under the model chip."""
        menu = QMenu("Model", self._window)

        def fill() -> None:
            menu.clear()
            analysis = self._state.analysis
            details = menu.addAction("About this model…", self.show_details)
            details.setEnabled(analysis.session is not None)
            menu.addSeparator()
            for path in shipped():
                action = menu.addAction(path.stem, partial(self.load, path))
                action.setCheckable(True)
                action.setChecked(path == analysis.checkpoint)
            menu.addAction("Load a checkpoint…", self.ask)

        menu.aboutToShow.connect(fill)
        return menu

    def device_menu(self) -> QMenu:
        """Return the menu under the device chip."""
        menu = QMenu("Device", self._window)

        def fill() -> None:
            from engine.model.device import available

            menu.clear()
            analysis = self._state.analysis
            session = analysis.session
            if session is None:
                return
            devices = [("auto", "Choose the best device")]
            devices += [(device.key, device.label) for device in available()]
            for key, text in devices:
                action = menu.addAction(text, partial(self._move, device=key))
                action.setCheckable(True)
                action.setChecked(key == analysis.device)
            menu.addSeparator()
            for precision in ("auto", "float32", "bfloat16"):
                text = "Choose the precision" if precision == "auto" else precision
                action = menu.addAction(text, partial(self._move, precision=precision))
                action.setCheckable(True)
                action.setChecked(precision == analysis.precision)

        menu.aboutToShow.connect(fill)
        return menu

    def _move(self, device: str = "", precision: str = "") -> None:
        analysis, settings = self._state.analysis, self._state.settings
        device, precision = device or analysis.device, precision or analysis.precision
        settings.set("model/device", device)
        settings.set("model/precision", precision)
        analysis.move_to(device, precision)

    def show_details(self) -> None:
        """Show what the checkpoint says of itself."""
        session = self._state.analysis.session
        if session is None:
            return
        about = session.checkpoint.metadata
        text = "\n".join(describe(about, session.checkpoint.sha256))
        dialogs.show_text(self._window, f"{about.name} {about.version}", text)


def describe(about: object, sha256: str) -> list[str]:
    """Return a checkpoint's metadata as lines."""
    from dataclasses import fields, is_dataclass

    lines: list[str] = []
    if is_dataclass(about):
        for field in fields(about):
            value = getattr(about, field.name)
            if field.name in ("name", "version", "architecture", "preprocessing") or not value:
                continue
            if isinstance(value, tuple | list):
                value = ", ".join(map(str, value))
            elif isinstance(value, dict):
                value = "; ".join(f"{k}: {v}" for k, v in value.items())
            lines.append(f"{field.name.replace('_', ' ').capitalize()}: {value}")
    lines.append(f"SHA-256: {sha256}")
    return lines
