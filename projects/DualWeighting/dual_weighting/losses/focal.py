"""The focal loss of the class scores (RetinaNet, ICCV 2017), without a table of targets."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..assignment.batch import Assignment, Batch
from .background import background_and_logits, loss_of_negatives


def focal_loss(assignment: Assignment, batch: Batch, alpha: float, gamma: float) -> Tensor:
    """Sum of the focal loss over all points and classes, p = sigmoid(cls) alone.

    alpha (1 - p)^gamma * -ln p for the class of an assigned point, by its positive weight, and
    (1 - alpha) p^gamma * -ln(1 - p) elsewhere, by the negative weight of the pairs.

    Returns:
        A scalar, attached to the graph even if nothing is assigned.
    """
    background, logits = background_and_logits(assignment, batch, gamma, joint=False)
    reduction = (1 - assignment.negative) * focal_loss_of_negatives(logits, gamma)
    negatives = loss_of_negatives(assignment, batch, background, reduction)
    # A positive is the negative of the opposite logit.
    positives = (assignment.positive * focal_loss_of_negatives(-logits, gamma)).sum()
    return alpha * positives + (1 - alpha) * negatives


def focal_loss_of_negatives(logits: Tensor, gamma: float) -> Tensor:
    """p^gamma * -ln(1 - p), p = sigmoid(logit), (Q,)."""
    return torch.sigmoid(logits) ** gamma * F.softplus(logits)
