"""Inference by stage, and selecting detections with and without NMS; random weights whose logits
are shifted so that a given share of all scores passes the threshold."""

import argparse
import itertools
import statistics
import time
from functools import partial

import torch
from detectron2.config import instantiate
from torch import nn

from benchmarks.measure import median_seconds, ms, print_table
from dual_weighting.model_zoo import get_config

CONFIGS = (
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)
STAGES = ("preprocess", "backbone", "head", "decode", "select", "masks, resize")
NMS_THRESHOLD = 0.6
SHARES = (1e-4, 1e-2, 1e-1)  # of an empty, a usual and a crowded image


@torch.no_grad()
def set_candidates(model: nn.Module, image: dict, share: float) -> None:
    """Shift the class logits so that this share of all scores passes the threshold."""
    features = model.backbone(model.preprocess_image([image]).tensor)
    outputs = model.flatten_levels(model.head([features[f] for f in model.head_in_features]))
    cls, objectness = outputs.cls_logits.flatten(), outputs.objectness_logits.sigmoid().mean()
    threshold = torch.logit(model.test_score_thresh / objectness)
    model.head.cls_logits.bias += threshold - cls.kthvalue(int((1 - share) * len(cls))).values


@torch.no_grad()
def stage_seconds(model: nn.Module, image: dict) -> list[float]:
    """Time of each of the `STAGES` for one image."""
    times = []

    def mark(*args) -> None:
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter())

    hooks = [module.register_forward_pre_hook(mark) for module in (model.backbone, model.selector)]
    modules = (model.backbone, model.head, model.selector)
    hooks += [module.register_forward_hook(mark) for module in modules]
    mark()
    model([image])
    mark()
    for hook in hooks:
        hook.remove()
    return [end - start for start, end in itertools.pairwise(times)]


@torch.no_grad()
def candidates_of(model: nn.Module, image: dict):
    """The detections that the selection is given to choose from."""
    given = []
    with model.selector.register_forward_pre_hook(lambda module, args: given.extend(args)):
        model([image])
    return given[0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--configs", nargs="+", default=CONFIGS, help="names in the model zoo")
    parser.add_argument("--repeats", type=int, default=5)


def run(args: argparse.Namespace) -> None:
    image_size = tuple(args.image_size)
    image = {"image": 255 * torch.rand(3, *image_size, generator=torch.Generator().manual_seed(0))}
    stages, selections = [], []
    for config in args.configs:
        torch.manual_seed(0)
        model = instantiate(get_config(config).model).to(args.device).eval()
        set_candidates(model, image, SHARES[1])
        stage_seconds(model, image)
        columns = zip(*(stage_seconds(model, image) for _ in range(args.repeats)), strict=True)
        seconds = [statistics.median(column) for column in columns]
        stages.append((f"`{config.split('/')[1]}`", *map(ms, seconds), ms(sum(seconds))))
        for share in SHARES if config == args.configs[0] else ():
            set_candidates(model, image, share)
            candidates = candidates_of(model, image)
            options = {"max_detections": model.max_detections_per_image}
            calls = {
                name: partial(model.selector, candidates, nms_thresh=threshold, **options)
                for name, threshold in (("with", NMS_THRESHOLD), ("without", None))
            }
            found = median_seconds(calls, args.repeats)
            selections.append((f"{len(candidates):,} candidates", *map(ms, found.values())))
    print_table(
        f"Inference of 1 x {image_size[0]} x {image_size[1]}, medians",
        ("", *STAGES, "sum"),
        stages,
    )
    print_table("Selection alone", ("", "with NMS", "without NMS"), selections)
