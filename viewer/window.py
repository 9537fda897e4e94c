"""The window: puts the panels around the views and wires actions to the state."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QMenu, QVBoxLayout, QWidget

from viewer import blink, overlay_style, scaling, theme
from viewer import export as export_cases
from viewer.actions import Actions
from viewer.assistance import Assistance
from viewer.compare.install import Compare
from viewer.exporting import Exporting
from viewer.grid import Arrangement
from viewer.masking.masking import Masking
from viewer.measuring import Measuring
from viewer.models import Models
from viewer.opening import Opening
from viewer.panels.answers import AnswersPanel
from viewer.panels.cases import CasesPanel
from viewer.panels.status import StatusBar
from viewer.panels.tool_options import ToolOptions
from viewer.panels.tools import ToolStrip
from viewer.panels.top import TopBar
from viewer.reading import Reading, stacked
from viewer.state import AppState
from viewer.tools.base import Tool
from viewer.tools.toolbox import DEFAULT, Toolbox
from viewer.views import Views
from viewer.widgets.notice import NoticeStrip

MASK_EXPORTS = (
    "export-mask-png",
    "export-mask-nifti",
    "export-mask-nrrd",
    "export-mask-dicom",
    "export-mask-coco",
    "export-mask-ls",
)


class Window(QMainWindow):
    """Thin: what there is to know is in the state, what there is to see in the panels."""

    def __init__(self, state: AppState | None = None) -> None:
        super().__init__()
        self.state = state or AppState()
        self.state.setParent(self)
        self.setWindowTitle("Saliscope")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.setMinimumSize(*scaling.NEEDED)

        self.toolbox = Toolbox()
        self.tools = self.toolbox.tools
        self.tool: Tool = self.toolbox[DEFAULT]
        self.actions_ = Actions(self.state, self)
        self.views = Views(self.state)
        self.exporting = Exporting(self.state, self.views, self)
        self.models = Models(self.state, self)
        self.notice = NoticeStrip()
        self.opening = Opening(self.state, self.models, self.notice, self)
        self.cases = CasesPanel(self.state)
        self.cases.setFixedWidth(theme.CASES_WIDTH)
        self.strip = ToolStrip(self.tools)
        self.options = ToolOptions(self.state, self.toolbox)
        self.answers = AnswersPanel(self.state)
        self.answers.setFixedWidth(theme.ANSWERS_WIDTH)
        self.status = StatusBar(self.state)
        self._make_actions()
        self._make_menus()
        self.top = TopBar(self.state, self.actions_.menus)
        self.top.add_beside_views(self.compare.button)
        self.compare.let_drag(self.cases.list)
        self.top.set_menus(
            self.models.checkpoint_menu(), self.models.device_menu(), self._export_menu
        )
        self.strip.add_actions([self.actions_[n] for n in ("undo", "redo", "clear")])
        self._lay_out()
        self._connect()
        self.assistance.settle()
        self.choose_tool(self.tool)
        self._restore()

    # Building

    def _make_actions(self) -> None:
        make, state, views = self.actions_.make, self.state, self.views
        make("open", "&Open files…", self.opening.ask_files, "Ctrl+O", icon="open")
        make("open-folder", "Open &folder…", self.opening.ask_folder, "Ctrl+Shift+O", icon="folder")
        make("demo", "Show the &demo cases", self.opening.demo)
        make("close-case", "&Close case", state.close_case, "Ctrl+W")
        self.models.install(self.actions_)
        make("quit", "&Quit", self.close, "Ctrl+Q")

        exporting = self.exporting
        make("export-mask-png", "Mask as &PNG…", exporting.mask_png, icon="export")
        make("export-mask-nifti", "Mask as &NIfTI…", exporting.mask_nifti)
        make("export-mask-nrrd", "Mask as N&RRD (3D Slicer)…", exporting.mask_nrrd)
        make("export-mask-dicom", "Mask as &DICOM Segmentation…", exporting.mask_dicom)
        make("export-mask-coco", "Mask as &COCO…", exporting.mask_coco)
        make("export-mask-ls", "Mask as &Label Studio tasks…", exporting.mask_label_studio)
        make("export-picture", "&Overlay picture…", exporting.picture)
        make(
            "export-all",
            "&All masks and pictures into a folder…",
            exporting.everything,
            "Ctrl+E",
            tip="Every mask as PNG and NIfTI, the overlays as pictures, and a JSON of provenance",
        )
        make("import-mask", "&Import masks…", exporting.import_masks, "Ctrl+I", icon="import")

        make("undo", "Undo", lambda: self._document_step("undo"), "Ctrl+Z", icon="undo")
        make(
            "redo",
            "Redo",
            lambda: self._document_step("redo"),
            ("Ctrl+Shift+Z", "Ctrl+Y"),
            icon="redo",
        )
        make("add-mask", "&Add mask", self._add_mask, "Ctrl+Shift+N", icon="plus")
        make(
            "clear",
            "&Clear the mask on this frame",
            self._clear,
            "Ctrl+Backspace",
            icon="trash",
        )
        make("hide-masks", "&Hide masks", self._toggle_masks, "H", checkable=True)

        make("fit", "&Fit", lambda: views.active.fit(), "F", icon="fit")
        make("one-to-one", "&1:1", lambda: views.active.one_to_one(), "Ctrl+1", icon="one-to-one")
        make("zoom-in", "Zoom &in", lambda: views.active.zoom_by(1.25), ("+", "="), icon="zoom")
        make("zoom-out", "Zoom &out", lambda: views.active.zoom_by(0.8), "-", icon="zoom-out")
        make("invert", "In&vert grey scale", lambda: views.active.invert(), "I", icon="invert")
        make("reset-window", "&Reset window", lambda: views.active.reset_window(), "R")
        make("no-map", "&No overlay", lambda: self.actions_.show_map(None), "0")
        make("next-map", "Ne&xt map", lambda: self.actions_.step_map(1), "N")
        make("previous-map", "Pre&vious map", lambda: self.actions_.step_map(-1), "Shift+N")
        overlay_style.install(self.actions_, state)
        blink.install(self, self.actions_, views)
        make("one-view", "&One view", lambda: state.set_views(1), "Alt+1", icon="one-view")
        make("two-views", "&Two views", lambda: state.set_views(2), "Alt+2", icon="two-views")
        make("other-view", "O&ther view", self._other_view, "Ctrl+Tab")
        make("next-case", "Next &series", lambda: self.cases.step(1), "Ctrl+Down")
        make("previous-case", "Pre&vious series", lambda: self.cases.step(-1), "Ctrl+Up")
        make(
            "hide-names",
            "Hide &patient names",
            self._toggle_names,
            "F8",
            tip="Show no patient's name, number or file name anywhere in the window",
            checkable=True,
        ).setChecked(state.privacy.hidden)
        make("next-study", "Next &case", lambda: self.cases.step_case(1), "Ctrl+Shift+Down")
        make("previous-study", "Previous c&ase", lambda: self.cases.step_case(-1), "Ctrl+Shift+Up")
        make("filter-cases", "F&ilter the cases", self.cases.look, "Ctrl+F")
        make("cases", "&Cases", self._toggle_cases, "F9", checkable=True)
        make("answers", "&Answers", self._toggle_answers, "F10", checkable=True)
        make("light", "&Light theme", self._toggle_theme, checkable=True)
        make("full-screen", "F&ull screen", self._toggle_full_screen, "F11", checkable=True)

        self.assistance = Assistance(self)

    def _make_menus(self) -> None:
        actions = self.actions_
        recent = actions.recent_menu(self.state.open_paths)
        tools = actions.tool_group(self.tools, self.choose_tool)
        export = (*MASK_EXPORTS, None, "export-picture", None, "export-all")
        self._export_menu = actions.fill(QMenu("&Export", self), *export)
        self.batch = export_cases.install(self, self._export_menu)
        actions.menu(
            "&File",
            *("open", "open-folder", recent, "demo", None, "import-mask", self._export_menu),
            *(None, "automatic-model", "load-model", None, "close-case", "quit"),
        )
        arrange = QMenu("&Arrange two views", self)
        group = QActionGroup(self)
        ways: tuple[tuple[Arrangement, str], ...] = (
            ("automatic", "&Automatically"),
            ("beside", "&Side by side"),
            ("stacked", "One &above the other"),
        )
        for name, text in ways:
            action = actions.make(
                f"arrange-{name}",
                text,
                partial(self._arrange, name),
                checkable=True,
            )
            group.addAction(action)
            arrange.addAction(action)
        actions.menu("&Edit", "undo", "redo", None, tools, *Assistance.EDIT)
        actions.menu(
            "&View",
            *(actions.overlay_menu(), "next-map", "previous-map", "no-map", None),
            *(overlay_style.menu(self, actions), blink.menu(self, actions), None),
            *("fit", "one-to-one", "zoom-in", "zoom-out", None, "invert", "reset-window"),
            *(
                actions.window_menu(lambda w: self.views.active.set_window(w)),
                actions.axis_menu(),
                None,
            ),
            *(
                "one-view",
                "two-views",
                arrange,
                "other-view",
                None,
                actions.fill(
                    QMenu("&Go to", self),
                    *("previous-case", "next-case", "previous-study", "next-study"),
                    *(None, "filter-cases"),
                ),
            ),
            *("hide-names", "cases", "answers", "light", "full-screen"),
        )
        self.masking = Masking(self)
        self.reading = Reading(self)
        self.measuring = Measuring(self)
        self.reading.menu.addMenu(self.measuring.menu)
        self.strip.add_family(self.measuring.button, "measure", [*self.measuring.tools.values()])
        self.answers.add_section("measurements", self.measuring.panel, before="image")
        self.compare = Compare(self)
        actions.menu("&Help", *Assistance.HELP)

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.cases)
        middle.addWidget(self.strip)
        views = stacked(self.views, self.reading.bar)
        views.insertWidget(0, self.options)
        middle.addLayout(views, 1)
        middle.addWidget(self.answers)
        root = QWidget()
        layout = QVBoxLayout(root)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.top)
        layout.addWidget(self.notice)
        layout.addLayout(middle, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(root)

    def _connect(self) -> None:
        state = self.state
        state.notice.connect(lambda text, tone: self.notice.say(state.privacy.sentence(text), tone))
        state.pathsGiven.connect(self.notice.clear)
        state.masks.changed.connect(self._follow_masks)
        state.measures.changed.connect(self._follow_masks)
        state.privacy.changed.connect(lambda: self._follow_image(None))
        state.privacy.changed.connect(lambda: self.notice.reword(state.privacy.sentence))
        state.seriesOpened.connect(self._follow_image)
        state.seriesClosed.connect(lambda: self._follow_image(None))
        state.seriesOpened.connect(lambda _: self.views.active.setFocus())
        state.overlays.changed.connect(
            lambda: overlay_style.keep(state.settings, state.overlays.style)
        )
        self.views.cursorMoved.connect(self.status.show_reading)
        self.views.no_image.openRequested.connect(self.opening.ask_files)
        self.views.no_image.folderRequested.connect(self.opening.ask_folder)
        self.cases.open_file.connect(self.opening.ask_files)
        self.cases.open_folder.connect(self.opening.ask_folder)
        self.cases.collapse.connect(self._toggle_cases)
        self.answers.collapse.connect(self._toggle_answers)
        self.answers.prediction.load_requested.connect(self.models.ask)
        self.strip.chosen.connect(self.choose_tool)
        self.options.done.connect(lambda: self.views.active.setFocus())
        self._follow_image(None)
        for sentence in state.settings.problems:
            state.notice.emit(sentence, "warning")

    # Doing

    def choose_tool(self, tool: Tool) -> None:
        """Put a tool in the reader's hand, in every view."""
        self.tool = tool
        self.views.set_tool(tool)
        self.strip.mark(tool)
        self.options.show_tool(tool)
        action = self.actions_.all.get(f"tool-{tool.name}")
        if action is not None:
            action.setChecked(True)

    def _document_step(self, what: str) -> None:
        steps = self.state.steps
        if self.state.image is not None and not self.tool.step_back():
            steps.undo() if what == "undo" else steps.redo()

    def _add_mask(self) -> None:
        if self.state.masks.document is not None and not self.views.refuse_drawing():
            self.state.masks.document.add_mask()

    def _clear(self) -> None:
        document = self.state.masks.document
        if document is not None and not self.views.refuse_drawing():
            self.state.attempt(lambda: document.clear(self.state.frame))

    def _toggle_masks(self) -> None:
        self.views.set_masks_shown(not self.actions_["hide-masks"].isChecked())

    def _other_view(self) -> None:
        if self.state.views > 1:
            self.state.set_active_view((self.state.active_view + 1) % self.state.views)
            self.views.active.setFocus()

    # Following

    def _follow_masks(self) -> None:
        self.actions_.name_steps()
        self.strip.name_actions()
        document = self.state.masks.document
        active = document.active if document is not None else None
        drawn = any(not mask.is_empty for mask in self.state.masks.all)
        self.actions_["clear"].setEnabled(active is not None and active.area(self.state.frame) > 0)
        for name in MASK_EXPORTS:
            self.actions_[name].setEnabled(drawn)

    def _follow_image(self, _: object) -> None:
        image = self.state.image
        for name in (
            *("export-picture", "export-all", "import-mask", "add-mask", "close-case"),
            *("fit", "one-to-one", "zoom-in", "zoom-out", "invert", "reset-window"),
        ):
            self.actions_[name].setEnabled(image is not None)
        self.top.export.setEnabled(image is not None)
        title = self.state.privacy.clean(image.title) if image is not None else ""
        self.setWindowTitle(f"{title} – Saliscope" if title else "Saliscope")
        self._follow_masks()

    # Looks

    def _arrange(self, name: Arrangement) -> None:
        self.views.grid.set_arrangement(name)
        self.actions_[f"arrange-{name}"].setChecked(True)
        self.state.settings.set("views/arrangement", name)

    def _toggle_cases(self) -> None:
        self.show_side("cases", self.cases.isHidden())

    def _toggle_answers(self) -> None:
        self.show_side("answers", self.answers.isHidden())

    def show_side(self, name: str, shown: bool = True) -> None:
        """Show or hide the panel "cases" or "answers"."""
        panel: QWidget = self.cases if name == "cases" else self.answers
        panel.setVisible(shown)
        self.actions_[name].setChecked(shown)
        self.state.settings.set(f"shown/{name}", shown)

    def _toggle_names(self) -> None:
        self.notice.clear()  # it may name a file
        self.state.privacy.set_hidden(self.actions_["hide-names"].isChecked())

    def _toggle_theme(self) -> None:
        self.set_theme("dark" if theme.current().name == "light" else "light")

    def set_theme(self, name: str) -> None:
        """Dress the window in another theme."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme.apply(application, name)
        self.state.settings.set("theme", name)
        self.actions_["light"].setChecked(name == "light")
        for part in (
            *(self.top, self.cases, self.strip, self.views, self.answers, self.status),
            self.reading.bar,
        ):
            part.retheme()
        self.compare.retheme()
        self.actions_.retheme()

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # Remembering

    def _restore(self) -> None:
        settings = self.state.settings
        self.actions_["light"].setChecked(theme.current().name == "light")
        geometry = settings.bytes("window/geometry")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        for name in ("cases", "answers"):
            self.show_side(name, settings.flag(f"shown/{name}", True))
        arrangement = settings.text("views/arrangement", "automatic")
        known = ("automatic", "beside", "stacked")
        self._arrange(arrangement if arrangement in known else "automatic")  # type: ignore[arg-type]
        self.state.overlays.restyle(**overlay_style.restored(settings))
        self.compare.restore()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        """Give the views the keyboard, so that tools' keys work at once."""
        super().showEvent(event)
        QTimer.singleShot(0, self.views.active.setFocus)

    def changeEvent(self, event: QEvent) -> None:
        """Follow full screen however it was entered."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and hasattr(self, "actions_"):
            self.actions_["full-screen"].setChecked(self.isFullScreen())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.state.open_paths(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Write masks and settings, stop what is running."""
        self.compare.memory.keep()
        self.state.close()
        self.state.settings.set("window/geometry", self.saveGeometry())
        self.state.settings.set_open_paths([])
        super().closeEvent(event)
