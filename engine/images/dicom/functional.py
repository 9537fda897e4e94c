"""One view of a frame's attributes, wherever the file keeps them.

Classic objects have them at the top level; Enhanced multi-frame objects in the frame's own
functional group, or in the shared one (PS3.3 C.7.6.16). Some writers mix all three.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from engine.images.dicom import values


class FrameView:
    """The attributes of frame ``index`` (from 0) of a data set."""

    def __init__(self, dataset: Dataset, own: Dataset | None, shared: Dataset | None) -> None:
        self.dataset = dataset
        self._groups = [group for group in (own, shared) if group is not None]

    @property
    def is_enhanced(self) -> bool:
        """Whether the frame has functional groups at all."""
        return bool(self._groups)

    def group(self, *keywords: str) -> Dataset:
        """Return the first item of the first of these sequences that the frame has.

        The frame's own groups come before the shared ones and those before the data set itself,
        which stands in where no sequence is there.
        """
        for source in (*self._groups, self.dataset):
            for keyword in keywords:
                found = values.items(source, keyword)
                if found:
                    return found[0]
        return self.dataset

    @property
    def position(self) -> Dataset:
        """Where ImagePositionPatient is."""
        return self.group("PlanePositionSequence")

    @property
    def orientation(self) -> Dataset:
        """Where ImageOrientationPatient is."""
        return self.group("PlaneOrientationSequence")

    @property
    def measures(self) -> Dataset:
        """Where PixelSpacing and SliceThickness are."""
        return self.group("PixelMeasuresSequence")

    @property
    def transformation(self) -> Dataset:
        """Where RescaleSlope and RescaleIntercept are."""
        return self.group("PixelValueTransformationSequence")

    @property
    def window(self) -> Dataset:
        """Where WindowCenter and WindowWidth are."""
        return self.group("FrameVOILUTSequence")

    @property
    def content(self) -> Dataset:
        """Where StackID and TemporalPositionIndex are."""
        return self.group("FrameContentSequence")

    @property
    def echo(self) -> Dataset:
        """Where EffectiveEchoTime is."""
        return self.group("MREchoSequence")

    @property
    def diffusion(self) -> Dataset:
        """Where DiffusionBValue is."""
        return self.group("MRDiffusionSequence")

    @property
    def frame_type(self) -> Dataset:
        """Where FrameType and ComplexImageComponent are."""
        return self.group("MRImageFrameTypeSequence", "CTImageFrameTypeSequence")


def frame_views(dataset: Dataset, count: int) -> Iterator[FrameView]:
    """Yield a view of each of ``count`` frames."""
    shared = values.items(dataset, "SharedFunctionalGroupsSequence")
    own = values.items(dataset, "PerFrameFunctionalGroupsSequence")
    for index in range(count):
        yield FrameView(
            dataset, own[index] if index < len(own) else None, shared[0] if shared else None
        )
