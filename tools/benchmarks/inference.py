"""Inference of one network with and without NMS, in turn."""

import statistics
import time

import torch
from detectron2.config import instantiate
from rich.console import Console
from rich.table import Table
from torch import nn

from dual_weighting.engine.config import load_config

NMS_THRESHOLDS = {"with NMS": 0.6, "without NMS": None}


def set_candidates(model: nn.Module, image: dict, share: float) -> int:
    """Shift the class logits so that this share of all entries passes the score threshold, as on
    an empty or on a crowded image; how many candidates the levels then hand on."""
    with torch.no_grad():
        features = model.backbone(model.preprocess_image([image]).tensor)
        outputs = model.flatten_levels(model.head([features[f] for f in model.head_in_features]))
        cls, objectness = outputs.cls_logits.flatten(), outputs.objectness_logits.sigmoid().mean()
        wanted = torch.logit(model.test_score_thresh / objectness)
        model.head.cls_logits.bias += wanted - cls.kthvalue(int((1 - share) * len(cls))).values
        model.test_nms_thresh, limit = None, model.max_detections_per_image
        model.max_detections_per_image = len(cls)
        count = len(model([image])[0]["instances"])
        model.max_detections_per_image = limit
    return count


def seconds(model: nn.Module, image: dict) -> float:
    start = time.perf_counter()
    with torch.no_grad():
        model([image])
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def run(
    *,
    config_file: str,
    image_size: tuple[int, int],
    shares: tuple[float, ...] = (1e-4, 1e-2, 1e-1),
    repeats: int = 9,
    device: torch.device,
) -> None:
    """Print the table. Weights and image are random; only the number of candidates matters."""
    torch.manual_seed(0)
    cfg = load_config(config_file)
    model = instantiate(cfg.model).to(device).eval()
    image = {"image": 255 * torch.rand(3, *image_size)}
    table = Table(title=f"{config_file}, 1 image of {image_size[0]} x {image_size[1]}, {device}")
    for column in ("candidates", *NMS_THRESHOLDS, "saved"):
        table.add_column(column, justify="right")
    for share in shares:
        count = set_candidates(model, image, share)
        times = {name: [] for name in NMS_THRESHOLDS}
        for _ in range(repeats):
            for name, threshold in NMS_THRESHOLDS.items():
                model.test_nms_thresh = threshold
                times[name].append(seconds(model, image))
        with_nms, without = (1e3 * statistics.median(times[name]) for name in NMS_THRESHOLDS)
        table.add_row(
            str(count), f"{with_nms:.1f} ms", f"{without:.1f} ms", f"{with_nms - without:.1f} ms"
        )
    Console(width=110).print(table)
