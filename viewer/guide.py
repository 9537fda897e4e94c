"""The user guide in a window of its own, so that it can lie beside what it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextTable,
)
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

import resources
from viewer import theme

_NAME = "guide.md"
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


def source() -> Path | None:
    """Return the guide's file: of the folder the program runs from, else the one it came with."""
    for path in (Path(__file__).parents[1] / "docs" / _NAME, resources.path(_NAME)):
        if path.is_file():
            return path
    return None


def text(path: Path) -> str:
    """Return the guide without the pictures that did not come with it."""
    whole = path.read_text(encoding="utf-8")
    return _PICTURE.sub(
        lambda found: found.group() if (path.parent / found.group(1)).is_file() else "", whole
    )


def _space(document: QTextDocument) -> None:
    """Give paragraphs, headings and tables room; Markdown comes without."""
    document.setDefaultFont(theme.font(14))
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        shape = block.blockFormat()
        shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if QTextCursor(block).currentTable() is None:
            shape.setTopMargin(20 if shape.headingLevel() else 0)
            shape.setBottomMargin(8)
        cursor.setPosition(block.position())
        cursor.setBlockFormat(shape)
        block = block.next()
    for table in document.rootFrame().childFrames():
        if isinstance(table, QTextTable):
            look = table.format()
            look.setCellPadding(4)
            look.setBorder(0)
            look.setBottomMargin(12)
            table.setFormat(look)


class GuideWindow(QDialog):
    """Links within it turn the page; others open in the system's browser."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("User guide")
        self.setModal(False)
        self.page = QTextBrowser()
        self.page.setObjectName("guide")
        self.page.setAccessibleName("User guide")
        self.page.setOpenLinks(False)
        self.page.anchorClicked.connect(self._follow)
        path = source()
        if path is None:
            self.page.setPlainText(
                "The guide did not come with this installation; it is in the project's docs folder."
            )
        else:
            self.page.setSearchPaths([str(path.parent)])
            self.page.setMarkdown(text(path))
            _space(self.page.document())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self.resize(760, min(760, parent.height()))

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        elif link.hasFragment():
            self.page.scrollToAnchor(link.fragment())


def show(parent: QWidget) -> GuideWindow:
    """Show the guide, the window that is open already if there is one."""
    for child in parent.findChildren(GuideWindow):
        child.show()
        child.raise_()
        return child
    window = GuideWindow(parent)
    window.show()
    return window
