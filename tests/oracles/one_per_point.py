"""Losses of schemes whose points learn at most one ground truth, from tables of targets and by
autograd."""

import torch
import torch.nn.functional as F
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss


def losses_by_tables(assignment, batch, third, box_loss_weight):
    """`third`: "loss_metric" of DLA, from all points, or "loss_centerness", from assigned ones."""
    predictions, targets, grid = batch.predictions, batch.targets, batch.grid
    owned = assignment.positive > 0
    point, gt = assignment.point[owned], assignment.gt[owned]
    logits = predictions.cls_logits.flatten(0, 1)
    labels = torch.zeros_like(logits)
    labels[point, targets.classes[gt]] = 1
    quality = logits.new_zeros(len(logits))
    quality[point] = assignment.target[owned]

    x, y = grid.centers[point % len(grid)].unbind(1)
    left, top, right, bottom = predictions.box_distances.flatten(0, 1)[point].unbind(1)
    boxes = torch.stack((x - left, y - top, x + right, y + bottom), dim=1)
    giou_loss = generalized_box_iou_loss(boxes, targets.boxes[gt])
    weight = assignment.box[owned]

    estimate = predictions.objectness_logits.flatten()
    entropy = F.binary_cross_entropy_with_logits(estimate, quality, reduction="none")
    if third == "loss_metric":
        entropy = (estimate.sigmoid() - quality).square() * entropy
    else:
        entropy = entropy[point]
    focal = sigmoid_focal_loss(logits, labels, alpha=0.25, gamma=2, reduction="sum")
    num_positives = max(len(point), 1)
    return {
        "loss_cls": focal / num_positives,
        "loss_bbox": box_loss_weight * (weight * giou_loss).sum() / weight.sum().clamp(min=1e-6),
        third: entropy.sum() / num_positives,
    }
