"""Cells are drawn where they look: the centroid of |d cell / d input|, to a pixel.

Gradients are taken with random positive weights, so that no ReLU closes and what is measured is
the arithmetic of the layers and not one draw of weights; cells are interior ones. At the border
the arithmetic centre is kept though zero padding cuts the field, which ``test_border`` shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import InvalidInputError
from engine.images.image import Geometry, Image
from engine.images.preprocess import Preprocessing, to_model_input
from engine.model.backbone import Backbone
from engine.model.bagnet import BagNet
from engine.model.presets import PRESETS
from engine.saliency.grid import Axis, Grid
from engine.saliency.maps import _grid, _Local
from engine.saliency.placement import inside_share, place, weights
from engine.saliency.tracing import measured_offset, trace

_COMPACT = PRESETS["compact"]


def positive(network: nn.Module) -> nn.Module:
    """Random positive kernels of mean 1 / 2 fan-in, and normalisation that does nothing."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            shape = module.weight.shape
            module.weight.data = torch.rand(shape, generator=generator) / module.weight[0].numel()
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    return network.eval()


def _compact_local() -> nn.Module:
    return _Local(
        BagNet(
            _COMPACT.local_branch,
            classes=2,
            stem=_COMPACT.local_stem,
            widths=_COMPACT.local_widths,
            blocks=_COMPACT.local_blocks,
            residual=_COMPACT.local_residual,
        )
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "resnet50": (lambda: Backbone("resnet50"), (320, 384)),
    "densenet121": (lambda: Backbone("densenet121"), (320, 384)),
    "tf_efficientnet_lite0": (lambda: Backbone("tf_efficientnet_lite0"), (320, 385)),
    "compact global": (
        lambda: Backbone(_COMPACT.global_backbone, _COMPACT.global_options),
        (288, 320),
    ),
    "compact local": (_compact_local, (97, 120)),
    "bagnet33": (lambda: _Local(BagNet(classes=2, residual="centre")), (81, 90)),
}


def _gradient(
    network: Callable[[Tensor], Tensor], x: Tensor, row: int, col: int
) -> np.ndarray[Any, Any]:
    x = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(x)[:, :, row, col].sum(), x)
    return gradient.abs().sum(dim=(0, 1)).double().numpy()


def _centroid(weight: np.ndarray[Any, Any]) -> tuple[float, float]:
    total = weight.sum()
    return (
        float(weight.sum(1) @ np.arange(weight.shape[0]) / total),
        float(weight.sum(0) @ np.arange(weight.shape[1]) / total),
    )


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_cells_lie_where_their_gradient_does(name: str) -> None:
    build, size = NETWORKS[name]
    network = positive(build())
    grid = trace(network, size)
    assert grid.disagreement == 0
    # In the middle, so that the widest fields (851 px) are cut evenly on both sides.
    row = int(np.abs(grid.rows.centre - size[0] / 2).argmin())
    col = int(np.abs(grid.cols.centre - size[1] / 2).argmin())
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    measured = _centroid(_gradient(network, x, row, col))
    assert measured == pytest.approx((grid.rows.centre[row], grid.cols.centre[col]), abs=1.0)


def test_known_grids_at_224() -> None:
    def rows(network: nn.Module) -> Axis:
        return trace(network, (224, 224)).rows

    resnet = rows(Backbone("resnet50"))
    np.testing.assert_allclose(resnet.centre, 32 * np.arange(7))
    bagnet = rows(_Local(BagNet(classes=2)))
    np.testing.assert_allclose(bagnet.centre, 16 + 8 * np.arange(24))
    np.testing.assert_allclose(bagnet.high - bagnet.low + 1, 33)
    # Stretched over 224 px the same cells would lie this far off (the design's figures).
    stretched = (np.arange(24) + 0.5) * 224 / 24 - 0.5
    assert (stretched - bagnet.centre)[[0, -1]] == pytest.approx((-11.83, 18.83), abs=0.01)
    stretched = (np.arange(7) + 0.5) * 224 / 7 - 0.5
    np.testing.assert_allclose(stretched - resnet.centre, 15.5)
    # TensorFlow's "same" padding of an even side adds its one row at the end, of an odd one evenly.
    uneven = trace(Backbone("tf_efficientnet_lite0"), (224, 225))
    assert (uneven.rows.centre[0], uneven.cols.centre[0]) == (31, 0)
    assert rows(Backbone("efficientnet_lite0")).centre[0] == 0


@pytest.mark.parametrize(
    ("layer", "centre", "low", "high"),
    [
        (nn.Conv2d(3, 3, 3, padding=1), 4, 3, 5),
        (nn.Conv2d(3, 3, 4, stride=4), 17.5, 16, 19),
        (nn.Conv2d(3, 3, 3, dilation=5), 9, 4, 14),
        (nn.MaxPool2d(3, 2, 1), 8, 7, 9),
        (nn.AvgPool2d(2), 8.5, 8, 9),
        (nn.ZeroPad2d((0, 0, 3, 1)), 1, 1, 1),
        (nn.Upsample(scale_factor=2, mode="bilinear"), 1.75, 1, 2),
        (nn.Sequential(nn.MaxPool2d(2, 2), nn.Conv2d(3, 3, 3, padding=1)), 8.5, 6, 11),
    ],
)
def test_one_layer(layer: nn.Module, centre: float, low: float, high: float) -> None:
    rows = trace(layer, (40, 60)).rows
    assert (rows.centre[4], rows.low[4], rows.high[4]) == (centre, low, high)


def test_pooled_and_resized_cells_follow_torch() -> None:
    """A ramp's value at a pixel is its position, so pooling a ramp pools positions."""
    axis = Axis(16 + 8 * np.arange(24.0), 8 * np.arange(24.0), 32 + 8 * np.arange(24.0), 8)
    ramp = torch.from_numpy(axis.centre)[None, None, :, None].expand(1, 1, 24, 24)
    pooled = functional.adaptive_avg_pool2d(ramp, (14, 14))[0, 0, :, 0]
    np.testing.assert_allclose(axis.pooled(14).centre, pooled)
    assert (axis.pooled(14).low[3], axis.pooled(14).high[3]) == (5 * 8, 6 * 8 + 32)
    for count in (3, 31, 48):
        resized = functional.interpolate(ramp, (count, 24), mode="bilinear")[0, 0, :, 0]
        np.testing.assert_allclose(axis.resized(count).centre, resized)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(3, 3, 2),
        nn.Flatten(),
        nn.LayerNorm([40, 60]),
        nn.Softmax(dim=3),
        nn.Unfold(2),
        nn.Linear(60, 60),
    ],
)
def test_what_gives_no_receptive_field_is_refused(layer: nn.Module) -> None:
    with pytest.raises(InvalidInputError, match="convolutional backbone"):
        trace(layer, (40, 60))


def test_attention_is_refused_and_squeeze_and_excitation_noted() -> None:
    with pytest.raises(InvalidInputError, match="mixes places"):
        trace(Backbone("swin_tiny_patch4_window7_224"), (224, 224))
    grid = trace(Backbone("regnety_002"), (224, 224))
    assert grid.context
    assert grid.rows.centre[1] == 32


@pytest.mark.parametrize("training", [True, False])
def test_tracing_leaves_the_network_alone(training: bool) -> None:
    network = BagNet("bagnet33", classes=2, stem=4, widths=(4,) * 4, blocks=(1,) * 4)
    network.train(training)
    network.bn1.eval()
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    _grid(_Local(network), (97, 97), "cpu")
    assert [module.training for module in network.modules()] == modes
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(value.grad is None for value in network.parameters())


def _published_like() -> nn.Module:
    """A narrow BagNet with the published residuals, normalised as by training."""
    torch.manual_seed(5)
    network = BagNet(classes=2, stem=16, widths=(16, 16, 32, 32), blocks=(1, 1, 1, 1))
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain mean over all batches
    with torch.no_grad():
        for _ in range(3):
            network.features(torch.randn(4, 3, 97, 97))
    return _Local(network.eval())


def test_corner_residuals_are_measured() -> None:
    """The published crop makes cells look up and left of their field's centre."""
    network = _published_like()
    size = (97, 97)
    plain, corrected = trace(network, size), _grid(network, size, "cpu")
    assert plain.disagreement == 8
    x = torch.randn(24, 3, *size, generator=torch.Generator().manual_seed(9))
    row, col = _centroid(_gradient(network, x, 4, 4))
    assert row < plain.rows.centre[4] - 1.5 and col < plain.cols.centre[4] - 1.5
    assert corrected.rows.centre[4] == pytest.approx(row, abs=1.0)
    assert corrected.cols.centre[4] == pytest.approx(col, abs=1.0)


def test_nothing_to_measure_is_no_offset() -> None:
    grid = trace(nn.Conv2d(3, 1, 3), (9, 9))
    assert measured_offset(lambda x: x[:, :, 1:-1, 1:-1] * 0, grid, (9, 9)) == (0.0, 0.0)


def test_border_cells_keep_their_arithmetic_centre() -> None:
    """Zero padding pulls a border cell's gradient inwards; it is drawn at its field's centre."""
    build, size = NETWORKS["compact global"]
    network = positive(build())
    grid = trace(network, size)
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    row, _ = _centroid(_gradient(network, x, 0, 5))
    assert grid.rows.centre[0] == 0
    assert 5 < row < 32


# --- drawing on the image -------------------------------------------------------------------


def _axis(first: float, jump: float, count: int, reach: float) -> Axis:
    centre = first + jump * np.arange(count)
    return Axis(centre, centre - reach, centre + reach, jump)


def test_interpolation_between_centres_and_beyond() -> None:
    matrix = weights(_axis(16, 8, 24, 16), 224, 1.0, 0.0)
    cells = np.arange(24.0)
    drawn = matrix @ cells
    np.testing.assert_allclose(drawn[16:201], (np.arange(16, 201) - 16) / 8, atol=1e-5)
    np.testing.assert_allclose(drawn[:16], 0)
    np.testing.assert_allclose(drawn[201:217], 23)
    # No cell reaches the last seven pixels.
    np.testing.assert_array_equal(matrix[217:], 0)
    np.testing.assert_allclose(matrix[:217].sum(1), 1, atol=1e-6)


def test_a_single_cell_is_drawn_as_far_as_it_reaches() -> None:
    matrix = weights(_axis(16, 8, 1, 16), 40, 1.0, 0.0)
    assert matrix[:, 0].tolist() == [1.0] * 33 + [0.0] * 7


@pytest.mark.parametrize("keep_aspect", [True, False])
@pytest.mark.parametrize("shape", [(300, 180), (120, 410), (224, 224)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.8)])
def test_a_hot_cell_is_drawn_on_the_pixels_it_saw(
    keep_aspect: bool, shape: tuple[int, int], spacing: tuple[float, float]
) -> None:
    """From pixels through preprocessing to a cell, and back, on images that are not square."""
    network = positive(_compact_local())
    generator = np.random.default_rng(0)
    pixels = generator.integers(40, 220, (1, *shape), dtype=np.uint8)
    image = Image(pixels, Geometry(spacing=spacing))
    preprocessing = Preprocessing(keep_aspect=keep_aspect)
    prepared = to_model_input(image, 0, preprocessing)
    grid = trace(network, preprocessing.size)
    rows = np.clip(np.rint(grid.rows.centre).astype(int), 0, 223)
    cols = np.clip(np.rint(grid.cols.centre).astype(int), 0, 223)
    inside = prepared.valid[np.ix_(rows, cols)]
    # Off the middle and off the border, and all of the field on the image.
    row = int(np.flatnonzero(inside.any(1))[4])
    col = int(np.flatnonzero(inside.any(0))[-5])

    gradient = _gradient(network, torch.from_numpy(prepared.tensor)[None], row, col)
    at = prepared.to_image @ (*_centroid(gradient * prepared.valid), 1.0)

    raw = np.zeros(grid.shape, np.float32)
    raw[row, col] = 1.0
    drawn = place(raw, grid, prepared.to_image, shape)
    assert drawn.shape == shape and drawn.dtype == np.float32
    centre = _centroid(drawn.astype(np.float64))
    # To a pixel of the model's input or of the image, whichever is larger.
    steps = prepared.to_image[0, 0], prepared.to_image[1, 1]
    assert abs(centre[0] - at[0]) < max(1.0, steps[0])
    assert abs(centre[1] - at[1]) < max(1.0, steps[1])


def test_padding_is_not_drawn_and_its_share_is_told() -> None:
    image = Image(np.full((1, 100, 200), 90, np.uint8))
    prepared = to_model_input(image, 0, Preprocessing(keep_aspect=True))
    axis = _axis(0, 32, 7, 100)
    grid = Grid(axis, axis)
    raw = np.zeros((7, 7), np.float32)
    raw[0] = 1.0  # centred at row 0: above the image, which fills rows 56 to 167
    assert inside_share(raw, grid, prepared.valid) == 0
    np.testing.assert_allclose(place(raw, grid, prepared.to_image, (100, 200)), 0, atol=1e-6)
    raw[3] = 1.0
    assert inside_share(raw, grid, prepared.valid) == pytest.approx(0.5)
    assert inside_share(np.zeros((7, 7), np.float32), grid, prepared.valid) is None


def test_place_refuses_what_does_not_fit() -> None:
    axis = _axis(0, 32, 7, 100)
    grid = Grid(axis, axis)
    with pytest.raises(ValueError, match="belong"):
        place(np.zeros((6, 7), np.float32), grid, np.eye(3), (8, 8))
    turned = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="each side by itself"):
        place(np.zeros((7, 7), np.float32), grid, turned, (8, 8))
