"""The weighting functions, one named function per formula.

Letters: s joint score in (0, 1); l = 1 - GIoU; t consistency degree. Equation numbers are those of
"A Dual Weighting Label Assignment Scheme for Object Detection" (CVPR 2022), DW below. Where the
authors' release differs from the paper, the release is computed, because it made the published AP.
"""

import torch
from torch import Tensor


def center_prior(offset: Tensor, stride: Tensor, sigma: float) -> Tensor:
    """Gaussian of the distance to the ground truth's centre, exp(-|o|^2 / (2 (sigma stride)^2)).

    Args:
        offset: (Q, 2), point minus centre, pixels.
        stride: (Q,), pixels.
    """
    return torch.exp(-offset.square().sum(dim=1) / (2 * (sigma * stride).square()))


def consistency(s: Tensor, giou_loss: Tensor, beta: float) -> Tensor:
    """t = s * exp(-beta l): DW eq. 3 with exp(-l) in the place of the IoU, as released."""
    return s * torch.exp(-beta * giou_loss)


def consistency_iou(s: Tensor, iou: Tensor, beta: float) -> Tensor:
    """t = s * IoU^beta: DW eq. 3 as printed."""
    return s * iou**beta


def positive_weight(t: Tensor, mu: float) -> Tensor:
    """w_pos = e^(mu t) t: DW eq. 4, before normalisation over a ground truth's candidates."""
    return torch.exp(mu * t) * t


def negative_probability(iou: Tensor, gamma1: float, min_iou: float) -> Tensor:
    """P_neg = -k IoU^gamma1 + b: DW eq. 6, k and b so that it is 1 at `min_iou` and 0 at IoU 1."""
    return (1 - iou**gamma1) / (1 - min_iou**gamma1)


def negative_importance(s: Tensor, gamma2: float) -> Tensor:
    """I_neg = s^gamma2: DW eq. 7."""
    return s**gamma2
