"""Table 1 of the DW paper: how schemes weigh a candidate, w_pos on -ln s and w_neg on -ln(1 - s).

Letters: s score of the candidate; t its target, a function of the IoU or of IoU and s. Every
function returns (w_pos, w_neg), (Q,) each.
"""

import torch
from torch import Tensor

from .formulas import negative_importance, negative_probability, positive_weight
from .segments import segment_max, take_rows


def gfl_weights(s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """(s - t)^2 t and (s - t)^2 (1 - t): Generalized Focal Loss (NeurIPS 2020) with t the IoU,
    TOOD (ICCV 2021) with t the `aligned_target`."""
    focus = (s - t).square()
    return focus * t, focus * (1 - t)


def vfl_weights(s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """t^2 and t (1 - t): VarifocalNet (CVPR 2021), t the IoU."""
    return t.square(), t * (1 - t)


def musu_weights(s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """(s - t)^2 t and s^2 (1 - t)^4: Mutual Supervision (ICCV 2021). Table 1 says no more of its t
    than that both tasks are in it; here it is the `aligned_target`."""
    return (s - t).square() * t, s.square() * (1 - t) ** 4


def dw_weights(
    s: Tensor,
    iou: Tensor,
    *,
    beta: float = 5.0,
    mu: float = 5.0,
    gamma1: float = 2.0,
    gamma2: float = 2.0,
    min_iou: float = 0.5,
    max_iou: float = 0.95,
) -> tuple[Tensor, Tensor]:
    """e^(mu t) t, at most 1, with t = s IoU^beta, and P_neg I_neg: DW as printed, candidate by
    candidate, without what depends on the other candidates of the ground truth.

    Args:
        beta, mu, gamma1, min_iou: see `DualWeighting`.
        gamma2: see `DualWeightingLoss`.
        max_iou: from here on P_neg = 0 (eq. 5).
    """
    w_pos = positive_weight(s * iou**beta, mu).clamp(max=1)
    p_neg = torch.where(iou < min_iou, 1.0, negative_probability(iou, gamma1, min_iou))
    p_neg = p_neg.where(iou < max_iou, 0.0)
    return w_pos, p_neg * negative_importance(s, gamma2)


def coupled_dw_weights(
    s: Tensor, iou: Tensor, *, beta: float = 5.0, mu: float = 5.0, gamma2: float = 2.0
) -> tuple[Tensor, Tensor]:
    """w_pos and (1 - w_pos) I_neg, w_pos as in `dw_weights`: DW without a negative weight of its
    own, see `DualWeighting.coupled`."""
    w_pos, _ = dw_weights(s, iou, beta=beta, mu=mu)
    return w_pos, (1 - w_pos) * negative_importance(s, gamma2)


def iou_target(s: Tensor, iou: Tensor, gt: Tensor, num_gt: int) -> Tensor:
    """t = IoU, (Q,)."""
    return iou


def aligned_target(
    s: Tensor, iou: Tensor, gt: Tensor, num_gt: int, alpha: float = 1.0, beta: float = 6.0
) -> Tensor:
    """t = s^alpha IoU^beta, scaled so that a ground truth's largest is its largest IoU (TOOD).

    Args:
        s, iou: (Q,).
        gt: (Q,), in [0, num_gt).
        alpha, beta: how much classification and localization count.
    """
    t = s**alpha * iou**beta
    largest = segment_max(t, gt, num_gt).clamp(min=torch.finfo(t.dtype).tiny)
    return t * take_rows(segment_max(iou, gt, num_gt) / largest, gt)


# Name in Table 1: its weights and its target.
TABLE_1 = {
    "gfl": (gfl_weights, iou_target),
    "vfl": (vfl_weights, iou_target),
    "tood": (gfl_weights, aligned_target),
    "musu": (musu_weights, aligned_target),
}
