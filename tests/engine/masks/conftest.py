"""The image that masks are saved of, here and in processes that are killed."""

from __future__ import annotations

import pytest

from engine.images.image import Image
from tests.engine.masks import drawing_child


@pytest.fixture
def image() -> Image:
    return drawing_child.image()
