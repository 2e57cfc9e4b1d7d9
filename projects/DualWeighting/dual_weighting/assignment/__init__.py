"""Which points learn which ground truth, and how much. Imports torch only.

Shape letters used in this room:

    N: images of the batch
    L: pyramid levels
    R: points of one image, all levels, in level order and row-major within a level
    M: ground truths of the batch, all images concatenated
    K: classes
    Q: (point, ground truth) pairs

A pair's point is `image * R + r`, a position among the N * R points of the batch.
"""

from .atss import AdaptiveSelection
from .batch import Assignment, Batch, GroundTruths, Predictions, Scheme
from .dla import DynamicLabelAssignment
from .dw import DualWeighting
from .fcos import CenterSampling
from .o2f import OneToFew
from .points import PointGrid
from .weighted import WeightedCandidates

__all__ = [
    "AdaptiveSelection",
    "Assignment",
    "Batch",
    "CenterSampling",
    "DualWeighting",
    "DynamicLabelAssignment",
    "GroundTruths",
    "OneToFew",
    "PointGrid",
    "Predictions",
    "Scheme",
    "WeightedCandidates",
]
