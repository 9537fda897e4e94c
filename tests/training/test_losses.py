from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.model.network import FusionNetwork
from engine.model.presets import preset
from engine.saliency.maps import grids
from engine.saliency.placement import place
from tests.training import tiny
from training import losses


def _outputs(**changes: Any) -> Any:
    torch.manual_seed(0)
    return tiny.network(**changes).eval()(torch.randn(4, 3, tiny.SIDE, tiny.SIDE))


TARGET = torch.tensor([0, 1, 1, 0])


def test_joint_loss_is_equation_7() -> None:
    outputs = _outputs()
    loss = losses.joint(outputs, TARGET)
    expected = (
        0.3 * functional.cross_entropy(outputs.global_logits, TARGET)
        + 0.3 * functional.cross_entropy(outputs.local_logits, TARGET)
        + 0.4 * functional.cross_entropy(outputs.fusion_logits, TARGET)
    )
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.guidance.item() == 0


def test_class_weights_count_the_rarer_class_more() -> None:
    outputs = _outputs()
    weights = torch.tensor([1.0, 3.0])
    expected = functional.cross_entropy(outputs.fusion_logits, TARGET, weight=weights)
    loss = losses.joint(outputs, TARGET, class_weights=weights)
    assert loss.fusion.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 3.0])])
def test_images_that_show_nothing_are_to_be_answered_by_every_class_alike(
    weights: torch.Tensor | None,
) -> None:
    outputs = _outputs()
    speechless = torch.zeros(len(TARGET), dtype=torch.bool)
    plain = losses.joint(outputs, TARGET, class_weights=weights)
    none = losses.joint(outputs, TARGET, class_weights=weights, speechless=speechless)
    assert none.total.item() == plain.total.item()
    logits = torch.zeros(len(TARGET), 2, requires_grad=True)
    even = outputs._replace(global_logits=logits, local_logits=logits, fusion_logits=logits)
    loss = losses.joint(even, TARGET, class_weights=weights, speechless=~speechless)
    loss.total.backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-7
    # One of them weighs as much as an image of weight 1 among the others.
    speechless[0] = True
    found = losses.joint(outputs, TARGET, class_weights=weights, speechless=speechless).fusion
    each = functional.cross_entropy(outputs.fusion_logits, TARGET, reduction="none")
    each[0] = -functional.log_softmax(outputs.fusion_logits[0], dim=0).mean()
    weight = torch.ones(len(TARGET)) if weights is None else weights[TARGET].clone()
    weight[0] = 1
    assert found.item() == pytest.approx(((weight * each).sum() / weight.sum()).item(), rel=1e-6)


def test_guidance_is_added_with_its_weight_and_only_where_there_is_a_gate() -> None:
    outputs = _outputs()
    mask = torch.zeros_like(outputs.gate_logits)
    mask[:, :, 1:3, 1:3] = 1
    known = torch.tensor([True] * 4)
    plain = losses.joint(outputs, TARGET, coverage=mask, known=known)
    guided = losses.joint(outputs, TARGET, coverage=mask, known=known, guidance_weight=2.0)
    assert guided.guidance > 0
    assert guided.total.item() == pytest.approx(
        plain.total.item() + 2 * guided.guidance.item(), rel=1e-5
    )
    ungated = _outputs(fusion="concat")
    same = losses.joint(ungated, TARGET, coverage=mask, known=known, guidance_weight=2.0)
    assert same.guidance.item() == 0


@pytest.mark.parametrize("norm", ["sigmoid", "softmax"])
def test_images_without_a_known_mask_contribute_nothing(norm: str) -> None:
    logits = torch.randn(3, 1, 4, 4, requires_grad=True)
    mask = torch.zeros(3, 1, 4, 4)
    mask[:, :, :2, :2] = 1
    known = torch.tensor([True, False, True])
    losses.guidance(logits, mask, known, norm).backward()
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
    assert logits.grad[0].abs().max() > 0
    alone = losses.guidance(logits[::2], mask[::2], known[::2], norm)
    assert losses.guidance(logits, mask, known, norm).item() == pytest.approx(alone.item())
    nothing = losses.guidance(logits, mask, torch.zeros(3, dtype=torch.bool), norm)
    assert nothing.item() == 0


def test_a_known_empty_mask_pushes_every_cell_of_a_sigmoid_gate_down() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    losses.guidance(logits, torch.zeros(1, 1, 4, 4), torch.tensor([True]), "sigmoid").backward()
    assert logits.grad is not None and (logits.grad > 0).all()


def test_a_softmax_gate_learns_nothing_from_an_empty_mask() -> None:
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, :, :1] = 1
    losses.guidance(logits, mask, torch.tensor([True, True]), "softmax").backward()
    assert logits.grad is not None and logits.grad[1].abs().max() == 0
    assert logits.grad[0].abs().max() > 0


@pytest.mark.parametrize("norm", ["sigmoid", "softmax"])
def test_descent_moves_the_gate_onto_the_lesion(norm: str) -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    mask = torch.zeros(1, 1, 8, 8)
    mask[:, :, 1:3, 2:5] = 1
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(60):
        optimiser.zero_grad()
        losses.guidance(logits, mask, torch.tensor([True]), norm).backward()
        optimiser.step()
    alpha = logits.sigmoid() if norm == "sigmoid" else logits.flatten().softmax(0).view(1, 1, 8, 8)
    assert ((alpha * mask).sum() / alpha.sum()).item() > 0.9


@pytest.mark.parametrize("corner", [(20, 24), (20, 160), (150, 30), (160, 164), (90, 100)])
def test_a_guided_gate_is_drawn_on_the_lesion(corner: tuple[int, int]) -> None:
    """The mask goes to the cells as the map comes back from them, all over the image."""
    network = FusionNetwork(preset("compact", ("a", "b"), fusion_grid=24))
    row, col = corner
    mask = torch.zeros(1, 1, 224, 224)
    mask[:, :, row : row + 40, col : col + 36] = 1
    coverage = losses.CellCoverage(network, (224, 224), torch.device("cpu"))(mask)
    assert coverage.shape == (1, 1, 24, 24)
    assert coverage.min() >= 0 and coverage.max() == pytest.approx(1, abs=1e-5)
    drawn = place(
        coverage[0, 0].numpy(), grids(network, (224, 224))["attention"], np.eye(3), (224, 224)
    )
    rows, cols = np.mgrid[:224, :224]
    centre = (drawn * rows).sum() / drawn.sum(), (drawn * cols).sum() / drawn.sum()
    assert centre == pytest.approx((row + 19.5, col + 17.5), abs=1.0)


def test_glow_off_the_lesion_costs_however_faint() -> None:
    """Dice alone hardly minds a faint glow over everything; its share of alpha does."""
    mask = torch.zeros(1, 1, 24, 24)
    mask[:, :, 8:14, 8:14] = 1
    known = torch.tensor([True])
    tight = torch.where(mask > 0, 3.0, -9.0)
    glowing = torch.where(mask > 0, 3.0, -3.0)
    difference = losses.guidance(glowing, mask, known, "sigmoid") - losses.guidance(
        tight, mask, known, "sigmoid"
    )
    alpha = torch.sigmoid(glowing)
    share = (alpha * mask).sum() / alpha.sum()
    assert share < 0.6
    assert difference > 0.9 * -share.log()


def test_own_evidence_lies_where_the_global_branch_responds() -> None:
    network = tiny.network()
    own = losses.OwnEvidence(network, (tiny.SIDE, tiny.SIDE), torch.device("cpu"))
    cells = (tiny.SIDE // 32,) * 2
    x_g = torch.zeros(2, 16, *cells)
    x_g[0, :, 0, 0] = 1
    x_g[1, :, 1, 1] = 1
    found = own(x_g)
    assert found.shape == (2, 1, 4, 4)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    first, second = found[0, 0], found[1, 0]
    rows = torch.arange(4.0)
    assert (first.sum(1) * rows).sum() / first.sum() < (second.sum(1) * rows).sum() / second.sum()


def test_self_guidance_needs_no_mask_and_leaves_the_evidence_alone() -> None:
    torch.manual_seed(0)
    network = tiny.network().train()
    outputs = network(torch.randn(4, 3, tiny.SIDE, tiny.SIDE))
    own = losses.OwnEvidence(network, (tiny.SIDE, tiny.SIDE), torch.device("cpu"))
    evidence = own(outputs.global_features)
    assert not evidence.requires_grad
    plain = losses.joint(outputs, TARGET)
    guided = losses.joint(outputs, TARGET, evidence=evidence, self_guidance_weight=2.0)
    every = torch.ones(4, dtype=torch.bool)
    wanted = plain.total + 2 * losses.guidance(outputs.gate_logits, evidence, every, "sigmoid")
    assert guided.total.item() == pytest.approx(wanted.item(), rel=1e-5)
