"""Sections of a report about training and config."""

from typing import Any

import cv2
from omegaconf import DictConfig, OmegaConf

from dual_weighting.report.page import svg_of, text
from dual_weighting.report.run import Missing, RunFiles
from dual_weighting.visualization.curves import training_charts
from dual_weighting.visualization.error_pictures import jpeg

WIDEST = 1400  # pixels of an assignment's picture in the page
SETTINGS = {
    "model": "model",
    "backbone": "model.backbone",
    "bottom-up network": "model.backbone.bottom_up",
    "head": "model.head",
    "assignment scheme": "model.scheme",
    "losses": "model.losses",
    "classes": "model.num_classes",
    "NMS at IoU": "model.test_nms_thresh",
    "lowest score": "model.test_score_thresh",
    "trained on": "dataloader.train.dataset.names",
    "evaluated on": "dataloader.test.dataset.names",
    "images per step": "dataloader.train.total_batch_size",
    "steps": "train.max_iter",
    "optimizer": "optimizer",
    "learning rate": "optimizer.lr",
    "weight decay": "optimizer.weight_decay",
    "seed": "train.seed",
    "started from": "train.init_checkpoint",
    "mixed precision": "train.amp.enabled",
}


def training(run: RunFiles) -> dict[str, Any]:
    """Losses, AP, learning rate, and assignment statistics."""
    if "total_loss" not in run.metrics:
        raise Missing("This folder has no metrics.json of a training.")
    return {"charts": [svg_of(chart) for chart in training_charts(run.metrics)]}


def snapshots(run: RunFiles) -> dict[str, Any]:
    """Pictures of the assignment of one image during training."""
    if not run.snapshots:
        raise Missing(
            "This run has no pictures: train.assignment_snapshots sets their number for detectors "
            "with an assignment scheme."
        )
    figures = []
    for iteration, file in run.snapshots:
        image = cv2.imread(str(file))
        if image is not None:
            scale = min(WIDEST / image.shape[1], 1)
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            image = jpeg(image[..., ::-1])
        figures.append({"iteration": iteration, "name": file.name, "jpeg": image})
    return {"figures": figures}


def settings(run: RunFiles) -> dict[str, Any]:
    """The main settings, the versions, and the full config."""
    absent = object()
    found = {k: OmegaConf.select(run.cfg, key, default=absent) for k, key in SETTINGS.items()}
    try:
        versions, missing = [[name, text(x)] for name, x in run.environment.items()], None
    except Missing as reason:
        versions, missing = [], str(reason)
    return {
        "values": [[k, text(value_text(x))] for k, x in found.items() if x is not absent],
        "versions": versions,
        "missing": missing,
        "config": run.config_text,
    }


def value_text(value: object) -> str:
    """A readable config value; for a lazy call, the name of its callable."""
    if isinstance(value, DictConfig) and "_target_" in value:
        target = value["_target_"]
        return str(target if isinstance(target, str) else target.__name__).rpartition(".")[2]
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value) or "nothing"
