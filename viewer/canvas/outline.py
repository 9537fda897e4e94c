"""The boundary of marked pixels, which figures draw as well."""

from engine.masks.outline import Segments, paths, segments

__all__ = ["Segments", "paths", "segments"]
