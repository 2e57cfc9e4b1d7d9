from ..common.digits_recipe import dataloader, lr_multiplier, optimizer, train
from ..common.models.digits import shrink
from ..common.models.dla import model

model = shrink(model)
model.scheme.prior_scale = 4  # Digits' objects are half as large as COCO's, on the same strides
