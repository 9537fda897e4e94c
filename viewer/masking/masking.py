"""The Mask menu: what is done to whole masks, as actions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QInputDialog, QMenu

from engine.errors import SaliscopeError
from engine.masks.labels import Label
from engine.progress import Progress
from engine.saliency.derived import title
from viewer.masking.labels import LabelsDialog, fill_menu
from viewer.masking.reshape import TITLES, Reshape, ReshapeDialog
from viewer.masking.work import Frames, MaskWork

if TYPE_CHECKING:
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask
    from viewer.window import Window

#: Shares of the pixels that a mask can be made of with one click.
SHARES = (0.05, 0.1, 0.2)

_NO_CHANGE = "Nothing has changed: the mask is as this would make it."
_NOTHING = {
    "fill_holes": "The mask has no holes here.",
    "keep_largest": "There is one piece on this slice only.",
}
_STEPS: dict[str, str] = {
    "grow": TITLES["grow"],
    "shrink": TITLES["shrink"],
    "smooth": TITLES["smooth"],
    "fill_holes": "Fill holes",
    "keep_largest": "Keep largest piece",
    "invert": "Invert",
}
_NOTHING_BETWEEN = (
    "Nothing lies between drawn slices: draw on two slices with empty ones between them."
)


class Masking(QObject):
    """Belongs to a window; acts on the active mask of the image on screen."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._state = window.state
        self.work = MaskWork(self._state, window.views.refuse_drawing, self)
        window.toolbox.livewire.beside = self.work.beside
        window.toolbox.region.throughRequested.connect(self.work.grow_through)
        window.answers.masks.editLabels.connect(self.edit_labels)
        self._make()
        self.menu = self._make_menu()
        self._state.masks.changed.connect(self._follow)
        self._follow()

    # Actions

    def _make(self) -> None:
        make = self._window.actions_.make
        make("mask-grow", "&Grow by 1 pixel", self._plane("grow", 1.0), "Ctrl+]")
        make("mask-shrink", "S&hrink by 1 pixel", self._plane("shrink", 1.0), "Ctrl+[")
        make("mask-reshape", "Grow, shrink or &smooth…", self.ask_reshape)
        make("mask-smooth", "S&mooth the outline", self._plane("smooth", 2.0))
        make("mask-fill-holes", "&Fill holes", self._plane("fill_holes"))
        make("mask-fill-holes-all", "Fill holes on a&ll slices", self.fill_holes)
        make("mask-largest", "&Keep the largest piece", self._plane("keep_largest"))
        make("mask-largest-3d", "Keep the largest piece in &space", self.keep_largest)
        make("mask-invert", "In&vert", self._plane("invert"))
        make(
            "mask-interpolate",
            "&Interpolate between slices",
            self.interpolate,
            "Ctrl+B",
            tip="Draw on some slices; the empty ones between them are filled",
        )
        make(
            "mask-to-next",
            "Copy to the &next slice",
            partial(self.copy, 1),
            "Ctrl+PgDown",
            tip="Copy the mask on this slice to the next one, and go there",
        )
        make(
            "mask-to-previous",
            "Copy to the &previous slice",
            partial(self.copy, -1),
            "Ctrl+PgUp",
            tip="Copy the mask on this slice to the previous one, and go there",
        )
        make("mask-clear-all", "Clear on all s&lices", self.clear_all)
        make("mask-duplicate", "&Duplicate", self._on_active("duplicate_mask"))
        make("mask-remove", "&Remove", self._on_active("remove_mask"), icon="trash")
        make("mask-lock", "L&ock", self.toggle_lock, "Ctrl+L", checkable=True)
        make("mask-solo", "Show &only this mask", self.toggle_solo, "Ctrl+H", checkable=True)
        make("mask-labels", "Edit la&bels…", self.edit_labels)
        make(
            "hot-spot", "Hot spot of another share…", self.ask_hot_spot, "Ctrl+T", tip=_HOT_SPOT_TIP
        )
        for share in SHARES:
            make(
                f"hot-spot-{round(100 * share)}",
                f"Top {share:.0%}".replace("%", " %"),
                partial(self.hot_spot, share),
                tip=_HOT_SPOT_TIP,
            )

    def _make_menu(self) -> QMenu:
        actions, window = self._window.actions_, self._window
        hot = actions.fill(
            QMenu("Ne&w mask from the map's hot spot", window),
            *(f"hot-spot-{round(100 * share)}" for share in SHARES),
            "hot-spot",
        )
        return actions.menu(
            "&Mask",
            *("add-mask", hot, self.label_menu("&Label"), None),
            *("mask-interpolate", "mask-to-next", "mask-to-previous", None),
            *("mask-grow", "mask-shrink", "mask-smooth", "mask-reshape", None),
            *("mask-fill-holes", "mask-fill-holes-all", "mask-largest", "mask-largest-3d"),
            *("mask-invert", None),
            *("mask-lock", "mask-solo", "hide-masks", None),
            *("mask-duplicate", "clear", "mask-clear-all", "mask-remove"),
        )

    def label_menu(self, text: str, mask_id: str = "") -> QMenu:
        """Return a menu that gives a mask (the active one for "") a label from the list."""
        menu = QMenu(text, self._window)

        def fill() -> None:
            menu.clear()
            fill_menu(menu, self._state.masks.labels.all, partial(self.give_label, mask_id))
            menu.addSeparator()
            menu.addAction(self._window.actions_["mask-labels"])

        menu.aboutToShow.connect(fill)
        return menu

    # Doing

    def ask_reshape(self) -> None:
        """Ask how to grow, shrink or smooth, and do it."""
        document = self.work.ready()
        if document is None:
            return
        dialog = ReshapeDialog(
            self._window, self._state.settings, document.geometry, document.reference.frames
        )
        if dialog.exec():
            self.reshape(dialog.asked)
        dialog.deleteLater()

    def reshape(self, asked: Reshape) -> None:
        """Grow, shrink or smooth the active mask."""
        document = self.work.ready()
        if document is None:
            return
        geometry = document.geometry
        if asked.where == "slice":
            spacing = asked.spacing(geometry)
            self._plane(asked.what, asked.amount, spacing)()
            return
        verb = TITLES[asked.what]
        self.work.run(
            f"{verb} the mask",
            verb,
            lambda mask, progress: asked.frames(mask, geometry, progress),
            _NO_CHANGE,
        )

    def keep_largest(self) -> None:
        """Keep the largest connected piece through all slices."""

        def work(mask: Mask, progress: Progress) -> Frames:
            from engine.masks import volume

            return volume.keep_largest(mask, progress)

        self.work.run(
            "Finding the largest piece",
            "Keep largest piece",
            work,
            "The mask is one piece only.",
        )

    def interpolate(self) -> None:
        """Fill the empty slices between drawn ones."""
        document = self._state.masks.document
        if document is None:
            return
        geometry = document.geometry

        def work(mask: Mask, progress: Progress) -> Frames:
            from engine.masks.interpolation import interpolate

            return interpolate(mask, geometry, progress)

        self.work.run("Interpolating between slices", "Interpolate", work, _NOTHING_BETWEEN)

    def fill_holes(self) -> None:
        """Fill the holes on every drawn slice."""

        def work(mask: Mask, progress: Progress) -> Frames:
            from engine.masks import operations, volume

            return volume.each_frame(mask, operations.fill_holes, progress)

        self.work.run("Filling holes", "Fill holes", work, _NOTHING["fill_holes"])

    def _plane(self, what: str, *arguments: object) -> partial[None]:
        """Return what does one of ``engine.masks.operations`` to the frame shown."""

        def act() -> None:
            from engine.masks import operations

            function = getattr(operations, what)
            nothing = _NOTHING.get(what, _NO_CHANGE)
            self.work.on_frame(_STEPS[what], lambda pixels: function(pixels, *arguments), nothing)

        return partial(act)

    def copy(self, by: int) -> None:
        """Copy what is drawn on this slice to the next or previous one, and go there."""
        state, document = self._state, self.work.ready()
        if document is None or document.active is None:
            return
        target = state.frame + by
        if not 0 <= target < document.reference.frames:
            state.notice.emit("There is no further slice to copy to.", "info")
            return
        if not document.active.frame(state.frame).any():
            state.notice.emit("Nothing is drawn on this slice.", "info")
            return
        if state.attempt(lambda: document.copy_frame(state.frame, target)):
            state.set_frame(target)

    def clear_all(self) -> None:
        """Empty the active mask."""
        document = self.work.ready()
        if document is not None:
            self._state.attempt(document.clear)

    def _document(self) -> MaskDocument | None:
        """Return the masks of the image being read, unless the active view shows another."""
        return None if self._window.views.refuse_drawing() else self._state.masks.document

    def toggle_lock(self) -> None:
        """Guard the active mask against changes, or no longer."""
        document = self._document()
        if document is not None and document.active is not None:
            document.set_locked(document.active.id, not document.active.locked)
        self._follow()

    def toggle_solo(self) -> None:
        """Show the active mask alone, or all again."""
        document = self._document()
        if document is not None and document.active is not None:
            document.show_all() if is_solo(document) else document.show_only(document.active.id)
        self._follow()

    def give_label(self, mask_id: str, wanted: Label) -> None:
        """Give a mask a label and its colour."""
        document = self._document()
        if document is None:
            return
        mask_id = mask_id or (document.active.id if document.active is not None else "")
        if mask_id:
            document.give_label(mask_id, wanted)
        else:
            document.add_mask(wanted.name, colour=wanted.colour)

    def edit_labels(self) -> None:
        """Let the list of labels be edited; masks of the image follow, as one step."""
        state = self._state
        dialog = LabelsDialog(self._window, state.masks.labels)
        if dialog.exec():
            follow_labels(state.masks.document, dialog.renamed)
        dialog.deleteLater()

    def ask_hot_spot(self) -> None:
        """Ask for a share of the pixels, and make a mask of the map's strongest."""
        share, good = QInputDialog.getDouble(
            self._window,
            "Mask from the map's hot spot",
            "Share of the pixels, the most relevant first (%)",
            100 * self._state.overlays.style.top,
            0.1,
            50.0,
            1,
        )
        if good:
            self.hot_spot(share / 100)

    def hot_spot(self, share: float) -> None:
        """Add a mask of the pixels that the active view's map finds most relevant."""
        state, document = self._state, self._document()
        if document is None:
            return
        if not state.contents[state.active_view].is_own:
            state.notice.emit(
                "The map in the active view is of another image or model; click on a view of the "
                "image being read and the model in use first.",
                "info",
            )
            return
        name = state.overlays[state.active_view].map_name
        found = state.analysis.maps.get(name or "")
        if name is None or found is None:
            state.notice.emit("Lay a map over the active view first: there is none.", "info")
            return
        from engine.saliency.hotspots import FAINT, hot_spot, least_drawn

        try:
            sign = state.scores.sign if found.sign == "signed" else "positive"
            spot = hot_spot(found.values, share, sign=sign, least=least_drawn(found))
        except SaliscopeError as error:
            state.notice.emit(str(error), "warning")
            return
        percent = f"{100 * share:g} %"
        document.add_drawn(
            f"{title(name)}, top {percent}",
            {found.provenance.frame: spot.largest},
            f"Mask from the top {percent} of {title(name)}",
        )
        extra = ""
        if spot.tied.any():
            extra = f" (more than {percent}, for equal values cannot be told apart)"
        elif spot.short is not None:
            extra = (
                f" (only {100 * spot.short:.1f} % of the pixels reach {100 * FAINT:g} % of its "
                "strongest value)"
            )
        state.notice.emit(
            f"A mask has been made of the top {percent} of {title(name)}{extra}. "
            "It agrees with that map by its making: draw it anew before you read its scores.",
            "info",
        )

    # Within

    def _on_active(self, method: str) -> partial[None]:
        def act() -> None:
            document = self._document()
            if document is not None and document.active is not None:
                active = document.active.id
                self._state.attempt(lambda: getattr(document, method)(active))

        return partial(act)

    def _follow(self) -> None:
        document = self._state.masks.document
        active = document.active if document is not None else None
        actions = self._window.actions_
        drawn = active is not None and not active.is_empty
        frames = document.reference.frames if document is not None else 0
        free = drawn and active is not None and not active.locked
        here = free and active is not None and active.area(self._state.frame) > 0
        for name in (
            *("mask-grow", "mask-shrink", "mask-smooth", "mask-fill-holes", "mask-largest"),
            "mask-invert",
        ):
            actions[name].setEnabled(here)
        for name in ("mask-reshape", "mask-clear-all"):
            actions[name].setEnabled(free)
        for name in (
            *("mask-interpolate", "mask-largest-3d", "mask-fill-holes-all"),
            *("mask-to-next", "mask-to-previous"),
        ):
            actions[name].setEnabled(free and frames > 1)
        for name in ("mask-duplicate", "mask-remove", "mask-lock", "mask-solo"):
            actions[name].setEnabled(active is not None)
        for name in ("hot-spot", *(f"hot-spot-{round(100 * share)}" for share in SHARES)):
            actions[name].setEnabled(document is not None)
        actions["mask-lock"].setChecked(active is not None and active.locked)
        actions["mask-solo"].setChecked(document is not None and is_solo(document))


_HOT_SPOT_TIP = "Begin a mask with the most relevant pixels of the map over the active view"


def is_solo(document: MaskDocument) -> bool:
    """Return whether the active mask is the only one of several that is shown."""
    shown = [mask for mask in document.masks if mask.visible]
    return len(document.masks) > 1 and shown == [document.active]


def follow_labels(document: MaskDocument | None, renamed: dict[str, Label]) -> None:
    """Give masks whose label was renamed or recoloured in the list what it is now.

    renamed: what each label, by its old name, has become.
    """
    if document is None:
        return
    wanted = {}
    for mask in document.masks:
        for old, new in renamed.items():
            rest = mask.label.removeprefix(old)
            if mask.label.startswith(old) and (not rest or rest.strip().isdigit()):
                wanted[mask.id] = (new.name + rest, new.colour)
                break
    if wanted:
        document.relabel(wanted, "Change labels")
