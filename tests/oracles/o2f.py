"""O2F one ground truth at a time, in float64 and plain Python: slow, and close to the equations."""

import math

from .geometry import iou_and_giou, points_of, sigmoid, summed


def candidates_of(box, c, scores, boxes, points):
    """(quality, r) of the points near the centre of one ground truth, in the order of r."""
    center_x, center_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    found = []
    for r, (x, y, stride) in enumerate(points):
        inside = box[0] < x < box[2] and box[1] < y < box[3]
        if inside and max(abs(x - center_x), abs(y - center_y)) < 1.5 * stride:
            iou, _ = iou_and_giou(boxes[r], box)
            if iou > 0:
                found.append((scores[r][c] ** 0.2 * iou**0.8, r))
    return found


def owners_of(scores, boxes, gt_boxes, gt_classes, points):
    """Of each assigned point its ground truth and quality, {r: (m, quality)}."""
    owners = {}
    for m, (box, c) in enumerate(zip(gt_boxes, gt_classes, strict=True)):
        found = candidates_of(box, c, scores, boxes, points)
        for quality, r in sorted(found, key=lambda pair: -pair[0])[:7]:
            if r not in owners or quality > owners[r][1]:
                owners[r] = (m, quality)
    return owners


def targets_of(owners, scores, gt_classes, progress):
    """Of each assigned point its target and weight, {r: (target, weight)}."""
    result = {}
    for m, c in enumerate(gt_classes):
        mine = sorted(r for r, (owner, _) in owners.items() if owner == m)
        if not mine:
            continue
        best = max(mine, key=lambda r: owners[r][1])
        result[best] = (1.0, 1.0)
        soft = [r for r in mine if r != best]
        for r in soft:
            largest = max(scores[other][c] for other in soft)
            result[r] = ((0.6 - 0.4 * progress) * scores[r][c] / largest, 0.4)
    return result


def centerness_of(point, box):
    x, y, _ = point
    left, right, top, bottom = x - box[0], box[2] - x, y - box[1], box[3] - y
    return math.sqrt(min(left, right) / max(left, right) * min(top, bottom) / max(top, bottom))


def cross_entropy(s, target):
    return -target * math.log(s) - (1 - target) * math.log(1 - s)


def o2f_losses_of_image(cls_logits, distances, objectness, gt_boxes, gt_classes, points, progress):
    """Sums over one image: classification, boxes, assigned points, and their centerness."""
    scores = [
        [sigmoid(logit) * sigmoid(o[0]) for logit in logits]
        for logits, o in zip(cls_logits, objectness, strict=True)
    ]
    boxes = [
        (x - left, y - top, x + right, y + bottom)
        for (x, y, _), (left, top, right, bottom) in zip(points, distances, strict=True)
    ]
    owners = owners_of(scores, boxes, gt_boxes, gt_classes, points)
    targets = targets_of(owners, scores, gt_classes, progress)
    loss_cls = loss_bbox = total_centerness = 0.0
    for r, point_scores in enumerate(scores):
        for c, s in enumerate(point_scores):
            if r in owners and gt_classes[owners[r][0]] == c:
                target, weight = targets[r]
                loss_cls += weight * cross_entropy(s, target)
            else:
                loss_cls += 0.75 * s**2 * cross_entropy(s, 0)
    for r, (m, _) in owners.items():
        centerness = centerness_of(points[r], gt_boxes[m])
        _, giou = iou_and_giou(boxes[r], gt_boxes[m])
        loss_bbox += centerness * (1 - giou)
        total_centerness += centerness
    return loss_cls, loss_bbox, len(owners), total_centerness


def o2f_losses(
    cls_logits,
    box_distances,
    objectness_logits,
    gt_boxes,
    gt_classes,
    *,
    image_size,
    strides,
    progress,
):
    """Both losses as floats, from the arguments of `dual_weighting.functional.o2f_losses`."""
    points = points_of(image_size, strides)
    arrays = (cls_logits, box_distances, objectness_logits, gt_boxes, gt_classes)
    cls, bbox, assigned, centerness = summed(o2f_losses_of_image, arrays, points, progress)
    return {"loss_cls": cls / max(assigned, 1), "loss_bbox": 2 * bbox / max(centerness, 1e-6)}
