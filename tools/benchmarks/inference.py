"""Inference by stage, and the choice of detections with and without NMS."""

import statistics
import time
from contextlib import contextmanager

import torch
from detectron2.config import instantiate
from torch import nn

from benchmarks.markdown import images, markdown_table, ms
from dual_weighting import model_zoo
from dual_weighting.modeling.selection import DetectionSelector

HEADING = "Inference by stage"
QUICK = {"image_size": (160, 224), "repeats": 2}
CONFIGS = (
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)
STAGES = ("preprocess", "backbone", "head", "decode", "choose", "masks, resize")
NMS_THRESHOLD = 0.6
SHARES = (1e-4, 1e-2, 1e-1)


def set_candidates(model: nn.Module, image: dict, share: float) -> None:
    """Shift the class logits so that this share of all entries passes the score threshold, as on
    an empty or on a crowded image."""
    with torch.no_grad():
        features = model.backbone(model.preprocess_image([image]).tensor)
        outputs = model.flatten_levels(model.head([features[f] for f in model.head_in_features]))
        cls, objectness = outputs.cls_logits.flatten(), outputs.objectness_logits.sigmoid().mean()
        wanted = torch.logit(model.test_score_thresh / objectness)
        model.head.cls_logits.bias += wanted - cls.kthvalue(int((1 - share) * len(cls))).values


@contextmanager
def clock(model: nn.Module):
    """While open, a list of the times at which the stages of a forward pass end."""
    marks = []

    def mark(*args) -> None:
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())

    hooks = [model.backbone.register_forward_pre_hook(mark)]
    for module in (model.backbone, model.head):
        hooks.append(module.register_forward_hook(mark))
    hooks.append(model.selector.register_forward_pre_hook(mark))
    hooks.append(model.selector.register_forward_hook(mark))
    try:
        yield marks
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def stages(model: nn.Module, image: dict) -> list[float]:
    """Seconds of each of the stages of one image."""
    with clock(model) as marks:
        start = time.perf_counter()
        model([image])
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        ends = [*marks, time.perf_counter()]
    return [end - begin for begin, end in zip([start, *ends], ends, strict=False)]


def detections(model: nn.Module, image: dict):
    """What the last stage of a forward pass is given to choose from."""
    given = []
    hook = model.selector.register_forward_pre_hook(lambda module, args: given.extend(args))
    with torch.no_grad():
        model([image])
    hook.remove()
    return given[0]


def choice(candidates, nms_thresh: float | None, max_detections: int) -> float:
    """Seconds of choosing the detections."""
    selector = DetectionSelector()
    start = time.perf_counter()
    selector(candidates, nms_thresh=nms_thresh, max_detections=max_detections)
    if candidates.scores.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def run(
    *,
    image_size: tuple[int, int] = (800, 1333),
    repeats: int = 5,
    device: torch.device,
) -> dict:
    """Weights and image are random; a hundredth of the scores passes the threshold."""
    image = {"image": 255 * torch.rand(3, *image_size, generator=torch.Generator().manual_seed(0))}
    by_stage, choices = {}, []
    for config in CONFIGS:
        torch.manual_seed(0)
        model = instantiate(model_zoo.get_config(config).model).to(device).eval()
        set_candidates(model, image, SHARES[1])
        stages(model, image)
        columns = zip(*(stages(model, image) for _ in range(repeats)), strict=True)
        by_stage[config] = [statistics.median(column) for column in columns]
        if config == CONFIGS[0]:
            choices = [of_share(model, image, share, repeats) for share in SHARES]
    return {"image_size": image_size, "stages": by_stage, "choices": choices}


def of_share(model: nn.Module, image: dict, share: float, repeats: int) -> dict:
    """Seconds of choosing from the candidates of such an image, with and without NMS in turn."""
    set_candidates(model, image, share)
    candidates = detections(model, image)
    seconds = {"with": [], "without": []}
    for _ in range(repeats + 1):
        for name, threshold in (("with", NMS_THRESHOLD), ("without", None)):
            seconds[name].append(choice(candidates, threshold, model.max_detections_per_image))
    found = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    return {"candidates": len(candidates)} | found


def table(result: dict) -> str:
    rows = [
        (f"`{config.split('/')[1]}`", *map(ms, seconds), ms(sum(seconds)))
        for config, seconds in result["stages"].items()
    ]
    about = (
        f"{images(1, result['image_size'])}, medians. *Decode* is scores, the best of each level "
        "and their boxes, *choose* NMS (none in O2F) and the best 100."
    )
    text = f"{about}\n\n{markdown_table(('', *STAGES, 'sum'), rows)}"
    rows = [
        (f"{row['candidates']:,} candidates", ms(row["with"]), ms(row["without"]))
        for row in result["choices"]
    ]
    about = "The choice alone, on an empty, a usual and a crowded image:"
    header = ("", "with NMS", "without NMS")
    return f"{text}\n\n{about}\n\n{markdown_table(header, rows)}"
