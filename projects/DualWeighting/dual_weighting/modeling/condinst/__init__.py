"""Instance masks: CondInst (ECCV 2020) as O2F trains it.

Shape letters: those of `dual_weighting.assignment`, and

    I: instances whose mask is predicted, those of a batch while training
    B: base channels, which the masks of an image have in common
    H, W: rows and columns of the finest level, of stride 8
"""

from .aligned_bilinear import aligned_bilinear
from .detector import CondInstDetector
from .dynamic_head import DynamicMaskHead
from .head import CondInstHead
from .mask_branch import MaskBranch, SemanticHead

__all__ = [
    "CondInstDetector",
    "CondInstHead",
    "DynamicMaskHead",
    "MaskBranch",
    "SemanticHead",
    "aligned_bilinear",
]
