"""The imaged anatomy is told from air, black borders and padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.images import reader
from engine.saliency.anatomy import foreground, outside_share


def _limb(shape: tuple[int, int], noise: float) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.indices(shape)
    inside = ((rows - shape[0] * 0.5) / (shape[0] * 0.3)) ** 2 + (
        (cols - shape[1] * 0.4) / (shape[1] * 0.25)
    ) ** 2 < 1
    generator = np.random.default_rng(0)
    grey = np.where(inside, 300.0, 0.0)
    # Bone: dark, but inside.
    grey[(rows - shape[0] * 0.5) ** 2 + (cols - shape[1] * 0.4) ** 2 < (shape[0] * 0.05) ** 2] = 5
    real = grey + generator.normal(0, noise, shape)
    grey = np.hypot(real, generator.normal(0, noise, shape))
    return grey.astype(np.float32), inside


@pytest.mark.parametrize("shape", [(90, 120), (640, 512)])
@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_limb_with_bone(shape: tuple[int, int], noise: float) -> None:
    grey, inside = _limb(shape, noise)
    found = foreground(grey)
    assert found.shape == shape
    overlap = (found & inside).sum() / (found | inside).sum()
    assert overlap > 0.9
    # Nor does the scale of the values matter.
    assert (foreground(grey * 37 + 1000) == found).mean() > 0.99


def test_no_contrast_is_all_anatomy() -> None:
    assert foreground(np.full((30, 40), 7, np.float32)).all()
    assert foreground(np.full((30, 40), np.nan, np.float32)).all()


def test_outside_share() -> None:
    values = np.zeros((4, 4), np.float32)
    anatomy = np.zeros((4, 4), np.bool_)
    anatomy[:, :2] = True
    assert outside_share(values, anatomy) is None
    values[0, 0], values[0, 3], values[1, 1] = 3.0, 1.0, -5.0
    assert outside_share(values, anatomy) == pytest.approx(0.25)


@pytest.mark.data
def test_real_images(shared_data: Path) -> None:
    """An ultrasound image fills most of its frame, a thigh does not reach the corners."""
    picture = next(iter(sorted((shared_data / "busi").rglob("*[0-9]).png"))))
    found = foreground(reader.read(picture).grey(0))
    assert found.mean() > 0.5
    volume = next(iter(sorted((shared_data / "sts_t1").rglob("*.nii.gz"))))
    image = reader.read(volume)
    found = foreground(image.grey(image.frames // 2))
    assert 0.05 < found.mean() < 0.95
