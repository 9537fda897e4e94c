"""Brings the measuring tools into a window: keys, menu, button, layer and list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize
from PySide6.QtWidgets import QMenu, QToolButton

from viewer import icons
from viewer.canvas.view import ImageView
from viewer.measure.desk import Desk
from viewer.measure.layer import MeasureLayer
from viewer.measure.tools import (
    AngleTool,
    AreaTool,
    CoverTool,
    DistanceTool,
    EditTool,
    EllipseTool,
    MeasureTool,
)
from viewer.panels.measures import MeasuresPanel
from viewer.tools.base import Pointer, Tool
from viewer.tools.pick import PickTool

if TYPE_CHECKING:
    from viewer.window import Window


class Measuring(QObject):
    """Belongs to a window; views are fitted out as they appear."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        state, actions = window.state, window.actions_
        self.desk = Desk(state.measures, self)
        self.layer = MeasureLayer(self.desk)
        self._edit = EditTool(self.desk)
        self.tools: dict[str, Tool] = {
            tool.name: tool
            for tool in (
                DistanceTool(self.desk),
                AngleTool(self.desk),
                EllipseTool(self.desk),
                AreaTool(self.desk),
                CoverTool(self.desk),
            )
        }
        group = actions[f"tool-{window.tools[0].name}"].actionGroup()
        for tool in self.tools.values():
            action = actions.make(
                f"tool-{tool.name}",
                tool.title,
                partial(window.choose_tool, tool),
                tool.shortcut,
                icon=tool.icon,
                tip=f"{tool.title}. {tool.hint}",
                checkable=True,
            )
            if group is not None:
                group.addAction(action)
        self.panel = MeasuresPanel(
            state, self.layer.result, lambda frame: window.views.active.request_frame(frame)
        )
        actions.make(
            "delete-measurement", "&Delete measurement", self.panel.delete_chosen, "Delete"
        )
        actions.make("clear-measurements", "Delete &all measurements", self._clear)
        actions.make("copy-measurements", "&Copy measurements as text", self.panel.copy_text)
        actions.make("hide-measurements", "&Hide measurements", self._toggle, checkable=True)
        names = [f"tool-{name}" for name in self.tools]
        commands = ("delete-measurement", "clear-measurements", "copy-measurements")
        self.menu = actions.fill(
            QMenu("&Measure", window),
            *names[:4],
            None,
            names[4],
            None,
            *commands,
            "hide-measurements",
        )
        self.button = self._make_button()
        self._fitted: set[ImageView] = set()
        self._fit_out()
        for moved in (
            state.viewsChanged,
            state.activeViewChanged,
            state.seriesOpened,
            state.contents.changed,
        ):
            moved.connect(self._fit_out)
        state.measures.changed.connect(self._follow)
        state.seriesOpened.connect(self._follow)
        state.seriesClosed.connect(self._follow)
        self.desk.previewChanged.connect(self._repaint)
        self._follow()

    def _make_button(self) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(icons.SIZE, icons.SIZE))
        button.setIcon(icons.tool_icon("measure"))
        button.setCheckable(True)
        button.setMenu(self.menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip("Measure\nDistance, angle, ellipse, area; cover burnt-in text")
        button.setAccessibleName("Measure")
        return button

    def _fit_out(self, *_: object) -> None:
        for view in self._window.views.views:
            if view not in self._fitted:
                self._fitted.add(view)
                view.decorations.append(self.layer.paint)
                view.grips.append(self._grip)
                view.activated.connect(self._turn_to_active)
        self._turn_to_active()

    def _turn_to_active(self) -> None:
        self._window.state.set_measured(self._window.views.active.image)

    def _grip(self, pointer: Pointer) -> Tool | None:
        """Return what moves the measurement under the mouse, for tools that leave it to that."""
        tool = self._window.tool
        if tool.busy or not isinstance(tool, (MeasureTool, PickTool)):
            return None
        return self._edit if self._edit.reaches(pointer) else None

    def _toggle(self) -> None:
        self.desk.shown = not self._window.actions_["hide-measurements"].isChecked()
        self._repaint()

    def _clear(self) -> None:
        document = self._window.state.measurements
        if document is not None:
            document.clear()

    def _repaint(self) -> None:
        for view in self._fitted:
            view.surface.update()

    def _follow(self, *_: object) -> None:
        actions, document = self._window.actions_, self._window.state.measurements
        there = document is not None
        for name in self.tools:
            actions[f"tool-{name}"].setEnabled(there)
        some = document is not None and any(item.kind != "cover" for item in document.items)
        chosen = document is not None and document.selected is not None
        actions["delete-measurement"].setEnabled(chosen)
        actions["clear-measurements"].setEnabled(some)
        actions["copy-measurements"].setEnabled(some)
        self._repaint()
