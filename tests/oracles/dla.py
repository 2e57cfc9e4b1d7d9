"""DLA one ground truth at a time, in float64 and plain Python: slow, and close to the equations."""

import math
import statistics

from .geometry import iou_and_giou, points_of, sigmoid, summed


def bag_of(box, points, k=10):
    """The k points of each level nearest to the centre of one ground truth."""
    center_x, center_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    bag = []
    for stride in sorted({stride for _, _, stride in points}):
        level = [r for r, point in enumerate(points) if point[2] == stride]
        level.sort(key=lambda r: (points[r][0] - center_x) ** 2 + (points[r][1] - center_y) ** 2)
        bag += level[:k]
    return bag


def metric_of(point, s, predicted, box, alpha):
    x, y, stride = point
    prior = (x - 4 * stride, y - 4 * stride, x + 4 * stride, y + 4 * stride)
    iou_prior, _ = iou_and_giou(prior, box)
    iou_pred, _ = iou_and_giou(predicted, box)
    return (1 - alpha) * s + alpha * ((1 - s) * iou_prior + s * iou_pred)


def positives_of(box, c, scores, boxes, points, alpha, k=10):
    """(r, metric) of the points that one ground truth wants."""
    bag = bag_of(box, points, k)
    metrics = [metric_of(points[r], scores[r][c], boxes[r], box, alpha) for r in bag]
    threshold = statistics.mean(metrics) + statistics.stdev(metrics)
    return [
        (r, metric)
        for r, metric in zip(bag, metrics, strict=True)
        if metric > threshold and box[0] < points[r][0] < box[2] and box[1] < points[r][1] < box[3]
    ]


def owners_of(gt_boxes, gt_classes, *scene, **settings):
    """Of each assigned point its ground truth and metric, {r: (m, metric)}."""
    owners = {}
    for m, (box, c) in enumerate(zip(gt_boxes, gt_classes, strict=True)):
        for r, metric in positives_of(box, c, *scene, **settings):
            if r not in owners or metric > owners[r][1]:
                owners[r] = (m, metric)
    return owners


def decoded(logits, distances, points):
    """Class scores and predicted boxes of one image."""
    return [[sigmoid(logit) for logit in row] for row in logits], [
        (x - left, y - top, x + right, y + bottom)
        for (x, y, _), (left, top, right, bottom) in zip(points, distances, strict=True)
    ]


def dla_losses_of_image(cls_logits, distances, metric_logits, gt_boxes, gt_classes, points, alpha):
    """Sums over one image: classes, boxes, metric; assigned points and their box weights."""
    scores, boxes = decoded(cls_logits, distances, points)
    owners = owners_of(gt_boxes, gt_classes, scores, boxes, points, alpha)
    loss_cls = loss_bbox = loss_metric = 0.0
    for r, point_scores in enumerate(scores):
        m, a = owners.get(r, (None, 0.0))
        for c, p in enumerate(point_scores):
            if m is not None and gt_classes[m] == c:
                loss_cls += 0.25 * (1 - p) ** 2 * -math.log(p)
            else:
                loss_cls += 0.75 * p**2 * -math.log(1 - p)
        if m is not None:
            _, giou = iou_and_giou(boxes[r], gt_boxes[m])
            loss_bbox += a * (1 - giou)
        estimate = sigmoid(metric_logits[r][0])
        cross_entropy = -a * math.log(estimate) - (1 - a) * math.log(1 - estimate)
        loss_metric += (estimate - a) ** 2 * cross_entropy
    return loss_cls, loss_bbox, loss_metric, len(owners), sum(a for _, a in owners.values())


def dla_losses(
    cls_logits,
    box_distances,
    objectness_logits,
    gt_boxes,
    gt_classes,
    *,
    image_size,
    strides,
    progress,
    epochs,
):
    """The losses as floats, from the arguments of `dual_weighting.functional.dla_losses`."""
    points = points_of(image_size, strides)
    alpha = (1 - 0.9) * math.exp(-progress * epochs / math.sqrt(epochs)) + 0.9
    arrays = (cls_logits, box_distances, objectness_logits, gt_boxes, gt_classes)
    cls, bbox, metric, assigned, weight = summed(dla_losses_of_image, arrays, points, alpha)
    return {
        "loss_cls": cls / max(assigned, 1),
        "loss_bbox": 2 * bbox / max(weight, 1e-6),
        "loss_metric": metric / max(assigned, 1),
    }
