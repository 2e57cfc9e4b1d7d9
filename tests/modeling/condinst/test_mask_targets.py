import numpy as np
import pytest
import torch
from detectron2.data.transforms import ResizeTransform
from detectron2.structures import BitMasks, PolygonMasks
from tiny_detector import training_image

from dual_weighting.modeling.condinst.mask_targets import mask_ground_truths
from dual_weighting.utils.errors import UserError

BOXES = [[1, 1, 14, 14], [4, 4, 8, 8]]


def rectangle(x1, y1, x2, y2):
    return [np.array([x1, y1, x2, y1, x2, y2, x1, y2], dtype=np.float64)]


def bit_masks(boxes, height, width):
    masks = torch.zeros(len(boxes), height, width, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return BitMasks(masks)


def image_with(masks, boxes=BOXES, classes=(2, 1), size=(16, 20)):
    instances = training_image(boxes, list(classes), size=size)["instances"]
    if masks is not None:
        instances.gt_masks = masks
    return instances


def targets_of(*images, size=(3, 3), num_classes=5):
    return mask_ground_truths(list(images), size, num_classes)


def test_by_hand():
    """Two squares in an image of 16 x 20, padded to 24 x 24."""
    targets = targets_of(image_with(bit_masks(BOXES, 16, 20)))
    # pixels 2, 6 and 10 of both axes; of the small square only (6, 6)
    expected = torch.zeros(2, 6, 6, dtype=torch.bool)
    expected[0, :3, :3] = True
    expected[1, 1, 1] = True
    assert torch.equal(targets.masks, expected)
    # pixels 4 and 12: the smaller instance wins at (4, 4)
    assert targets.semantic.tolist() == [[[1, 2, 5], [2, 2, 5], [5, 5, 5]]]
    # the middles of the squares, from 1 to 14 and from 4 to 8
    assert targets.centers.tolist() == [[7.5, 7.5], [6, 6]]
    assert targets.classes.tolist() == [2, 1] and targets.image.tolist() == [0, 0]


def test_order_of_instances_does_not_matter():
    boxes = BOXES[::-1]
    other = targets_of(image_with(bit_masks(boxes, 16, 20), boxes, (1, 2)))
    assert torch.equal(other.semantic, targets_of(image_with(bit_masks(BOXES, 16, 20))).semantic)


def test_polygons_are_the_same():
    from_bits = targets_of(image_with(bit_masks(BOXES, 16, 20)))
    polygons = PolygonMasks([rectangle(*box) for box in BOXES])
    from_polygons = targets_of(image_with(polygons))
    for name in ("masks", "semantic", "centers"):
        assert torch.equal(getattr(from_polygons, name), getattr(from_bits, name))


def test_center_of_mass_is_not_that_of_the_box():
    """A mask in the left eighth of its box."""
    targets = targets_of(image_with(bit_masks([[0, 0, 2, 16]], 16, 20), [[0, 0, 16, 16]], [0]))
    assert targets.centers.tolist() == [[1, 8]]


@pytest.mark.parametrize("boxes", [[[1, 1, 14, 14]], [[4, 0, 9, 16]]])
def test_as_many_pixels_beside_as_before(boxes):
    """A mirrored image has the mirrored centers, also after it is resized; masks stay in place."""
    for scale in (1, 2):
        image = np.zeros((16, 20), dtype=np.uint8)
        for x1, y1, x2, y2 in boxes:
            image[y1:y2, x1:x2] = 1
        resize = ResizeTransform(16, 20, 16 * scale, 20 * scale)
        masks = [resize.apply_segmentation(x).copy() for x in (image, image[:, ::-1].copy())]
        size = (16 * scale, 20 * scale)
        centers = [
            targets_of(
                image_with(BitMasks(torch.from_numpy(mask)[None].bool()), boxes, [0], size),
                size=(4 * scale, 4 * scale),
            ).centers[0]
            for mask in masks
        ]
        assert (centers[0] + centers[1])[0] == 20 * scale
        x1, y1, x2, y2 = boxes[0]
        assert centers[0].tolist() == [scale * (x1 + x2) / 2, scale * (y1 + y2) / 2]


@pytest.mark.parametrize("kind", ["bitmap", "polygon"])
def test_an_object_that_moves_takes_its_targets_along(kind):
    """By 8 pixels to the right and down: 2 cells of the masks, 1 of the classes."""
    targets = []
    for move in (0, 8):
        box = [3 + move, 5 + move, 13 + move, 14 + move]
        polygons = PolygonMasks([rectangle(*box)])
        masks = bit_masks([box], 32, 32) if kind == "bitmap" else polygons
        targets.append(targets_of(image_with(masks, [box], [0], (32, 32)), size=(4, 4)))
    here, moved = targets
    assert here.centers.tolist() == [[8, 9.5]] and moved.centers.tolist() == [[16, 17.5]]
    assert here.masks.any() and torch.equal(moved.masks[:, 2:, 2:], here.masks[:, :-2, :-2])
    assert torch.equal(moved.semantic[:, 1:, 1:], here.semantic[:, :-1, :-1])


def test_the_count_of_the_release():
    """From the number of a pixel, which is half a pixel from its middle."""
    image = image_with(bit_masks([[0, 0, 2, 16]], 16, 20), [[0, 0, 16, 16]], [0])
    targets = mask_ground_truths([image], (3, 3), 5, pixel_middle=0.0)
    assert targets.centers.tolist() == [[0.5, 7.5]]


def test_a_mask_without_pixels_has_the_center_of_its_box():
    targets = targets_of(image_with(bit_masks([[0, 0, 0, 0]], 16, 20), [[0, 0, 16, 16]], [0]))
    assert targets.centers.tolist() == [[8, 8]] and not targets.masks.any()
    assert (targets.semantic == 5).all()


def test_images_without_instances():
    empty = image_with(None, [], [])
    targets = targets_of(empty, image_with(bit_masks(BOXES, 16, 20)), empty)
    assert targets.image.tolist() == [1, 1] and targets.masks.shape == (2, 6, 6)
    assert (targets.semantic[[0, 2]] == 5).all()
    assert targets_of(empty).masks.shape == (0, 6, 6)


def test_no_masks():
    with pytest.raises(UserError, match="use_instance_mask=True"):
        targets_of(image_with(None))
