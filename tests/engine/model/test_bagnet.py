"""The local branch has the published network's names, shapes, grid and receptive field."""

from __future__ import annotations

import pytest
import torch

from engine.model.bagnet import PLANS, BagNet

# (name of the stage, blocks, inputs, width) of the published BagNet-33.
_STAGES = (
    ("layer1", 3, 64, 64),
    ("layer2", 4, 256, 128),
    ("layer3", 6, 512, 256),
    ("layer4", 3, 1024, 512),
)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The published BagNet-33's state dict, written out from its definition."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)
        shapes[f"{name}.num_batches_tracked"] = ()

    shapes["conv1.weight"] = (64, 3, 1, 1)
    shapes["conv2.weight"] = (64, 64, 3, 3)
    norm("bn1", 64)
    for stage, blocks, inputs, width in _STAGES:
        for block in range(blocks):
            name = f"{stage}.{block}"
            kernel = 3 if block == 0 else 1
            shapes[f"{name}.conv1.weight"] = (width, inputs if block == 0 else 4 * width, 1, 1)
            norm(f"{name}.bn1", width)
            shapes[f"{name}.conv2.weight"] = (width, width, kernel, kernel)
            norm(f"{name}.bn2", width)
            shapes[f"{name}.conv3.weight"] = (4 * width, width, 1, 1)
            norm(f"{name}.bn3", 4 * width)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
                norm(f"{name}.downsample.1", 4 * width)
    shapes["fc.weight"] = (1000, 2048)
    shapes["fc.bias"] = (1000,)
    return shapes


def test_names_and_shapes_are_the_published_ones() -> None:
    state = BagNet().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published_shapes()


@pytest.mark.parametrize("residual", ["corner", "centre"])
@pytest.mark.parametrize("kind", sorted(PLANS))
def test_grid_is_24_by_24_at_224(kind: str, residual: str) -> None:
    cells = {"bagnet33": 24, "bagnet33-strided": 24, "bagnet17": 26, "bagnet9": 27}[kind]
    network = BagNet(
        kind,
        classes=2,
        stem=4,
        widths=(2, 3, 4, 5),
        blocks=(1, 2, 1, 1),
        residual=residual,  # type: ignore[arg-type]
    ).eval()
    with torch.no_grad():
        assert network.features(torch.randn(1, 3, 224, 224)).shape == (1, 20, cells, cells)
        # Neither square nor a multiple of the jump.
        assert network.features(torch.randn(1, 3, 97, 130)).shape[1] == 20


@pytest.mark.parametrize("residual", ["corner", "centre"])
@pytest.mark.parametrize("kind", sorted(PLANS))
def test_a_cell_sees_exactly_the_receptive_field_of_its_name(kind: str, residual: str) -> None:
    size = int(kind.removeprefix("bagnet").removesuffix("-strided"))
    torch.manual_seed(0)
    network = BagNet(
        kind,
        classes=2,
        stem=4,
        widths=(4, 4, 4, 4),
        blocks=(1, 1, 1, 1),
        residual=residual,  # type: ignore[arg-type]
    ).eval()
    # Positive weights: no ReLU closes, so every pixel that can reach a cell does.
    for value in network.parameters():
        value.data.abs_()
    x = torch.rand(1, 3, 129, 145, requires_grad=True)
    grid = network.features(x)
    (gradient,) = torch.autograd.grad(grid[0, :, 4, 6].sum(), x)
    seen = gradient[0].abs().sum(0) > 0
    rows = torch.nonzero(seen.any(1)).flatten()
    cols = torch.nonzero(seen.any(0)).flatten()
    assert (rows[0], rows[-1]) == (4 * 8, 4 * 8 + size - 1)
    assert (cols[0], cols[-1]) == (6 * 8, 6 * 8 + size - 1)


def test_features_are_nonnegative() -> None:
    network = BagNet("bagnet33-strided", classes=2, stem=4, widths=(4, 4, 4, 4), blocks=(1,) * 4)
    assert network.features(torch.randn(2, 3, 65, 65)).min() >= 0
