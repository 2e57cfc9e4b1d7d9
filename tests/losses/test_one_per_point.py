import pytest
import torch
from all_schemes import SCHEMES
from oracles.one_per_point import losses_by_tables
from scenes import batch_of, random_scene, with_gradient

SETTINGS = {
    "dla": ("loss_metric", 2.0),
    "fcos": ("loss_centerness", 1.0),
    "atss": ("loss_centerness", 2.0),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SETTINGS)
def test_losses_and_gradients_equal_autograd(name, seed):
    scheme, losses = SCHEMES[name]
    batch = batch_of(with_gradient(random_scene(seed, num_gt=(5, 0))), 0.5)
    assignment = scheme(batch)
    values = losses(assignment, batch), losses_by_tables(assignment, batch, *SETTINGS[name])
    assert assignment.positive.any()
    inputs = list(vars(batch.predictions).values())
    grads = (torch.autograd.grad(sum(x.values()), inputs) for x in values)
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)
