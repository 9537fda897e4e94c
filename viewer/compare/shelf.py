"""Images of other series than the one being read, with their masks to look at, not to draw on."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.images.case import Series
from engine.images.image import Image
from engine.progress import Progress
from viewer.jobs import Jobs
from viewer.state.storage import REFERENCE, References

if TYPE_CHECKING:
    from engine.masks.document import MaskDocument
    from engine.masks.mask import Mask

#: Series that no view shows any more, kept so that turning back costs nothing.
KEPT_BYTES = 256 * 2**20


@dataclass(eq=False)
class Shelved:
    """A series on its way to a view. ``compared``: the mask that its maps are compared with."""

    series: Series
    image: Image | None = None
    document: MaskDocument | None = None
    compared: Mask | None = None
    fraction: float = 0.0
    error: str = ""


class Shelf(QObject):
    """Reads series off the GUI thread, once for all views that show them."""

    changed = Signal(object)  # Series
    read = Signal(object, object)  # Series, Image

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._shelved: OrderedDict[Series, Shelved] = OrderedDict()

    def get(self, series: Series) -> Shelved:
        """Return what there is of a series; it is read if that has not begun."""
        found = self._shelved.get(series)
        if found is None:
            found = self._shelved[series] = Shelved(series)
            self._read(found)
        self._shelved.move_to_end(series)
        return found

    def put(self, series: Series, image: Image) -> None:
        """Take an image that has been read already; its masks are read anew."""
        found = self._shelved[series] = Shelved(series, image, fraction=1.0)
        self._jobs.cancel(_key(series))
        self._read(found)

    def drop(self, series: Series) -> None:
        """Forget a series, whose masks may have changed since it was read."""
        if self._shelved.pop(series, None) is not None:
            self._jobs.cancel(_key(series))

    def again(self, series: Series) -> None:
        """Try once more what has failed or was cancelled."""
        self._shelved.pop(series, None)
        self.changed.emit(series)

    def keep(self, shown: set[Series]) -> None:
        """Let go of what no view shows, the longest unseen first, beyond ``KEPT_BYTES``."""
        held = 0
        for series in reversed(list(self._shelved)):
            if series in shown:
                continue
            found = self._shelved[series]
            if found.image is not None:
                held += found.image.pixels.nbytes
            if found.image is None or held > KEPT_BYTES:
                del self._shelved[series]
                self._jobs.cancel(_key(series))

    def cancel(self, series: Series) -> None:
        """Stop reading a series."""
        self._jobs.cancel(_key(series))

    def _read(self, found: Shelved) -> None:
        series, image = found.series, found.image

        def work(progress: Progress) -> tuple[Image, MaskDocument, Mask | None]:
            loaded = image if image is not None else series.load(progress)
            loaded.key  # noqa: B018  a digest of all pixels, kept by the image
            return loaded, *masks_of(loaded, References(series))

        def done(result: tuple[Image, MaskDocument, Mask | None]) -> None:
            found.image, found.document, found.compared = result
            found.fraction = 1.0
            self.read.emit(series, result[0])
            self.changed.emit(series)

        def failed(sentence: str) -> None:
            found.error = sentence
            self.changed.emit(series)

        def progressed(fraction: float, _: str) -> None:
            found.fraction = fraction
            self.changed.emit(series)

        def ended() -> None:
            if found.image is None and not found.error and self._shelved.get(series) is found:
                found.error = f"Reading {series.title} was cancelled."
                self.changed.emit(series)

        job = self._jobs.start(
            f"Reading {series.title}", work, done, key=_key(series), failed=failed
        )
        job.progressed.connect(progressed)
        job.ended.connect(ended)


def masks_of(image: Image, references: References) -> tuple[MaskDocument, Mask | None]:
    """Return the saved masks of an image and the one that came with it, and which to compare with.

    Nothing that is saved is changed. The mask compared with is the reader's own if it is drawn,
    else the one that came with the image; None where neither is there.
    """
    from engine.masks.autosave import restore
    from engine.masks.document import MaskDocument

    try:
        restored = restore(image)
    except OSError:
        restored = None  # opening the image to read it will say so
    masks = [m for m in restored.masks if m.id != REFERENCE] if restored is not None else []
    given = references.mask(image, restored.masks if restored is not None else ())
    if given is not None:
        masks.insert(0, given)
    document = MaskDocument(image)
    document.load(masks, restored.active if restored is not None else "")
    drawn = [mask for mask in document.masks if not mask.is_empty]
    own = [mask for mask in drawn if mask.id != REFERENCE]
    active = document.active
    compared = active if active in own else next(iter(own or drawn), None)
    return document, compared


def _key(series: Series) -> str:
    return f"shelf:{id(series)}"
