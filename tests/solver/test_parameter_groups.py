import pytest
from torch import nn

from dual_weighting.solver import parameter_groups

MODEL = nn.Sequential(nn.Conv2d(1, 1, 1), nn.GroupNorm(1, 1), nn.Linear(1, 1))
MODEL[2].weight.requires_grad = False


def settings(**options):
    """(learning rate, weight decay) by the name of each trained parameter; decay None: not set."""
    names = {p: name for name, p in MODEL.named_parameters()}
    groups = parameter_groups(MODEL, base_lr=0.1, **options)
    return {names[p]: (g["lr"], g.get("weight_decay")) for g in groups for p in g["params"]}


@pytest.mark.parametrize(
    ("options", "weight", "bias", "norm"),
    [
        ({}, (0.1, None), (0.1, None), (0.1, None)),
        ({"weight_decay_norm": 0.0}, (0.1, None), (0.1, None), (0.1, 0.0)),
        ({"bias_lr_factor": 2.0, "weight_decay_bias": 0.0}, (0.1, None), (0.2, 0.0), (0.1, None)),
    ],
)
def test_kinds(options, weight, bias, norm):
    """A bias of a norm is a norm's parameter; constant parameters are in no group."""
    expected = {"0.weight": weight, "0.bias": bias, "1.weight": norm, "1.bias": norm}
    assert settings(**options) == expected | {"2.bias": bias}


def test_later_rules_win():
    found = settings(
        weight_decay_norm=0.0,
        rules=[{"names": "bias", "weight_decay": 0.3}, {"names": "^1.*bias$", "lr": 0.5}],
    )
    assert found == {
        "0.weight": (0.1, None),
        "0.bias": (0.1, 0.3),
        "1.weight": (0.1, 0.0),
        "1.bias": (0.5, 0.3),
        "2.bias": (0.1, 0.3),
    }


def test_groups_are_few_and_a_shared_parameter_is_in_one():
    shared = nn.Linear(2, 2)
    shared.bias = None
    twice = nn.Linear(2, 2)
    twice.weight = shared.weight
    (group,) = parameter_groups(nn.Sequential(shared, twice, nn.LayerNorm(2)), base_lr=0.1)
    assert len(group["params"]) == 4
