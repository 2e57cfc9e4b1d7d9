import torch
from detectron2.config import LazyCall as L

from dual_weighting.losses.masks import MaskLoss
from dual_weighting.modeling.condinst import (
    CondInstDetector,
    CondInstHead,
    DynamicMaskHead,
    MaskBranch,
    SemanticHead,
)

from .o2f import model

model._target_ = CondInstDetector
model.head._target_ = CondInstHead
model.head.mask_head = "${..mask_head}"
model.mask_head = L(DynamicMaskHead)(
    base_channels="${..mask_branch.out_channels}", hidden_channels=8, reach=8.0
)
model.mask_branch = L(MaskBranch)(
    in_channels="${..backbone.out_channels}",
    num_levels=3,
    channels=128,
    num_convs=4,
    out_channels=8,
    norm="BN",
)
model.semantic_head = L(SemanticHead)(
    in_channels="${..backbone.out_channels}",
    num_classes="${..num_classes}",
    channels=128,
    num_convs=2,
    norm="BN",
    prior_prob=0.01,
)
model.mask_losses = L(MaskLoss)(mask_loss_weight=2.0, focal_alpha=0.25, focal_gamma=2.0)
model.losses.box_loss_weight = 1.0
model.test_mask_thresh = 0.5
# Masks in memory at a time, a gigabyte or an eighth of it; more need fewer launches on a GPU.
model.sub_batch_size = 256 if torch.cuda.is_available() else 32
