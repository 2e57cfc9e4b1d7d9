"""A data set of a dozen images and a detector so small that it trains in seconds."""

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = 64
CONFIG = """
from detectron2.config import LazyCall as L
from detectron2.data import DatasetCatalog, DatasetMapper, get_detection_dataset_dicts
from detectron2.data import build_detection_test_loader, build_detection_train_loader
from detectron2.data.datasets import register_coco_instances
from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator
from detectron2.layers import ShapeSpec
from detectron2.modeling import FPN, ResNet
from detectron2.modeling.backbone.resnet import BasicBlock, BasicStem
from dual_weighting.assignment import DualWeighting
from dual_weighting.config.load import detectron2_config
from dual_weighting.solver.lr_schedule import warmup_multistep_lr
from dual_weighting.losses import DualWeightingLoss
from dual_weighting.modeling import DenseHead, DualWeightingDetector

if "{name}" not in DatasetCatalog:
    register_coco_instances("{name}", {{}}, "{root}/annotations.json", "{root}")

model = L(DualWeightingDetector)(
    backbone=L(FPN)(
        bottom_up=L(ResNet)(
            stem=L(BasicStem)(in_channels=3, out_channels=16, norm="FrozenBN"),
            stages=[
                L(ResNet.make_stage)(
                    block_class=BasicBlock,
                    num_blocks=1,
                    stride_per_block=[stride],
                    in_channels=before,
                    out_channels=after,
                    norm="FrozenBN",
                )
                for stride, before, after in ((1, 16, 16), (2, 16, 24), (2, 24, 32), (2, 32, 48))
            ],
            out_features=["res3", "res4", "res5"],
        ),
        in_features=["res3", "res4", "res5"],
        out_channels=32,
    ),
    head=L(DenseHead)(
        input_shape=[L(ShapeSpec)(channels=32, stride=s) for s in (8, 16, 32)],
        num_classes=2,
        conv_dims=[32],
        norm="GN",
    ),
    scheme=L(DualWeighting)(),
    losses=L(DualWeightingLoss)(),
    head_in_features=["p3", "p4", "p5"],
    pixel_mean=[128.0, 128.0, 128.0],
    pixel_std=[64.0, 64.0, 64.0],
    num_classes=2,
    test_score_thresh=0.01,
)
optimizer = detectron2_config("common/optim.py").SGD
optimizer.lr = 0.01
lr_multiplier = L(warmup_multistep_lr)(max_iter="${{train.max_iter}}", warmup_iters=5)
mapper = dict(augmentations=[], image_format="RGB", use_instance_mask=False)
dataloader = dict(
    train=L(build_detection_train_loader)(
        dataset=L(get_detection_dataset_dicts)(names="{name}"),
        mapper=L(DatasetMapper)(is_train=True, **mapper),
        total_batch_size=4,
        aspect_ratio_grouping=False,
        num_workers=0,
    ),
    test=L(build_detection_test_loader)(
        dataset=L(get_detection_dataset_dicts)(names="{name}", filter_empty=False),
        mapper=L(DatasetMapper)(is_train=False, **mapper),
        num_workers=0,
    ),
    evaluator=L(DetectionEvaluator)(dataset_name="{name}"),
)
train = dict(
    output_dir="{root}/output",
    init_checkpoint="",
    max_iter=40,
    amp=dict(enabled=False),
    ddp=dict(broadcast_buffers=False, find_unused_parameters=False, fp16_compression=False),
    checkpointer=dict(period=10, max_to_keep=3),
    eval_period=0,
    log_period=5,
    device="auto",
    seed=1,
    best_checkpoint=dict(enabled=False),
    assignment_snapshots=0,
)
"""


def write_tiny_project(root: Path, *, name: str = "tiny_squares", images: int = 12) -> Path:
    """Write images with one bright square each, their annotations and a config; its path."""
    rng = np.random.default_rng(0)
    records, annotations = [], []
    for index in range(images):
        image = rng.integers(0, 60, size=(SIZE, SIZE, 3), dtype=np.uint8)
        side = int(rng.integers(20, 40))
        x, y = (int(v) for v in rng.integers(0, SIZE - side, size=2))
        category = index % 2
        image[y : y + side, x : x + side, category] = 250
        cv2.imwrite(str(root / f"{index:03d}.png"), image[:, :, ::-1])
        records.append(
            {"id": index, "file_name": f"{index:03d}.png", "width": SIZE, "height": SIZE}
        )
        annotations.append(
            {
                "id": index + 1,
                "image_id": index,
                "category_id": category + 1,
                "bbox": [x, y, side, side],
                "area": side * side,
                "iscrowd": 0,
            }
        )
    content = {
        "images": records,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    config = root / "tiny.py"
    config.write_text(CONFIG.format(name=name, root=root.as_posix()))
    return config


SCHEMES = {
    "dw": "",
    "o2f": """
from dual_weighting.assignment import OneToFew
from dual_weighting.losses import OneToFewLoss
model.scheme = L(OneToFew)()
model.losses = L(OneToFewLoss)()
""",
    "dla": """
from dual_weighting.assignment import DynamicLabelAssignment
from dual_weighting.losses import DynamicLabelAssignmentLoss
model.head.objectness_from_both = True
model.scheme = L(DynamicLabelAssignment)(epochs=2)
model.losses = L(DynamicLabelAssignmentLoss)()
""",
    "condinst": """
from dual_weighting.assignment import OneToFew
from dual_weighting.losses import OneToFewLoss
from dual_weighting.losses.masks import MaskLoss
from dual_weighting.modeling.condinst import (
    CondInstDetector, CondInstHead, DynamicMaskHead, MaskBranch, SemanticHead,
)
model._target_ = CondInstDetector
model.scheme = L(OneToFew)()
model.losses = L(OneToFewLoss)()
model.head._target_ = CondInstHead
model.head.mask_head = "${..mask_head}"
model.mask_head = L(DynamicMaskHead)()
model.mask_branch = L(MaskBranch)(in_channels=32, channels=32, num_convs=1, norm="GN")
model.semantic_head = L(SemanticHead)(in_channels=32, num_classes=2, channels=32, norm="GN")
model.mask_losses = L(MaskLoss)()
dataloader.train.mapper.use_instance_mask = True
dataloader.train.mapper.instance_mask_format = "bitmask"
""",
}


def write_mostly_empty_project(root: Path, *, name: str) -> dict[str, Path]:
    """Configs by scheme; two of three images have no object, the others also masks."""
    config = write_tiny_project(root, name=name)
    file = root / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"] = [x for x in content["annotations"] if x["image_id"] % 3 == 0]
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        corners = [x, y, x + width, y, x + width, y + height, x, y + height]
        annotation["segmentation"] = [corners]
    file.write_text(json.dumps(content))
    configs = {}
    for scheme, lines in SCHEMES.items():
        configs[scheme] = root / f"{scheme}.py"
        configs[scheme].write_text(
            "from detectron2.config import LazyCall as L\n"
            f"from .{config.stem} import dataloader, lr_multiplier, model, optimizer, train\n"
            f"dataloader.train.dataset.filter_empty = False\n{lines}"
        )
    return configs
