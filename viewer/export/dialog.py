"""Which cases, what of them, and where to; then how far it is, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.images.case import Case, Series
from viewer import dialogs
from viewer.export.choice import Choice
from viewer.widgets.remark import Remark
from viewer.widgets.section import label
from viewer.widgets.wrapped import Wrapped

if TYPE_CHECKING:
    from engine.export.wanted import Summary
    from viewer.export.batch import BatchExport
    from viewer.window import Window

_ROLE = Qt.ItemDataRole.UserRole
_CHECKED, _UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class BatchDialog(QDialog):
    """Stays where it is while a batch runs; closed, the batch goes on."""

    def __init__(self, window: Window, batch: BatchExport) -> None:
        super().__init__(window)
        self._window, self._state, self._batch = window, window.state, batch
        self.setWindowTitle("Export several cases")
        self.setModal(True)
        self.setMinimumSize(720, 440)
        self.cases = QTreeWidget()
        self.choice = Choice(self._state.settings)
        self.folder = QLineEdit()
        self.remark = Remark()
        self.export = QPushButton("&Export")
        self.export.setDefault(True)
        self.bar = QProgressBar()
        self.at = label("", "secondary")
        self.stop = QPushButton("&Stop")
        self.outcome = Wrapped()
        self.details = QPlainTextEdit()
        self._target = ""
        self.pages = QStackedWidget()
        for page in (self._choose(), self._run(), self._summary()):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.addWidget(self.pages)
        batch.progressed.connect(self._progressed)
        batch.finished.connect(self._finished)
        batch.failed.connect(self._failed)
        self.cases.itemChanged.connect(self._ticked)
        self.choice.changed.connect(self._follow)
        self.folder.textChanged.connect(self._follow)

    def present(self) -> None:
        """Show the dialog: the choice with the cases as they are now, or a running batch."""
        if not self._batch.running:
            self._fill()
            self.choice.set_model(self._batch.has_model)
            if self._window.exporting.privacy.on:  # ticked in the menu, meant for several too
                self.choice.deidentify.setChecked(True)
            if not self.folder.text():
                start = self._state.settings.text("folder/export") or str(Path.home())
                self.folder.setText(str(Path(start) / "saliscope-export"))
            self.pages.setCurrentIndex(0)
            self._follow()
        if not self.isVisible():  # within the window, which is within the screen
            room = self._window.size()
            self.resize(min(980, room.width() - 40), min(640, room.height() - 40))
        self.open()

    # The three pages

    def _choose(self) -> QWidget:
        self.cases.setHeaderHidden(True)
        self.cases.setColumnCount(2)
        self.cases.header().setStretchLastSection(False)
        self.cases.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.cases.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.cases.setAccessibleName("Cases and series to export")
        self.cases.setObjectName("exportCases")
        self.cases.setMinimumWidth(300)
        self.cases.setIndentation(16)
        ways = QHBoxLayout()
        ways.setSpacing(4)
        for text, act in (
            ("All", lambda: self._tick(lambda _: True)),
            ("None", lambda: self._tick(lambda _: False)),
            ("On screen", lambda: self._tick(lambda series: series is self._state.series)),
        ):
            button = QPushButton(text)
            button.setProperty("role", "link")
            button.setAutoDefault(False)
            button.clicked.connect(act)
            ways.addWidget(button)
        ways.addStretch(1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(label("Cases", "title"))
        left.addWidget(self.cases, 1)
        left.addLayout(ways)
        scroll = QScrollArea()
        scroll.setWidget(self.choice)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Its columns are never cut off; the list of cases gives way.
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(self.choice.minimumSizeHint().width() + bar)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(label("What to export", "title"))
        right.addWidget(scroll, 1)
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addLayout(left, 1)
        both.addLayout(right, 1)
        self.folder.setAccessibleName("Folder to export into")
        browse = QPushButton("&Choose…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        where = QHBoxLayout()
        where.addWidget(label("Into", "secondary"))
        where.addWidget(self.folder, 1)
        where.addWidget(browse)
        close = QPushButton("Cancel")
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        self.export.clicked.connect(self._start)
        buttons = QHBoxLayout()
        buttons.addWidget(self.remark, 1)
        buttons.addStretch(0)
        buttons.addWidget(close)
        buttons.addWidget(self.export)
        return _page(both, where, buttons)

    def _run(self) -> QWidget:
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How far the export is")
        self.stop.clicked.connect(self._stop)
        later = QPushButton("&Go on in the background")
        later.setAutoDefault(False)
        later.clicked.connect(self.accept)
        head = QVBoxLayout()
        head.addStretch(1)
        head.addWidget(label("Exporting", "title"))
        head.addWidget(self.bar)
        head.addWidget(self.at)
        head.addStretch(2)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(later)
        buttons.addWidget(self.stop)
        return _page(head, buttons)

    def _summary(self) -> QWidget:
        self.details.setReadOnly(True)
        self.details.setAccessibleName("What failed, what was written, and what was removed")
        self.details.setObjectName("exportDetails")
        show = QPushButton("Open the &folder")
        show.setAutoDefault(False)
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._target)))
        again = QPushButton("&Back")
        again.setAutoDefault(False)
        again.clicked.connect(self.present)
        close = QPushButton("&Close")
        close.clicked.connect(self.accept)
        body = QVBoxLayout()
        body.addWidget(label("Export", "title"))
        body.addWidget(self.outcome)
        body.addWidget(self.details, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(again)
        buttons.addStretch(1)
        buttons.addWidget(show)
        buttons.addWidget(close)
        return _page(body, buttons)

    # Choosing

    def _fill(self) -> None:
        chosen: set[Series | None] = {series for _, series in self.chosen()}
        chosen = chosen or {self._state.series}
        self.cases.blockSignals(True)
        self.cases.clear()
        for group in self._state.cases.groups:
            if not group.cases:
                continue
            head = QTreeWidgetItem([group.title.upper()])
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.cases.addTopLevelItem(head)
            head.setFirstColumnSpanned(True)
            head.setExpanded(True)
            for case in group.cases:
                self._add(head, case, chosen)
        self.cases.blockSignals(False)

    def _add(self, head: QTreeWidgetItem, case: Case, chosen: set[Series | None]) -> None:
        if len(case.series) == 1:
            row = _row(self._state.privacy.case(case), case.series[0], chosen)
            head.addChild(row)
            row.setData(0, _ROLE, (case, case.series[0]))
            return
        title = self._state.privacy.case(case)
        top = QTreeWidgetItem([title])
        top.setFlags(
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsUserCheckable
            | Qt.ItemFlag.ItemIsAutoTristate
            | Qt.ItemFlag.ItemIsSelectable
        )
        head.addChild(top)
        top.setFirstColumnSpanned(True)
        top.setToolTip(0, title)
        for series in case.series:
            row = _row(self._state.privacy.series(series), series, chosen)
            row.setData(0, _ROLE, (case, series))
            top.addChild(row)
        top.setExpanded(any(series in chosen for series in case.series) or len(case.series) < 4)

    def chosen(self) -> list[tuple[Case, Series]]:
        """Return the series that are ticked, in the order of the list."""
        return [row.data(0, _ROLE) for row in self._rows() if row.checkState(0) == _CHECKED]

    def _rows(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []

        def walk(item: QTreeWidgetItem) -> None:
            if item.data(0, _ROLE) is not None:
                found.append(item)
            for number in range(item.childCount()):
                walk(item.child(number))

        for number in range(self.cases.topLevelItemCount()):
            top = self.cases.topLevelItem(number)
            if top is not None:
                walk(top)
        return found

    def _tick(self, which: object) -> None:
        assert callable(which)
        for row in self._rows():
            row.setCheckState(0, _CHECKED if which(row.data(0, _ROLE)[1]) else _UNCHECKED)

    def _ticked(self, *_: object) -> None:
        self._follow()

    def _browse(self) -> None:
        found = dialogs.choose_folder(
            self, self._state.settings, "Export into this folder", "folder/export"
        )
        if found is not None:
            self.folder.setText(str(found))

    def _follow(self, *_: object) -> None:
        """Say what is missing, or what will happen."""
        many = len(self.chosen())
        why = self._batch.check(self.choice.wanted)
        if not many:
            why = "No case is ticked."
        elif not self.folder.text().strip():
            why = "Choose a folder to export into."
        self.export.setEnabled(not why)
        self.export.setText(f"&Export {many} series" if many else "&Export")
        self.remark.say(why, "info")

    # Running

    def _start(self) -> None:
        folder = Path(self.folder.text().strip()).expanduser()
        self._target = str(folder)
        self._state.settings.set("folder/export", str(folder.parent))
        self.bar.setValue(0)
        self.at.setText("")
        self.stop.setEnabled(True)
        self.pages.setCurrentIndex(1)
        self._batch.start(self.chosen(), folder, self.choice.wanted)

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.at.setText("Stopping after what is being written now…")
        self._batch.stop()

    def _progressed(self, fraction: float, text: str) -> None:
        self.bar.setValue(round(fraction * 1000))
        if self.stop.isEnabled():
            self.at.setText(text.replace("_", " ").capitalize())

    def _finished(self, summary: Summary) -> None:
        self.outcome.setText(self._state.privacy.sentence(summary.sentence()))
        lines: list[str] = []
        if summary.failed:
            lines += ["Not written:", *summary.failures(), ""]
        if summary.written:
            lines += ["Written:", *summary.kinds(), ""]
        if summary.notes:
            lines += ["To know:", *summary.remarks(), ""]
        if summary.removed:
            lines += ["De-identified:", *(f"  {line}".rstrip() for line in summary.removed)]
        privacy = self._state.privacy
        self.details.setPlainText("\n".join(map(privacy.sentence, lines)).strip())
        self.details.setVisible(bool(self.details.toPlainText()))
        self.pages.setCurrentIndex(2)

    def _failed(self, sentence: str) -> None:
        self.outcome.setText(self._state.privacy.sentence(sentence))
        self.details.setPlainText("")
        self.details.hide()
        self.pages.setCurrentIndex(2)


def _row(text: str, series: Series, chosen: set[Series | None]) -> QTreeWidgetItem:
    row = QTreeWidgetItem([text, series.summary])
    row.setToolTip(0, text)
    row.setFlags(
        Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
    )
    row.setCheckState(0, _CHECKED if series in chosen else _UNCHECKED)
    return row


def _page(*parts: QVBoxLayout | QHBoxLayout) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(12)
    for number, part in enumerate(parts):
        layout.addLayout(part, 0 if number else 1)
    return page
