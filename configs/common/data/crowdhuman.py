from detectron2.config import LazyCall as L

from dual_weighting.evaluation.crowdhuman_files import CrowdHumanEvaluator

from .coco import dataloader

dataloader.train.dataset.names = "crowdhuman_train"
# In training, regions to ignore are background, as in the release.
dataloader.train.mapper.ignore_regions = False
dataloader.test.dataset.names = "crowdhuman_val"
for part in (dataloader.train, dataloader.test):
    part.mapper.augmentations[0].max_size = 1400
    part.mapper.augmentations[0].antialias = False
dataloader.evaluator = L(CrowdHumanEvaluator)(dataset_name="${..test.dataset.names}")
