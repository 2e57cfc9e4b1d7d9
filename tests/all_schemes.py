"""Every scheme, by name, with its losses."""

from dual_weighting.assignment import (
    AdaptiveSelection,
    CenterSampling,
    DualWeighting,
    DynamicLabelAssignment,
    OneToFew,
    WeightedCandidates,
)
from dual_weighting.assignment.weighting_functions import TABLE_1
from dual_weighting.losses import (
    CenternessLoss,
    DualWeightingLoss,
    DynamicLabelAssignmentLoss,
    OneToFewLoss,
    WeightedCandidatesLoss,
)

SCHEMES = {
    "dw": (DualWeighting(), DualWeightingLoss()),
    "dw coupled": (DualWeighting(coupled=True), DualWeightingLoss()),
    "o2f": (OneToFew(), OneToFewLoss()),
    "dla": (DynamicLabelAssignment(), DynamicLabelAssignmentLoss()),
    "fcos": (CenterSampling(), CenternessLoss()),
    "atss": (AdaptiveSelection(), CenternessLoss(box_loss_weight=2.0)),
    **{name: (WeightedCandidates(name), WeightedCandidatesLoss()) for name in TABLE_1},
}
