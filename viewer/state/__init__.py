"""The Qt-side model of the program, shared by panels, views and tools."""

from viewer.state.app import AppState
from viewer.state.overlay import OverlayChoice

__all__ = ["AppState", "OverlayChoice"]
