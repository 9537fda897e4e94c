"""Views that move together: zoom and position, frame, window and cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, get_args

from PySide6.QtCore import QMetaObject, QObject, Signal

from viewer.canvas import correspondence
from viewer.canvas.readout import CursorReading
from viewer.canvas.view import ImageView
from viewer.canvas.viewport import Viewport

Aspect = Literal["place", "frame", "window", "cursor"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
NAMES: dict[Aspect, str] = {
    "place": "zoom and position",
    "frame": "slice",
    "window": "window",
    "cursor": "cursor",
}


class Links(QObject):
    """Keeps linked views together. Each view can be unlinked, wholly or in one aspect.

    Images of one frame of reference are linked by position in the patient; others by their
    proportions: the same relative place, and the same magnification over the fitted one.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views: list[ImageView] = []
        self._aspects: dict[ImageView, set[Aspect]] = {}
        self._connections: dict[ImageView, list[QMetaObject.Connection]] = {}
        self._following = False
        #: Whether two views show one patient, so that files without a frame of reference may be
        #: linked by position.
        self.same_patient: Callable[[ImageView, ImageView], bool] = lambda one, other: False

    @property
    def views(self) -> tuple[ImageView, ...]:
        """The views, linked or not."""
        return tuple(self._views)

    def add(self, view: ImageView) -> None:
        """Link a view in every aspect; it takes the place of those already linked."""
        if view in self._views:
            return
        leader = next((v for v in self._views if self.is_linked(v) and v.image is not None), None)
        self._views.append(view)
        self._aspects[view] = set(ASPECTS)
        self._connections[view] = [
            view.viewRectChanged.connect(partial(self._placed, view)),
            view.frameChanged.connect(partial(self._framed, view)),
            view.windowChanged.connect(partial(self._windowed, view)),
            view.cursorMoved.connect(partial(self._pointed, view)),
            view.linkToggled.connect(partial(self._toggled, view)),
        ]
        if leader is not None:
            self._align(leader, view)
        self._show()

    def remove(self, view: ImageView) -> None:
        """Let a view go for good."""
        if view not in self._views:
            return
        self._views.remove(view)
        del self._aspects[view]
        for connection in self._connections.pop(view):
            QObject.disconnect(connection)
        view.set_linked(None)
        view.pointing.mark(None)
        self._show()

    def is_linked(self, view: ImageView, aspect: Aspect | None = None) -> bool:
        """Whether a view follows the others, in one aspect or in any."""
        linked = self._aspects.get(view, set())
        return bool(linked) if aspect is None else aspect in linked

    def set_linked(self, view: ImageView, linked: bool, aspect: Aspect | None = None) -> None:
        """Link or unlink a view, in one aspect or in all; a view linked again joins the others."""
        before = set(self._aspects[view])
        concerned = set(ASPECTS) if aspect is None else {aspect}
        after = before | concerned if linked else before - concerned
        if after == before:
            return
        self._aspects[view] = after
        if "cursor" not in after:
            view.pointing.mark(None)
        leader = next(
            (v for v in self._views if v is not view and self.is_linked(v) and v.image is not None),
            None,
        )
        if linked and leader is not None:
            self._align(leader, view)
        self._show()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let views be given images without the others following; ``align`` what should."""
        with self._leading():
            yield

    def align(self, view: ImageView, leader: ImageView) -> None:
        """Move a view to where another one is, in the aspects that it is linked in."""
        if view is not leader and view in self._aspects and leader in self._aspects:
            self._align(leader, view)

    def refresh(self) -> None:
        """Say anew how the views are linked: what they show has changed."""
        self._show()

    def aspects(self, view: ImageView) -> frozenset[Aspect]:
        """Return in what a view follows the others."""
        return frozenset(self._aspects.get(view, ()))

    def how(self, view: ImageView) -> str:
        """Return a clause on how a view is linked to those of other images, "" if it is alone."""
        others = [v for v in self._views if v.image is not None and v.image is not view.image]
        if view.image is None or not others:
            return ""
        shared = [
            correspondence.share_space(view.image, v.image, self.same_patient(view, v))
            for v in others
            if v.image is not None
        ]
        if all(shared):
            return " by their position in the patient"
        if any(shared):
            return " by position where the images share a frame of reference, else by proportion"
        return " by proportion, for the images share no frame of reference"

    def _toggled(self, view: ImageView, linked: bool) -> None:
        if view in self._aspects:
            self.set_linked(view, linked)

    def _show(self) -> None:
        alone = len(self._views) < 2
        for view in self._views:
            view.set_linked(None if alone else self.is_linked(view), self._how(view))
        self.changed.emit()

    def _how(self, view: ImageView) -> str:
        missing = [NAMES[aspect] for aspect in ASPECTS if aspect not in self._aspects[view]]
        return self.how(view) + (f", except its {' and '.join(missing)}" if missing else "")

    def _align(self, leader: ImageView, view: ImageView) -> None:
        self._framed(leader, leader.frame, only=view)
        self._placed(leader, leader.viewport, only=view)
        self._windowed(leader, leader.grey_window, only=view)

    def _followers(
        self, source: ImageView, aspect: Aspect, only: ImageView | None = None
    ) -> Iterator[ImageView]:
        if source.image is None or not self.is_linked(source, aspect):
            return
        for view in self._views if only is None else [only]:
            if view is not source and view.image is not None and self.is_linked(view, aspect):
                yield view

    @contextmanager
    def _leading(self) -> Iterator[bool]:
        """Give True to who leads; a follower's own signals, meanwhile, give False."""
        if self._following:
            yield False
            return
        self._following = True
        try:
            yield True
        finally:
            self._following = False

    def _placed(
        self, source: ImageView, viewport: Viewport, *, only: ImageView | None = None
    ) -> None:
        with self._leading() as leads:
            for view in self._followers(source, "place", only) if leads else ():
                view.set_turn(source.turn)
                if source.is_fitted:
                    view.fit()
                else:
                    view.set_viewport(corresponding(source, view, self.same_patient(source, view)))

    def _framed(self, source: ImageView, frame: int, *, only: ImageView | None = None) -> None:
        with self._leading() as leads:
            for view in self._followers(source, "frame", only) if leads else ():
                assert source.image is not None and view.image is not None
                if source.image.frames > 1:
                    one = self.same_patient(source, view)
                    view.set_frame(correspondence.frame(source.image, frame, view.image, one))

    def _windowed(
        self, source: ImageView, window: object, *, only: ImageView | None = None
    ) -> None:
        with self._leading() as leads:
            for view in self._followers(source, "window", only) if leads else ():
                assert source.image is not None and view.image is not None
                if correspondence.same_greys(source.image, view.image):
                    if source.grey_window is not None:
                        view.set_window(source.grey_window)
                    view.set_inverted(source.inverted)

    def _pointed(self, source: ImageView, reading: CursorReading | None) -> None:
        for view in self._followers(source, "cursor"):
            if reading is None or not reading.inside:
                view.pointing.mark(None)
                continue
            assert source.image is not None and view.image is not None
            at = correspondence.point(
                source.image,
                reading.frame,
                reading.row,
                reading.col,
                view.image,
                view.frame,
                self.same_patient(source, view),
            )
            view.pointing.mark(*at)


def corresponding(source: ImageView, target: ImageView, same_patient: bool = False) -> Viewport:
    """Return the target's viewport that shows what the source shows."""
    one, other = source.image, target.image
    if one is None or other is None:
        return target.viewport
    viewport = source.viewport
    place = correspondence.point(
        one, source.frame, viewport.row, viewport.col, other, target.frame, same_patient
    )
    if correspondence.same_grid(one, other, same_patient):
        scale = viewport.scale
    elif (
        correspondence.share_space(one, other, same_patient)
        and one.geometry.spacing is not None
        and other.geometry.spacing is not None
    ):
        scale = viewport.scale * other.geometry.spacing[1] / one.geometry.spacing[1]
    else:
        magnified = viewport.scale / viewport.fit_scale(one.shape)
        scale = target.viewport.fit_scale(other.shape) * magnified
    return target.viewport.centred(*place).at_scale(scale)
