from ..common.coco_ms_3x import dataloader, lr_multiplier, train
from ..common.swin_recipe import init_checkpoint
from .o2f_Swin_T_FPN_1x import model, optimizer

train.init_checkpoint = init_checkpoint
