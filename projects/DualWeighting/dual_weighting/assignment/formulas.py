"""The weighting functions, one named function per formula.

Letters: s joint score in (0, 1), in DLA the class score; l = 1 - GIoU; t consistency degree. DW is
"A Dual Weighting Label Assignment Scheme for Object Detection" (CVPR 2022), O2F "One-to-Few Label
Assignment for End-to-End Dense Detection" (CVPR 2023), DLA "Dynamic Label Assignment for Accurate
One-stage Object Detection" (ICSCA 2022), FCOS "Fully Convolutional One-Stage Object Detection"
(ICCV 2019).
Where a release differs from its paper, the release is computed, because it made the published AP.
"""

import math

import torch
from torch import Tensor

from .batch import Batch
from .segments import segment_sum, take_rows


def center_prior(offset: Tensor, stride: Tensor, sigma: float) -> Tensor:
    """Gaussian of the distance to the ground truth's center, exp(-|o|^2 / (2 (sigma stride)^2)).

    Args:
        offset: (Q, 2), point minus center, pixels.
        stride: (Q,), pixels.
    """
    return torch.exp(offset.square().sum(dim=1) / (-2 * sigma**2 * stride.square()))


def consistency(s: Tensor, giou_loss: Tensor, beta: float) -> Tensor:
    """t = s * exp(-beta l): DW eq. 3 with exp(-l) in the place of the IoU, as released."""
    return s * torch.exp(-beta * giou_loss)


def consistency_iou(s: Tensor, iou: Tensor, beta: float) -> Tensor:
    """t = s * IoU^beta: DW eq. 3 as printed."""
    return s * iou**beta


def positive_weight(t: Tensor, mu: float) -> Tensor:
    """w_pos = e^(mu t) t: DW eq. 4, before normalization over a ground truth's candidates."""
    return torch.exp(mu * t) * t


def negative_probability(iou: Tensor, gamma1: float, min_iou: float) -> Tensor:
    """P_neg = -k IoU^gamma1 + b: DW eq. 6, k and b so that it is 1 at `min_iou` and 0 at IoU 1."""
    return (1 - iou**gamma1) / (1 - min_iou**gamma1)


def negative_importance(s: Tensor, gamma2: float) -> Tensor:
    """I_neg = s^gamma2: DW eq. 7."""
    return s**gamma2


def task_quality(s: Tensor, iou: Tensor, alpha: float) -> Tensor:
    """q = s^(1 - alpha) * IoU^alpha: how well a point does both tasks (O2F)."""
    return s ** (1 - alpha) * iou**alpha


def soft_degree(progress: float, first: float, last: float) -> float:
    """T: from `first` at the start of the training to `last` at its end, on a line (O2F)."""
    return first + (last - first) * progress


def soft_target(s: Tensor, largest: Tensor, degree: float) -> Tensor:
    """t = T s / max s: what a soft point is trained toward, 0 where all scores are 0 (O2F).

    Args:
        s: (Q,).
        largest: (Q,), the largest score of the soft points of the pair's ground truth.
        degree: T.
    """
    return degree * s / largest.clamp(min=torch.finfo(s.dtype).tiny)


def centerness(centers: Tensor, boxes: Tensor) -> Tensor:
    """sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)): FCOS eq. 3.

    Args:
        centers: (Q, 2), points inside their boxes.
        boxes: (Q, 4).
    """
    left, top = (centers - boxes[:, :2]).unbind(dim=1)
    right, bottom = (boxes[:, 2:] - centers).unbind(dim=1)
    horizontal = torch.minimum(left, right) / torch.maximum(left, right)
    vertical = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return torch.sqrt(horizontal * vertical)


def geometric_share(epoch: float, epochs: float, first: float, last: float) -> float:
    """alpha = (first - last) e^(-epoch / sqrt(epochs)) + last: DLA eq. 2."""
    return (first - last) * math.e ** (-epoch / math.sqrt(epochs)) + last


def geometric_score(s: Tensor, iou_prior: Tensor, iou_pred: Tensor) -> Tensor:
    """g = (1 - s) IoU_prior + s IoU_pred: the prediction counts once the score is high, DLA eq. 3.

    Args:
        iou_prior: (Q,), IoU of the point's square prior with the ground truth.
        iou_pred: (Q,), IoU of the predicted box with it.
    """
    return (1 - s) * iou_prior + s * iou_pred


def assignment_metric(s: Tensor, g: Tensor, alpha: float) -> Tensor:
    """a = (1 - alpha) s + alpha g: DLA eq. 1, where it is called m."""
    return (1 - alpha) * s + alpha * g


def box_reweighting(a: Tensor, gamma: float) -> Tensor:
    """w = a^gamma: DLA eq. 5."""
    return a**gamma


def center_prior_of_pairs(batch: Batch, point: Tensor, gt: Tensor, sigma: float) -> Tensor:
    """The Gaussian center prior of each pair, (Q,)."""
    centers, strides = batch.places_at(point)
    offset = centers - take_rows(batch.targets.box_centers(), gt)
    return center_prior(offset, strides, sigma)


def normalized_positive_weights(
    score: Tensor,
    giou_loss: Tensor,
    prior: Tensor,
    gt: Tensor,
    num_gt: int,
    *,
    beta: float,
    mu: float,
    mu_norm: float,
    eps: float,
) -> Tensor:
    """w_pos of each pair, (Q,): eq. 4 times the prior, over the sum for its ground truth.

    Args:
        score, giou_loss, prior: (Q,).
        gt: (Q,), in [0, num_gt).
        beta, mu, mu_norm, eps: see `DualWeighting`.
    """
    t = consistency(score, giou_loss, beta)
    total = segment_sum(positive_weight(t, mu_norm) * prior, gt, num_gt)
    return positive_weight(t, mu) * prior / take_rows(total.clamp(min=eps), gt)
