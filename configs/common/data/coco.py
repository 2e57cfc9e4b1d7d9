import detectron2.data.transforms as T
from detectron2.config import LazyCall as L

from dual_weighting.config.load import detectron2_config
from dual_weighting.data.coco import get_detection_dataset_dicts
from dual_weighting.data.mapper import DetectionMapper
from dual_weighting.data.transforms import ResizeShortestEdge
from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator
from dual_weighting.utils.device import loader_processes

dataloader = detectron2_config("common/data/coco.py").dataloader

dataloader.train.num_workers = loader_processes()

# train2017 has a few boxes of zero size.
dataloader.train.dataset._target_ = get_detection_dataset_dicts
dataloader.train.dataset.empty_boxes = "skip"
dataloader.train.mapper._target_ = DetectionMapper
dataloader.train.mapper.image_format = "RGB"
dataloader.train.mapper.use_instance_mask = False
dataloader.train.mapper.min_box_side = 1.0
dataloader.train.mapper.augmentations = [
    L(ResizeShortestEdge)(short_edge_length=800, max_size=1333),
    L(T.RandomFlip)(horizontal=True),
]
dataloader.test.dataset._target_ = get_detection_dataset_dicts
dataloader.test.mapper._target_ = DetectionMapper
dataloader.test.mapper.augmentations[0]._target_ = ResizeShortestEdge
dataloader.evaluator._target_ = DetectionEvaluator
dataloader.evaluator.engine = "hotcoco"  # "pycocotools": the same numbers, slowly
