"""The user guide in a window of its own, so that it can lie beside what it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QImage,
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
_PAGE = re.compile(r"(?<!!)\[([^\]]+)\]\(([\w-]+\.md)\)")
_WIDEST = 680
"""Pixels of a picture: what fits beside the window's margins and its scroll bar."""


def source() -> Path | None:
    """Return the guide's file: of the folder the program runs from, else the one it came with."""
    for path in (Path(__file__).parents[1] / "docs" / _NAME, resources.path(_NAME)):
        if path.is_file():
            return path
    return None


def text(path: Path) -> str:
    """Return the guide without the pictures, and links to pages, that did not come with it."""
    whole = path.read_text(encoding="utf-8")
    whole = _PAGE.sub(
        lambda found: found.group() if (path.parent / found[2]).is_file() else found[1], whole
    )
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


class Page(QTextBrowser):
    """Shows pictures no wider than the page, as sharp as the screen is."""

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Return what a page names, pictures at the size they are shown in."""
        found = super().loadResource(kind, name)
        if kind != QTextDocument.ResourceType.ImageResource.value or not isinstance(
            found, QByteArray
        ):
            return found
        picture = QImage.fromData(found)
        scale = self.devicePixelRatioF()
        if picture.width() > _WIDEST * scale:
            smooth = Qt.TransformationMode.SmoothTransformation
            picture = picture.scaledToWidth(round(_WIDEST * scale), smooth)
        picture.setDevicePixelRatio(scale)
        return picture


class GuideWindow(QDialog):
    """Links within it turn the page; others open in the system's browser."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("User guide")
        self.setModal(False)
        self.page = Page()
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
            self._turn_to(path)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self.resize(760, min(760, parent.height()))

    def _turn_to(self, path: Path) -> None:
        self._folder = path.parent
        self.page.setSearchPaths([str(path.parent)])
        self.page.setMarkdown(text(path))
        _space(self.page.document())

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        elif link.path().endswith(".md"):
            self._turn_to(self._folder / link.path())
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
