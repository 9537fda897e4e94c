import pytest
import torch

from engine.errors import InvalidInputError
from tests.training import tiny
from training import fit
from training.optimisers import (
    load_state_tensors,
    optimisers,
    parts,
    set_rates,
    state_tensors,
)
from training.recipes import recipe


def test_table_1_of_the_paper() -> None:
    busi, myopathy = recipe("busi"), recipe("myopathy")
    assert busi.rates == (0.0010, 0.005, 0.0011)
    assert busi.weight_decays == (2.6e-4, 5.0e-4, 4.4e-4)
    assert busi.dropout == 0.25
    assert myopathy.rates == (0.0046, 0.0050, 0.0037)
    assert myopathy.weight_decays == (1.15e-4, 5.0e-4, 4.17e-4)
    assert myopathy.dropout == 0.29
    for how in (busi, myopathy):
        assert (how.batch, how.epochs, how.patience, how.momentum) == (16, 60, 10, 0.9)


def test_step_schedule_is_torch_s() -> None:
    how = recipe("busi")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 5, 0.1)
    for epoch in range(20):
        assert how.factor(epoch + 0.99) == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()


def test_cosine_rises_then_falls_to_nothing() -> None:
    how = recipe("compact", epochs=20)
    factors = [how.factor(e / 10) for e in range(201)]
    peak = factors.index(max(factors))
    assert peak == 20 and max(factors) == pytest.approx(1)
    assert factors[:peak] == sorted(factors[:peak])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("fusion", ["gate", "concat", "product"])
@pytest.mark.parametrize("name", ["busi", "compact"])
def test_every_parameter_is_in_one_of_three_optimisers(fusion: str, name: str) -> None:
    network, how = tiny.network(fusion=fusion), recipe(name)
    made = optimisers(network, how)
    assert len(made) == 3
    ids = [id(p) for o in made for g in o.param_groups for p in g["params"]]
    assert len(ids) == len(set(ids)) and set(ids) == {id(p) for p in network.parameters()}
    assert [len(p) for p in parts(network)] == [
        sum(len(g["params"]) for g in o.param_groups) for o in made
    ]
    set_rates(made, 0.1)
    for optimiser, rate in zip(made, how.rates, strict=True):
        assert all(g["lr"] == pytest.approx(rate * 0.1) for g in optimiser.param_groups)


def test_frozen_branches_have_no_optimiser() -> None:
    network = tiny.network()
    for parameter in network.global_branch.parameters():
        parameter.requires_grad_(False)
    for parameter in network.global_head.parameters():
        parameter.requires_grad_(False)
    assert len(optimisers(network, recipe("busi"))) == 2


@pytest.mark.parametrize("name", ["busi", "compact"])
def test_state_goes_through_tensors_and_back(name: str) -> None:
    def step(network: torch.nn.Module, made: list[torch.optim.Optimizer], seed: int) -> None:
        torch.manual_seed(seed)
        for parameter in network.parameters():
            parameter.grad = torch.empty_like(parameter).normal_()
        for optimiser in made:
            optimiser.step()

    ours = tiny.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    made = optimisers(ours, recipe(name))
    step(ours, made, 1)
    theirs = tiny.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    theirs.load_state_dict(ours.state_dict())
    others = optimisers(theirs, recipe(name))
    load_state_tensors(others, {k: v.contiguous() for k, v in state_tensors(made).items()})
    step(ours, made, 2)
    step(theirs, others, 2)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_unknown_recipe() -> None:
    with pytest.raises(InvalidInputError, match="no recipe 'adam'"):
        recipe("adam")


def test_a_model_of_all_images_is_trained_as_long_as_the_folds_models_were() -> None:
    folds = [{"best_epoch": best, "epochs": 9} for best in (2, 4, 5)]
    assert fit._epochs({"folds": folds}, "best") == 4
    assert fit._epochs({"folds": folds}, "last") == 9
