"""The losses of DLA, FCOS and ATSS the straightforward way: tables of points by ground truths.

Written for comparison only. They compute what the schemes of these names compute, image by image,
the way one writes it down first, with a table of targets for the focal loss.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou_loss, sigmoid_focal_loss

from dual_weighting.assignment import PointGrid


def distances_to_sides(centers, boxes):
    """(R, M, 4) left, top, right, bottom."""
    return torch.cat(
        (centers[:, None] - boxes[None, :, :2], boxes[None, :, 2:] - centers[:, None]), dim=2
    )


def centerness_table(sides):
    """(R, M); NaN outside of the boxes."""
    left, top, right, bottom = sides.unbind(dim=2)
    horizontal = torch.minimum(left, right) / torch.maximum(left, right)
    vertical = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return (horizontal * vertical).sqrt()


def nearest_table(grid, boxes, k):
    """Mask (R, M) of the k points of each level nearest to the centre of each box."""
    offset = grid.centers[:, None] - (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = offset.square().sum(dim=2)
    nearest = torch.zeros_like(distance, dtype=torch.bool)
    for stride in grid.level_strides:
        level = (grid.strides == stride).nonzero()[:, 0]
        _, index = distance[level].topk(min(k, len(level)), dim=0, largest=False)
        nearest.scatter_(0, level[index], True)
    return nearest


def above_mean_plus_std(values, candidates, strictly):
    """Mask (R, M) of the candidates from their mean plus standard deviation on."""
    count = candidates.sum(dim=0)
    mean = (values * candidates).sum(dim=0) / count
    square = ((values - mean) * candidates).square().sum(dim=0)
    threshold = mean + (square / (count - 1).clamp(min=1)).sqrt()
    return candidates & (values > threshold if strictly else values >= threshold)


def prior_iou(grid, boxes):
    half = 4 * grid.strides[:, None]
    return box_iou(torch.cat((grid.centers - half, grid.centers + half), dim=1), boxes)


def dla_labels(grid, scores, pred_boxes, boxes, *, progress, epochs, k=10):
    """Whether each point is assigned, to what, and how well, (R,) each."""
    share = 0.1 * math.exp(-progress * epochs / math.sqrt(epochs)) + 0.9
    geometric = (1 - scores) * prior_iou(grid, boxes) + scores * box_iou(pred_boxes, boxes)
    metric = (1 - share) * scores + share * geometric
    wanted = above_mean_plus_std(metric, nearest_table(grid, boxes, k), strictly=True)
    wanted &= distances_to_sides(grid.centers, boxes).amin(dim=2) > 0
    best, gt = metric.masked_fill(~wanted, -1.0).max(dim=1)
    return best >= 0, gt, best


def fcos_labels(grid, scores, pred_boxes, boxes, *, radius=1.5, low=4.0, high=8.0):
    """The same for FCOS with centre sampling."""
    sides = distances_to_sides(grid.centers, boxes)
    farthest, stride = sides.amax(dim=2), grid.strides[:, None]
    fits = (farthest > low * stride) | (stride == grid.strides.min())
    fits &= (farthest < high * stride) | (stride == grid.strides.max())
    offset = grid.centers[:, None] - (boxes[:, :2] + boxes[:, 2:]) / 2
    wanted = fits & (sides.amin(dim=2) > 0) & (offset.abs().amax(dim=2) < radius * stride)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    best, gt = (1e8 - area).expand_as(wanted).masked_fill(~wanted, -torch.inf).max(dim=1)
    return best > -torch.inf, gt, own(centerness_table(sides), gt)


def atss_labels(grid, scores, pred_boxes, boxes, *, k=9):
    """The same for ATSS."""
    iou, sides = prior_iou(grid, boxes), distances_to_sides(grid.centers, boxes)
    wanted = above_mean_plus_std(iou, nearest_table(grid, boxes, k), strictly=False)
    wanted &= sides.amin(dim=2) > 0
    best, gt = iou.masked_fill(~wanted, -1.0).max(dim=1)
    return best >= 0, gt, own(centerness_table(sides), gt)


def own(table, gt):
    """Each point's value for its ground truth, (R,)."""
    return table.gather(1, gt[:, None])[:, 0]


def dense_losses(
    labels: Callable[..., tuple[Tensor, Tensor, Tensor]],
    name: str,
    cls_logits,
    box_distances,
    objectness_logits,
    gt_boxes,
    gt_classes,
    *,
    image_size,
    strides,
    box_loss_weight,
    uniform_boxes=False,
    **settings,
):
    """`labels` is one of the functions above, `name` its third loss, of the branch that learns the
    quality: of all points in DLA, of the assigned ones else."""
    grid = PointGrid.from_image(image_size, strides, cls_logits.device)
    x, y = grid.centers.unbind(1)
    left, top, right, bottom = box_distances.unbind(2)
    pred_boxes = torch.stack((x - left, y - top, x + right, y + bottom), dim=2)
    targets, quality = torch.zeros_like(cls_logits), torch.zeros_like(x).repeat(len(gt_boxes), 1)
    assigned = quality.bool()
    boxes = torch.zeros_like(pred_boxes)
    with torch.no_grad():
        for n, (of_image, classes) in enumerate(zip(gt_boxes, gt_classes, strict=True)):
            if len(classes) == 0:
                continue
            scores = cls_logits[n][:, classes].sigmoid()  # (R, M)
            positive, gt, best = labels(grid, scores, pred_boxes[n], of_image, **settings)
            assigned[n], boxes[n] = positive, of_image[gt]
            quality[n] = best.where(positive, 0.0)
            targets[n, positive, classes[gt[positive]]] = 1
    num_positives = assigned.sum().clamp(min=1)
    weight = torch.ones_like(quality[assigned]) if uniform_boxes else quality[assigned]
    giou_loss = generalized_box_iou_loss(pred_boxes[assigned], boxes[assigned])
    estimate = objectness_logits[..., 0]
    cross_entropy = F.binary_cross_entropy_with_logits(estimate, quality, reduction="none")
    if name == "loss_metric":
        third = (estimate.sigmoid() - quality).square() * cross_entropy
    else:
        third = cross_entropy[assigned]
    focal = sigmoid_focal_loss(cls_logits, targets, alpha=0.25, gamma=2, reduction="sum")
    return {
        "loss_cls": focal / num_positives,
        "loss_bbox": box_loss_weight * (weight * giou_loss).sum() / weight.sum().clamp(min=1e-6),
        name: third.sum() / num_positives,
    }


dense_dla_losses = partial(dense_losses, dla_labels, "loss_metric", box_loss_weight=2)
dense_fcos_losses = partial(
    dense_losses, fcos_labels, "loss_centerness", box_loss_weight=1, uniform_boxes=True
)
dense_atss_losses = partial(dense_losses, atss_labels, "loss_centerness", box_loss_weight=2)
