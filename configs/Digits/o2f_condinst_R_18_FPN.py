from ..common.digits_recipe import dataloader, lr_multiplier, optimizer, train
from ..common.models.digits import shrink
from ..common.models.o2f_condinst import model

model = shrink(model)
model.head.conv_dims = [64, 64, 64, 64]  # see o2f_R_18_FPN
model.mask_branch.channels = 64
model.semantic_head.channels = 64
dataloader.train.mapper.use_instance_mask = True
dataloader.train.mapper.instance_mask_format = "bitmask"
