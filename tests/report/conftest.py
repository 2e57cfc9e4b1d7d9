"""Folders of runs, made by hand, on a data set of three small images."""

import json

import cv2
import numpy as np
import pytest
from coco_files import write_annotations, write_results
from omegaconf import OmegaConf

EVIL = '"><script>alert(1)</script>'
CLASSES = ["cat & dog", EVIL, "x" * 90]
HERE, FAR = (10, 10, 30, 30), (60, 60, 30, 30)
OBJECTS = [(0, 0, HERE, False), (0, 1, FAR, False), (1, 0, FAR, True), (1, 1, HERE, False)]
DETECTIONS = [(0, 0, HERE, 0.9), (0, 0, FAR, 0.8), (1, 1, HERE, 0.7), (2, 2, HERE, 0.2)]
LOG = """[11/21 07:30:02] detectron2 INFO: Environment info:
---------------  ---------------------------
Python           3.10.0
---------------  ---------------------------
[11/21 07:31:02] detectron2 INFO: Environment info:
---------------  ---------------------------
Python           3.11.7 (main)
PyTorch          2.14.1 @/home/me/torch
GPU available    No: <b>none</b>
---------------  ---------------------------
PyTorch built with:
"""


@pytest.fixture
def config(tmp_path):
    data = {
        "name": "three <images>",
        "json_file": str(tmp_path / "truth.json"),
        "image_root": str(tmp_path),
        "thing_classes": CLASSES,
        "category_ids": [10, 20, 30],
    }
    return OmegaConf.create(
        {
            "datasets": [data],
            "model": {
                "_target_": "package.Detector",
                "scheme": {"_target_": "package.Scheme"},
                "num_classes": 3,
                "test_nms_thresh": None,
            },
            "dataloader": {
                "train": {"dataset": {"names": "three <images>"}, "total_batch_size": 2},
                "test": {"dataset": {"names": "three <images>"}},
                "evaluator": {"dataset_name": "three <images>"},
            },
            "train": {"max_iter": 40, "output_dir": "somewhere"},
        }
    )


@pytest.fixture
def folder(tmp_path, config):
    """A complete run."""
    write_annotations(tmp_path / "truth.json", OBJECTS, num_images=3, names=CLASSES)
    for k in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((100, 100, 3), 200, np.uint8))
    run = tmp_path / "run"
    (run / "inference").mkdir(parents=True)
    write_results(run / "inference" / "coco_instances_results.json", DETECTIONS)
    OmegaConf.save(config, run / "config.yaml")
    lines = [
        {"iteration": 19, "total_loss": 2.0, "loss_cls": 2.0, "lr": 0.1, "time": 0.5},
        {"iteration": 39, "total_loss": 1.0, "loss_cls": 1.0, "lr": 0.1, "time": 0.5},
        {"iteration": 40, "bbox/AP": 41.5, "bbox/AP50": 60.0},
    ]
    (run / "metrics.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ways = {"AP": 41.5, "duplicates_per_image": 0.25, "f1": 66.7, "threshold": 0.7}
    evaluation = {
        "bbox": {"AP": 41.5, "AP50": 60.0, "AP75": float("nan"), f"AP-{EVIL}": 1.0},
        "duplicates": {"with_nms": ways | {"AP": 44.5}, "without_nms": ways},
    }
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    (run / "log.txt").write_text(LOG)
    (run / "assignment").mkdir()
    cv2.imwrite(str(run / "assignment" / "iteration_0000040.png"), np.zeros((20, 30, 3), np.uint8))
    return run
