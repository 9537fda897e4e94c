"""File dialogs that remember their folder, the keys, and what the program is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QVBoxLayout,
    QWidget,
)

from viewer.settings import Settings
from viewer.widgets.section import label

IMAGES = (
    "Images (*.dcm *.dicom *.nii *.nii.gz *.png *.jpg *.jpeg *.tif *.tiff *.bmp);;All files (*)"
)


def choose_files(parent: QWidget, settings: Settings, kinds: str = IMAGES) -> list[Path]:
    """Ask for files to open."""
    start = settings.text("folder/open")
    names, _ = QFileDialog.getOpenFileNames(parent, "Open files", start, kinds)
    if names:
        settings.set("folder/open", str(Path(names[0]).parent))
    return [Path(name) for name in names]


def choose_file(parent: QWidget, settings: Settings, title: str, kinds: str) -> Path | None:
    """Ask for one file to open."""
    name, _ = QFileDialog.getOpenFileName(parent, title, settings.text("folder/open"), kinds)
    if name:
        settings.set("folder/open", str(Path(name).parent))
    return Path(name) if name else None


def choose_folder(
    parent: QWidget, settings: Settings, title: str, key: str = "folder/open"
) -> Path | None:
    """Ask for a folder."""
    name = QFileDialog.getExistingDirectory(parent, title, settings.text(key))
    if name:
        settings.set(key, name)
    return Path(name) if name else None


def choose_target(
    parent: QWidget, settings: Settings, title: str, name: str, kinds: str
) -> Path | None:
    """Ask where to write a file."""
    start = str(Path(settings.text("folder/export")) / name)
    target, _ = QFileDialog.getSaveFileName(parent, title, start, kinds)
    if target:
        settings.set("folder/export", str(Path(target).parent))
    return Path(target) if target else None


def choose_kind(
    parent: QWidget, settings: Settings, title: str, name: str, kinds: Iterable[str]
) -> tuple[Path, str] | None:
    """Ask where to write a file, and as which of several kinds; the kind decides the ending."""
    start = str(Path(settings.text("folder/export")) / name)
    target, kind = QFileDialog.getSaveFileName(parent, title, start, ";;".join(kinds))
    if not target:
        return None
    settings.set("folder/export", str(Path(target).parent))
    return Path(target).with_suffix(kind[kind.index("*.") + 1 : -1]), kind


def show_about(parent: QWidget) -> QDialog:
    """Say what the program is and is not."""
    from viewer.log import version

    number = version()
    text = (
        "See where a fusion classifier looked: its class, the evidence of each branch, and how "
        "far every map agrees with a mask that you draw.\n\n"
        "Research use only. This is not a medical device and must not be used for diagnosis.\n\n"
        "After Abbaspour Onari et al., “Multimodal attention-aware fusion for diagnosing distal "
        "myopathy: evaluating model interpretability and clinician trust”, 2025.\n\n"
        "Apache License 2.0. The typeface is Inter, under the SIL Open Font License. Made with Qt "
        "and PySide6 (LGPL 3), PyTorch and timm, pydicom, highdicom, nibabel, SHAP, scikit-image "
        "and others; each has its licence beside it where it is installed."
    )
    return show_text(parent, f"Saliscope {number}".strip(), text)


def show_text(parent: QWidget, title: str, text: str) -> QDialog:
    """Show a few paragraphs."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(20, 16, 20, 12)
    layout.setSpacing(12)
    layout.addWidget(label(title, "title"))
    body = label(text)
    body.setWordWrap(True)
    body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    body.setMinimumWidth(420)
    layout.addWidget(body)
    layout.addWidget(_close(dialog))
    dialog.open()
    return dialog


def _close(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    return buttons


def accept_or_cancel(
    dialog: QDialog,
    accept: QDialogButtonBox.StandardButton = QDialogButtonBox.StandardButton.Ok,
) -> QDialogButtonBox:
    """Return the buttons that accept a dialog and that reject it."""
    buttons = QDialogButtonBox(accept | QDialogButtonBox.StandardButton.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
