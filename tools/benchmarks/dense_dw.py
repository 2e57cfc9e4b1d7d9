"""DW's losses the straightforward way: tables of points by ground truths, autograd for the rest.

Written for comparison only. It computes what `dual_weighting.functional.dw_losses` computes, image
by image, the way one writes it down first.
"""

import torch
import torch.nn.functional as F
from torchvision.ops import box_iou, generalized_box_iou

from dual_weighting.assignment import PointGrid


def dense_dw_losses(
    cls_logits, box_distances, objectness_logits, gt_boxes, gt_classes, *, image_size, strides
):
    """Same arguments and result as `dw_losses`."""
    grid = PointGrid.from_image(image_size, strides, cls_logits.device)
    x, y = grid.centers.unbind(1)
    left, top, right, bottom = box_distances.unbind(2)
    pred_boxes = torch.stack((x - left, y - top, x + right, y + bottom), dim=2)
    scores = cls_logits.sigmoid() * objectness_logits.sigmoid()
    loss_pos = loss_loc = 0.0
    p_neg = torch.ones_like(scores)
    for n, (boxes, classes) in enumerate(zip(gt_boxes, gt_classes, strict=True)):
        if len(classes) == 0:
            continue
        p_cls = scores[n][:, classes]  # (R, M)
        p_loc = torch.exp(-5 * (1 - generalized_box_iou(pred_boxes[n], boxes)))
        sides = torch.stack(
            (
                x[:, None] - boxes[:, 0],
                y[:, None] - boxes[:, 1],
                boxes[:, 2] - x[:, None],
                boxes[:, 3] - y[:, None],
            )
        )
        inside = sides.amin(dim=0) > 0
        with torch.no_grad():
            offset = grid.centers[:, None] - (boxes[:, :2] + boxes[:, 2:]) / 2
            width = 1.11 * grid.strides[:, None]
            prior = torch.exp(-offset.square().sum(dim=2) / (2 * width.square())) * inside
            t = p_cls * p_loc
            total = ((3 * t).exp() * t * prior).sum(dim=0).clamp(min=1e-12)
            w_pos = (5 * t).exp() * t * prior / total
            iou = box_iou(pred_boxes[n], boxes)
            f = (1 - iou.square()) / (1 - 0.25)
            low = f.masked_fill(~inside, float("inf")).amin(dim=0)
            high = f.masked_fill(~inside, -float("inf")).amax(dim=0).clamp(max=1)
            p = torch.where(iou < 0.5, 1.0, (f - low + 1e-12) / (high - low + 1e-12))
            p = torch.where(inside, p, 1.0)
            index = classes.expand(len(p), -1)
            p_neg[n] = p_neg[n].scatter_reduce(1, index, p, "amin")
        loss_pos = loss_pos + (w_pos * -p_cls.log()).sum()
        loss_loc = loss_loc + (w_pos * -p_loc.log()).sum()
    num_gt = max(sum(len(c) for c in gt_classes), 1)
    background = F.binary_cross_entropy(scores, torch.zeros_like(scores), reduction="none")
    return {
        "loss_cls_pos": 0.25 * loss_pos / num_gt,
        "loss_loc": 0.25 * loss_loc / num_gt,
        "loss_cls_neg": (p_neg * scores.square() * background).sum()
        / (1 - p_neg).sum().clamp(min=1),
    }
