from copy import deepcopy

import pytest
import torch
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from tiny_detector import STRIDES, tiny_detector, tiny_fcos, training_image

from dual_weighting.assignment import OneToFew, PointGrid
from dual_weighting.assignment.batch import IGNORED
from dual_weighting.losses import OneToFewLoss
from dual_weighting.modeling.ground_truths import split_ignored

DETECTORS = {
    "dw": tiny_detector,
    "o2f": lambda: tiny_detector(scheme=OneToFew(), losses=OneToFewLoss()),
    "fcos": tiny_fcos,
}
BOX, REGION = [5, 5, 40, 50], [50, 10, 90, 60]


def losses_and_gradients(model, image):
    """The losses, and where the class logits have a gradient: (R,) bool."""
    seen = []
    handle = model.head.register_forward_hook(lambda *args: seen.append(args[2][0]))
    with EventStorage():
        losses = model.train()([image])
    handle.remove()
    grads = torch.autograd.grad(sum(losses.values()), seen[0])
    return losses, torch.cat([g.abs().sum(dim=1).flatten() for g in grads]) > 0


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_is_punished_inside_a_region(name):
    """The points inside have no gradient, all others have; ground truths count as before."""
    model = DETECTORS[name]()
    plain, _ = losses_and_gradients(deepcopy(model), training_image([BOX], [0]))
    losses, has_gradient = losses_and_gradients(model, training_image([BOX, REGION], [0, IGNORED]))
    centers = PointGrid.from_image((64, 96), STRIDES).centers
    region = torch.tensor(REGION)
    inside = ((centers > region[:2]) & (centers < region[2:])).all(dim=1)
    assert 0 < inside.sum() < len(inside)
    assert torch.equal(has_gradient, ~inside)
    boxes = {"dw": "loss_loc", "o2f": "loss_bbox", "fcos": "loss_fcos_loc"}[name]
    classes = {"dw": "loss_cls_neg", "o2f": "loss_cls", "fcos": "loss_fcos_cls"}[name]
    torch.testing.assert_close(losses[boxes], plain[boxes])
    assert losses[classes] < plain[classes]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_ground_truth_inside_a_region_is_trained_on(name):
    """The region takes the background away, not the points that learn the ground truth."""
    model = DETECTORS[name]()
    _, has_gradient = losses_and_gradients(
        model, training_image([BOX, [0, 0, 96, 64]], [0, IGNORED])
    )
    assert has_gradient.any() and not has_gradient.all()


@pytest.mark.parametrize("name", DETECTORS)
def test_an_image_of_regions_only(name):
    model = DETECTORS[name]()
    losses, has_gradient = losses_and_gradients(model, training_image([[0, 0, 96, 64]], [IGNORED]))
    assert not has_gradient.any()
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_other_fields_of_the_instances_follow():
    instances = Instances((64, 96))
    instances.gt_boxes = Boxes(torch.tensor([[0.0, 0, 9, 9], [1, 1, 9, 9], [2, 2, 9, 9]]))
    instances.gt_classes = torch.tensor([1, IGNORED, 0])
    instances.number = torch.tensor([7, 8, 9])
    (objects,), ignored = split_ignored([instances], PointGrid.from_image((16, 16), (8,)))
    assert objects.number.tolist() == [7, 9]
    assert ignored.tolist() == [True, False, False, False]
