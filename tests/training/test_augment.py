import pytest
import torch

from training.augment import AUGMENTATIONS, Augmentation, augment, flippable
from training.datasets.record import Record


def _record(modality: str) -> Record:
    from pathlib import Path

    return Record(Path("x.png"), 0, "a", "", modality, "", (), "g")


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _discs(count: int, rows: int = 48, cols: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """A disc off the centre, as image and as its own mask."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij")
    disc = ((y - 15) ** 2 + (x - 24) ** 2 < 64).float()
    return disc.expand(count, 1, rows, cols) * 0.8, disc.expand(count, 1, rows, cols)


def test_ultrasound_is_never_turned_upside_down() -> None:
    allowed = flippable([_record("US")] * 64 + [_record("MR")] * 64 + [_record("")] * 64)
    images = torch.linspace(0, 1, 8)[None, None, :, None].expand(192, 1, 8, 8)
    masks = torch.zeros(192, 1, 8, 8)
    changed, _ = augment(images, masks, allowed, AUGMENTATIONS["minimal"], _generator())
    upside_down = changed[:, 0, 0, 0] > 0.5
    assert not upside_down[:64].any() and not upside_down[128:].any()
    assert 16 < int(upside_down[64:128].sum()) < 48


def test_mirrors_left_to_right_about_every_second_time() -> None:
    images = torch.linspace(0, 1, 8).expand(200, 1, 8, 8)
    allowed = flippable([_record("US")] * 200)
    changed, _ = augment(
        images, torch.zeros(200, 1, 8, 8), allowed, AUGMENTATIONS["minimal"], _generator()
    )
    mirrored = changed[:, 0, 0, 0] > 0.5
    assert 70 < int(mirrored.sum()) < 130
    assert torch.equal(changed[mirrored][0, 0], images[0, 0].flip(-1))


@pytest.mark.parametrize("name", ["minimal", "strong"])
def test_masks_go_where_their_images_go(name: str) -> None:
    images, masks = _discs(40)
    allowed = torch.ones(40, 2, dtype=torch.bool)
    geometry = AUGMENTATIONS[name]
    only = Augmentation(
        flip=geometry.flip, rotate=geometry.rotate, scale=geometry.scale, shift=geometry.shift
    )
    changed, moved = augment(images, masks, allowed, only, _generator())
    assert torch.allclose(changed, moved * 0.8, atol=1e-5)
    assert not torch.equal(moved, masks)


def test_rotation_keeps_shapes_on_an_input_that_is_not_square() -> None:
    images, masks = _discs(30)
    allowed = torch.zeros(30, 2, dtype=torch.bool)
    _, moved = augment(images, masks, allowed, Augmentation(flip=False, rotate=30), _generator())
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    for mask in moved[:, 0]:
        area = mask.sum()
        assert area.item() == pytest.approx(masks[0].sum().item(), rel=0.03)
        row, col = (y * mask).sum() / area, (x * mask).sum() / area
        # A disc stays one: its second moments along rows and columns are equal.
        spread = ((y - row) ** 2 * mask).sum() / area, ((x - col) ** 2 * mask).sum() / area
        assert spread[0].item() == pytest.approx(spread[1].item(), rel=0.05)
        # And keeps its distance from the centre (23.5, 31.5).
        distance = ((row - 23.5) ** 2 + (col - 31.5) ** 2) ** 0.5
        assert distance.item() == pytest.approx((8.5**2 + 7.5**2) ** 0.5, abs=0.3)


def test_intensity_stays_in_range_and_leaves_masks_alone() -> None:
    images, masks = _discs(20)
    allowed = torch.zeros(20, 2, dtype=torch.bool)
    light = Augmentation(flip=False, contrast=2, brightness=0.3, gamma=2, noise=0.1)
    changed, same = augment(images, masks, allowed, light, _generator())
    assert torch.equal(same, masks)
    assert changed.min() >= 0 and changed.max() <= 1
    assert (changed != images).flatten(1).any(1).all()


def test_none_changes_nothing_and_a_seed_repeats() -> None:
    images, masks = _discs(8)
    allowed = torch.ones(8, 2, dtype=torch.bool)
    same, _ = augment(images, masks, allowed, AUGMENTATIONS["none"], _generator())
    assert torch.equal(same, images)
    first, again, other = (
        augment(images, masks, allowed, AUGMENTATIONS["strong"], _generator(s))[0]
        for s in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
