"""From an assignment and predictions to named losses. Imports torch only.

Shape letters: see `dual_weighting.assignment`.
"""

from .background import background_loss
from .dual_weighting import DualWeightingLoss

__all__ = ["DualWeightingLoss", "background_loss"]
