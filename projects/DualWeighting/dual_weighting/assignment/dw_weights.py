"""The parts of DW's scheme that schemes with other weights on its candidates have too."""

from torch import Tensor

from .records import Batch
from .segments import rows, segment_sum
from .weighting import center_prior, consistency, positive_weight


def center_prior_of_pairs(batch: Batch, point: Tensor, gt: Tensor, sigma: float) -> Tensor:
    """The Gaussian centre prior of each pair, (Q,)."""
    offset = batch.centers_at(point) - rows(batch.targets.box_centers(), gt)
    return center_prior(offset, batch.strides_at(point), sigma)


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
    return positive_weight(t, mu) * prior / rows(total.clamp(min=eps), gt)
