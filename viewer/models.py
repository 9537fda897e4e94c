"""Which checkpoint is used and where it runs: loading, the menus of the chips, details."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from engine.model import catalogue
from viewer import dialogs
from viewer.actions import Actions
from viewer.state import AppState


def shipped() -> list[Path]:
    """Return the checkpoints that ship with the program, the demo first."""
    return [entry.path for entry in catalogue.installed()]


class Models(QObject):
    """Asks, loads, and fills the menus when they open."""

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._window = window

    def load_first(self, checkpoint: Path | None) -> None:
        """Load the one named, else the one that the user chose, else choose by the image."""
        settings = self._state.settings
        last = Path(settings.text("model/checkpoint"))
        if checkpoint is None and last.suffix == catalogue.SUFFIX and last.is_file():
            checkpoint = last
        where = (settings.text("model/device", "auto"), settings.text("model/precision", "auto"))
        if checkpoint is not None:
            self._state.analysis.load(checkpoint, *where)
        else:
            self._state.analysis.choose_by_image(*where)

    def ask(self) -> None:
        """Let the user choose a checkpoint."""
        path = dialogs.choose_file(
            self._window,
            self._state.settings,
            "Load a checkpoint",
            f"Checkpoints (*{catalogue.SUFFIX});;All files (*)",
        )
        if path is not None:
            self.load(path)

    def load(self, path: Path) -> None:
        """Have one checkpoint answer for every image, and remember it."""
        self._state.settings.set("model/checkpoint", str(path))
        self._state.analysis.load(path, self._state.analysis.device, self._state.analysis.precision)

    def choose_automatically(self) -> None:
        """Have each image answered by the installed model that suits it, and remember that."""
        self._state.settings.set("model/checkpoint", "")
        analysis = self._state.analysis
        analysis.choose_by_image(analysis.device, analysis.precision)

    def install(self, actions: Actions) -> None:
        """Register what the menus and the palette offer."""
        actions.make("load-model", "Load a &checkpoint…", self.ask)
        actions.make(
            "automatic-model",
            "Choose the model by &modality",
            self.choose_automatically,
            tip="Ultrasound, MRI and demo images are each answered by the model trained on them",
        )

    def checkpoint_menu(self) -> QMenu:
        """Return the menu under the model chip."""
        menu = QMenu("Model", self._window)

        def fill() -> None:
            menu.clear()
            analysis = self._state.analysis
            details = menu.addAction("About this model…", self.show_details)
            details.setEnabled(analysis.session is not None)
            menu.addSeparator()
            action = menu.addAction("Automatic (by modality)", self.choose_automatically)
            action.setCheckable(True)
            action.setChecked(analysis.automatic)
            for entry in catalogue.installed():
                action = menu.addAction(entry.title, partial(self.load, entry.path))
                action.setToolTip(str(entry.path))
                action.setCheckable(True)
                action.setChecked(not analysis.automatic and entry.path == analysis.checkpoint)
            menu.addSeparator()
            menu.addAction("Load a checkpoint…", self.ask)

        menu.aboutToShow.connect(fill)
        return menu

    def device_menu(self) -> QMenu:
        """Return the menu under the device chip."""
        menu = QMenu("Device", self._window)

        def fill() -> None:
            menu.clear()
            analysis = self._state.analysis
            session = analysis.session
            if session is None:
                return
            from engine.model.device import available  # torch: there, once there is a session

            devices = [("auto", "Choose the best device")]
            devices += [(device.key, device.label) for device in available()]
            for key, text in devices:
                action = menu.addAction(text, partial(self.move, device=key))
                action.setCheckable(True)
                action.setChecked(key == analysis.device)
            menu.addSeparator()
            for precision in ("auto", "float32", "bfloat16"):
                text = "Choose the precision" if precision == "auto" else precision
                action = menu.addAction(text, partial(self.move, precision=precision))
                action.setCheckable(True)
                action.setChecked(precision == analysis.precision)

        menu.aboutToShow.connect(fill)
        return menu

    def move(self, device: str = "", precision: str = "") -> None:
        """Have the model run elsewhere, or at another precision, and remember it."""
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
