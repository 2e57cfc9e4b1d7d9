from ..common.digits_recipe import dataloader, lr_multiplier, optimizer, train
from ..common.models.digits import shrink
from ..common.models.dw import model

model = shrink(model)
