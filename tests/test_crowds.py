"""Every scheme in a crowd: 2,000 ground truths in an image, and what their number costs."""

import pytest
import torch
from all_schemes import SCHEMES
from loss_calls import finite_losses_and_gradients
from operations import CountOperations
from scenes import batch_of, random_scene, with_gradient

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def losses_of(scheme, batch):
    assign, losses = SCHEMES[scheme]
    return losses(assign(batch), batch)


@every_scheme
def test_2000_ground_truths(scheme):
    def function(**scene):
        return losses_of(scheme, batch_of(scene, 0.5))

    losses, _ = finite_losses_and_gradients(function, random_scene(0, num_gt=(2000, 0)))
    assert all(value > 0 for value in losses.values())


@every_scheme
def test_operations_and_waiting_do_not_depend_on_the_ground_truths(scheme):
    """One of the operations asks the device for a number: how many candidates there are."""
    counts = []
    for num_gt in (1, 300):
        scene = with_gradient(random_scene(0, num_gt=(num_gt, num_gt)))
        batch = batch_of(scene, 0.5)
        with CountOperations() as operations:
            sum(losses_of(scheme, batch).values()).backward()
        counts.append(operations.count)
        assert len(operations.waits) == 1, operations.waits
    assert counts[0] == counts[1] > 50


def test_what_waits():
    """Reading a number back, positions in a mask, and sending numbers."""
    x = torch.arange(4.0)
    calls = {
        "aten::_local_scalar_dense": lambda: int(x.sum()),
        "aten::nonzero": lambda: x.nonzero(),
        "aten::index.Tensor": lambda: x[x > 1],
        "aten::repeat_interleave.Tensor": lambda: torch.repeat_interleave(x.long()),
        "aten::lift_fresh": lambda: x.new_tensor([1.0]),
    }
    for name, call in calls.items():
        with CountOperations() as operations:
            call()
        assert operations.waits == [name]
    with CountOperations() as operations:
        x[x.long()], torch.where(x > 1, 1.0, x), torch.repeat_interleave(x.long(), output_size=6)
    assert operations.waits == []
