"""DW one ground truth at a time, in float64 and plain Python: slow, and close to the equations."""

import math
from collections import defaultdict

from .geometry import iou_and_giou, points_of, sigmoid, summed


def dw_losses_of_image(cls_logits, distances, objectness, gt_boxes, gt_classes, points):
    """Sums over one image, of lists: positives, boxes, negatives, and of 1 - P_neg."""
    loss_pos = loss_loc = 0.0
    p_neg = defaultdict(lambda: 1.0)
    for box, c in zip(gt_boxes, gt_classes, strict=True):
        candidates = []
        for r, (x, y, stride) in enumerate(points):
            if not (box[0] < x < box[2] and box[1] < y < box[3]):
                continue
            left, top, right, bottom = distances[r]
            iou, giou = iou_and_giou((x - left, y - top, x + right, y + bottom), box)
            s = sigmoid(cls_logits[r][c]) * sigmoid(objectness[r][0])
            dx, dy = x - (box[0] + box[2]) / 2, y - (box[1] + box[3]) / 2
            prior = math.exp(-(dx * dx + dy * dy) / (2 * (1.11 * stride) ** 2))
            candidates.append((r, s, iou, 1 - giou, prior))
        if not candidates:
            continue
        consistency = [s * math.exp(-5 * loss) for _, s, _, loss, _ in candidates]
        total = sum(
            math.exp(3 * t) * t * c[4] for t, c in zip(consistency, candidates, strict=True)
        )
        f = [(1 - iou**2) / 0.75 for _, _, iou, _, _ in candidates]
        low, high = min(f), min(max(f), 1.0)
        for t, p, (r, s, iou, loss, prior) in zip(consistency, f, candidates, strict=True):
            w_pos = math.exp(5 * t) * t * prior / max(total, 1e-12)
            loss_pos += w_pos * -math.log(s)
            loss_loc += w_pos * 5 * loss
            if iou >= 0.5:
                p = (p - low + 1e-12) / (high - low + 1e-12)
                p_neg[r, c] = min(p_neg[r, c], p)
    loss_neg = 0.0
    for r, logits in enumerate(cls_logits):
        for c, logit in enumerate(logits):
            s = sigmoid(logit) * sigmoid(objectness[r][0])
            loss_neg += p_neg[r, c] * s * s * -math.log(1 - s)
    return loss_pos, loss_loc, loss_neg, sum(1 - p for p in p_neg.values())


def dw_losses(
    cls_logits, box_distances, objectness_logits, gt_boxes, gt_classes, *, image_size, strides
):
    """The three losses as floats, from the arguments of `dual_weighting.functional.dw_losses`."""
    points = points_of(image_size, strides)
    arrays = (cls_logits, box_distances, objectness_logits, gt_boxes, gt_classes)
    pos, loc, neg, not_negative = summed(dw_losses_of_image, arrays, points)
    num_gt = max(sum(len(classes) for classes in gt_classes), 1)
    return {
        "loss_cls_pos": 0.25 * pos / num_gt,
        "loss_loc": 0.25 * loc / num_gt,
        "loss_cls_neg": neg / max(not_negative, 1),
    }
