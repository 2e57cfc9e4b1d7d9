"""From an assignment and predictions to named losses. Imports torch only.

Shape letters: see `dual_weighting.assignment`.
"""

from .background import background_loss
from .dla import DynamicLabelAssignmentLoss
from .dw import DualWeightingLoss
from .fcos import CenternessLoss
from .o2f import OneToFewLoss
from .weighted import WeightedCandidatesLoss

__all__ = [
    "CenternessLoss",
    "DualWeightingLoss",
    "DynamicLabelAssignmentLoss",
    "OneToFewLoss",
    "WeightedCandidatesLoss",
    "background_loss",
]
