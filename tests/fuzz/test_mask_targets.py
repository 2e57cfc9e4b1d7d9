"""Masks of random instances as targets: bounded, the same twice, in any order of the instances."""

import torch
from detectron2.structures import BitMasks, Boxes, Instances
from hypothesis import assume, given
from hypothesis import strategies as st

from dual_weighting.modeling.condinst.mask_targets import mask_ground_truths

NUM_CLASSES = 3
SIZE = (5, 7)  # of the semantic target: an input of 40 x 56 pixels
places = st.integers(0, 60)


@st.composite
def images(draw):
    """Rectangles with holes, some empty, some of an image that is smaller than the input."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 56))
    corners = draw(st.lists(st.tuples(places, places, places, places), max_size=5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    masks = torch.zeros(len(corners), height, width, dtype=torch.bool)
    for mask, (x, y, right, bottom) in zip(masks, corners, strict=True):
        mask[y:bottom, x:right] = True
        mask &= torch.rand(height, width, generator=generator) > 0.2
    instances = Instances((height, width))
    instances.gt_masks = BitMasks(masks)
    x1, y1, x2, y2 = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4).unbind(dim=1)
    instances.gt_boxes = Boxes(torch.stack((x1, y1, x1 + x2, y1 + y2), dim=1))
    instances.gt_classes = torch.randint(NUM_CLASSES, (len(corners),), generator=generator)
    return instances


@given(batch=st.lists(images(), min_size=1, max_size=3), data=st.data())
def test_masks(batch, data):
    targets = mask_ground_truths(batch, SIZE, NUM_CLASSES)
    again = mask_ground_truths(batch, SIZE, NUM_CLASSES)
    for name, value in vars(targets).items():
        assert torch.equal(value, getattr(again, name))
    assert targets.masks.shape == (len(targets), 2 * SIZE[0], 2 * SIZE[1])
    assert targets.semantic.shape == (len(batch), *SIZE)
    assert ((targets.semantic >= 0) & (targets.semantic <= NUM_CLASSES)).all()
    masks = [mask for image in batch for mask in image.gt_masks.tensor]
    for mask, center, box in zip(masks, targets.centers, targets.boxes, strict=True):
        if mask.any():
            y, x = mask.nonzero().float().unbind(dim=1)
            torch.testing.assert_close(center, torch.stack((x.mean(), y.mean())) + 0.5)
        else:
            assert torch.equal(center, (box[:2] + box[2:]) / 2)

    # Where instances of one area overlap, the first of them is below: those are left out.
    for image in batch:
        areas = image.gt_masks.tensor.flatten(1).sum(dim=1)
        assume(len(areas.unique()) == len(areas))
    orders = [data.draw(st.permutations(range(len(image)))) for image in batch]
    orders = [torch.tensor(order, dtype=torch.long) for order in orders]
    shuffled = [image[order] for image, order in zip(batch, orders, strict=True)]
    found = mask_ground_truths(shuffled, SIZE, NUM_CLASSES)
    assert torch.equal(found.semantic, targets.semantic)
    starts = torch.tensor([0, *map(len, batch)]).cumsum(0)
    order = torch.cat([order + start for order, start in zip(orders, starts, strict=False)])
    assert torch.equal(found.masks, targets.masks[order])
    assert torch.equal(found.centers, targets.centers[order])
