"""Every scheme in a crowd: 2,000 ground truths in an image, and what their number costs."""

import pytest
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
