from ..common.atss_recipe import follow_atss
from ..common.coco_ms_2x import dataloader, lr_multiplier, optimizer, train
from ..common.models.dla import model

follow_atss(lr_multiplier, optimizer)
model.backbone.bottom_up.stages.depth = 101
train.init_checkpoint = "torchvision://resnet101"
