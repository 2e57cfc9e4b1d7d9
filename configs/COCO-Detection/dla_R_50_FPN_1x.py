from ..common.atss_recipe import follow_atss
from ..common.coco_1x import dataloader, lr_multiplier, optimizer, train
from ..common.models.dla import model

follow_atss(lr_multiplier, optimizer)
