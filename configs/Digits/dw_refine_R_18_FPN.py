from detectron2.config import LazyCall as L

from dual_weighting.modeling import BoxRefinement

from .dw_R_18_FPN import dataloader, lr_multiplier, model, optimizer, train

model.head.box_refinement = L(BoxRefinement)(in_channels=64)
