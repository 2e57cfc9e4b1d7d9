import pytest
import torch
from detectron2.structures import BitMasks
from tiny_detector import tiny_condinst, training_image

from dual_weighting.losses.masks import dice_loss

LOSSES = {"loss_cls", "loss_bbox", "loss_mask", "loss_sem"}


def with_masks(boxes, classes, size=(64, 96), seed=0):
    image = training_image(boxes, classes, size=size, seed=seed)
    masks = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    image["instances"].gt_masks = BitMasks(masks)
    return image


def batch():
    return [with_masks([[5, 5, 40, 50], [30, 10, 90, 60]], [0, 2], seed=1), with_masks([], [])]


@pytest.mark.parametrize("images", [slice(0, 2), slice(1, 2)], ids=["one empty", "all empty"])
def test_every_parameter_gets_a_gradient(images):
    model = tiny_condinst().train()
    losses = model(batch()[images])
    assert set(losses) == LOSSES
    sum(losses.values()).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_an_object_that_covers_no_point():
    losses = tiny_condinst().train()([with_masks([[5, 5, 7, 7]], [0])])
    assert losses["loss_mask"] == 0 and losses["loss_mask"].requires_grad
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_mask_loss_is_the_mean_over_assigned_points():
    """Against one mask at a time. Every point that learns a box learns the mask of its object."""
    model = tiny_condinst(sub_batch_size=2).train()
    loss = model(batch())["loss_mask"].item()
    with torch.no_grad():
        images = model.preprocess_image(batch())
        maps = model.backbone(images.tensor)
        features = [maps[name] for name in model.head_in_features]
        predictions = model.head(features)
        seen = model.batch(features, predictions, [x["instances"] for x in batch()])
        assignment, targets, grid = model.scheme(seen), seen.targets, seen.grid
        parameters, bases = model.flatten_parameters(predictions), model.mask_branch(features)
        dice = []
        for point, gt, positive in zip(
            assignment.point, assignment.gt, assignment.positive, strict=True
        ):
            if positive > 0:
                logits = model.mask_logits(point[None], parameters[point][None], bases, grid)
                dice.append(dice_loss(logits.sigmoid(), targets.masks[gt][None].float()))
    assert len(dice) > 2
    assert loss == pytest.approx(2 * torch.cat(dice).mean().item(), rel=1e-5)


def test_candidates_are_around_the_center_of_mass():
    """A mask in the upper left of its box: the points around the box's centre learn nothing."""
    image = with_masks([[0, 0, 96, 64]], [0])
    image["instances"].gt_masks.tensor[:, 16:] = False
    image["instances"].gt_masks.tensor[:, :, 16:] = False
    assignment, seen = tiny_condinst().assign_images([image])
    grid = seen.grid
    fine = grid.centers[assignment.point[grid.strides[assignment.point] == 8]]
    assert len(fine) > 0 and (fine < 8 + 12).all()


def test_threshold_is_on_the_class_score():
    """Class score 1/2, joint score 1/4; a class score of 1/4 is dropped whatever its quality."""
    model = tiny_condinst(test_score_thresh=0.3)
    logits = torch.tensor([[0.0, -1.0986123]])
    assert model.scores(logits, torch.zeros(1, 1)).tolist() == [[0.25, 0.0]]
    assert model.scores(logits, torch.full((1, 1), 50.0)).tolist() == [[0.5, 0.0]]


def test_sub_batches_do_not_change_the_training():
    gradients = []
    for size in (1, 3, 1000):
        model = tiny_condinst(sub_batch_size=size).train()
        model(batch())["loss_mask"].backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-4, atol=1e-5)


def test_masks_learn():
    torch.manual_seed(0)
    model = tiny_condinst().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        losses.append(model(batch()[:1])["loss_mask"])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_half_precision_training():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = tiny_condinst().train()(batch())
    assert all(x.dtype == torch.float32 and torch.isfinite(x) for x in losses.values())
    sum(losses.values()).backward()


@pytest.mark.parametrize("original", [(64, 96), (50, 70), (130, 200)])
def test_masks_have_the_original_size(original):
    model = tiny_condinst(test_score_thresh=0.0, sub_batch_size=7).eval()
    image = with_masks([], []) | {"height": original[0], "width": original[1]}
    with torch.no_grad():
        found = model([image])[0]["instances"]
    assert found.pred_masks.shape == (len(found), *original) and len(found) > 7
    assert found.pred_masks.dtype == torch.bool
    assert set(found.get_fields()) == {"pred_boxes", "scores", "pred_classes", "pred_masks"}


def test_no_detections():
    with torch.no_grad():
        found = tiny_condinst(test_score_thresh=0.999).eval()([with_masks([], [])])[0]["instances"]
    assert len(found) == 0 and found.pred_masks.shape == (0, 64, 96)


def test_point_of_each_detection():
    """Two levels of 2 x 2 points and one; the best two of each, by their scores."""
    model = tiny_condinst(test_topk_candidates=2)
    centers = torch.tensor([[4.0, 4]] * 4 + [[8.0, 8]])
    scores = [torch.tensor([[0.1, 0, 0], [0.2, 0, 0.7], [0, 0, 0], [0, 0.4, 0]]),
              torch.tensor([[0.5, 0.6, 0.1]])]  # fmt: skip
    distances = [torch.ones(4, 4), torch.ones(1, 4)]
    found = model.inference_single_image(centers, scores, distances, (16, 16))
    assert found.point.tolist() == [1, 4, 4, 3]
    assert found.pred_classes.tolist() == [2, 1, 0, 1]
    assert found.scores.tolist() == pytest.approx([0.7, 0.6, 0.5, 0.4])
    assert found.pred_boxes.tensor[0].tolist() == [3, 3, 5, 5]


def test_detections_have_the_masks_of_their_image():
    """All parameters are 0 but the last bias: 1 in the first image, -1 in the second."""
    model = tiny_condinst(test_score_thresh=0.0).eval()

    def marked(features):
        *maps, controllers = type(model.head).forward(model.head, features)
        for level in controllers:
            level.zero_()
            level[:, -1] = torch.tensor([1.0, -1])[:, None, None]
        return *maps, controllers

    model.head.forward = marked
    with torch.no_grad():
        first, second = model([with_masks([], [], seed=seed) for seed in (1, 2)])
    assert first["instances"].pred_masks.all() and len(first["instances"]) > 0
    assert not second["instances"].pred_masks.any() and len(second["instances"]) > 0


def test_inference_does_not_depend_on_the_batch():
    model = tiny_condinst(test_score_thresh=0.0).eval()
    image, smaller = with_masks([], []), with_masks([], [], size=(64, 64), seed=3)
    with torch.no_grad():
        both, alone = model([image, smaller]), model([image])
    same = both[0]["instances"].pred_masks == alone[0]["instances"].pred_masks
    assert same.float().mean() > 0.999
    assert both[1]["instances"].pred_masks.shape[1:] == (64, 64)
