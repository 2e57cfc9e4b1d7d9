"""Memory and time by the number of ground truths: of the losses, and of whole training steps."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from detectron2.structures import PolygonMasks
from torch import Tensor

from benchmarks.losses import peak_memory, times
from benchmarks.markdown import images, markdown_table, mib, ms
from benchmarks.memory import PeakMemory
from benchmarks.schemes import METHODS, random_batch
from benchmarks.step import Training, random_images
from dual_weighting import model_zoo
from dual_weighting.engine.freed_memory import keep_freed_memory

HEADING = "Crowds"
QUICK = {
    "num_gts": (1, 10, 100, 2000),
    "image_size": (160, 224),
    "repeats": 1,
    "configs": ("Digits/o2f_R_18_FPN.py",),
}
CONFIGS = (
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/dw_refine_R_50_FPN_1x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-Detection/dla_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)
FIGURE = "crowds.png"


def rectangle_masks(boxes: Tensor) -> PolygonMasks:
    """Masks that fill their boxes (M, 4)."""
    corners = boxes.cpu()[:, [0, 1, 2, 1, 2, 3, 0, 3]].double().numpy()
    return PolygonMasks([[polygon] for polygon in corners])


def measure(config: str, num_gt: int, settings: dict) -> tuple[int, float]:
    """Peak bytes of model and two steps, and seconds of the second. For a process of its own."""
    cfg = model_zoo.get_config(config)
    batch = random_images(num_gt, num_classes=cfg.model.num_classes, **settings)
    for image in batch:
        image["instances"].gt_masks = rectangle_masks(image["instances"].gt_boxes.tensor)
    with PeakMemory(settings["device"]) as peak:
        training = Training(cfg, batch, settings["device"])
        training.step()
        start = time.perf_counter()
        training.step()
        seconds = time.perf_counter() - start
    return peak.bytes, seconds


def curves(num_gts: tuple[int, ...], repeats: int, bound: int, settings: dict) -> dict:
    """Of each method and formulation: [number of ground truths, seconds, bytes]. Tables end where,
    in proportion to the last one, they would need more than `bound` bytes."""
    batches = {num_gt: random_batch(num_gt, **settings) for num_gt in num_gts}
    found = {}
    for method, formulations in METHODS.items():
        for name, losses in formulations.items():
            points = found.setdefault(method, {}).setdefault(name, [])
            for num_gt, batch in batches.items():
                if name == "dense" and points and points[-1][2] * num_gt / points[-1][0] > bound:
                    break
                memory = peak_memory(losses, batch)
                points.append([num_gt, times({name: losses}, batch, repeats)[name], memory])
    return found


def run(
    *,
    num_gts: tuple[int, ...] = (1, 10, 50, 200, 500, 1000, 2000),
    num_classes: int = 80,
    image_size: tuple[int, int] = (800, 1333),
    repeats: int = 2,
    bound: int = 2 * 2**30,
    num_gt: int = 500,
    configs: tuple[str, ...] = CONFIGS,
    device: torch.device,
) -> dict:
    """The curves of the losses, and bytes and seconds of steps of `configs` with one object and
    with `num_gt`."""
    settings = {"num_images": 1, "image_size": image_size, "device": device}
    steps = {}
    for config in configs:
        for count in (1, num_gt):
            with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
                values = pool.submit(measure, config, count, settings).result()
            steps.setdefault(config, []).append(values)
    keep_freed_memory()  # as in a training
    return {
        "image_size": image_size,
        "num_classes": num_classes,
        "bound": bound,
        "curves": curves(num_gts, repeats, bound, settings | {"num_classes": num_classes}),
        "num_gt": num_gt,
        "steps": steps,
    }


def table(result: dict) -> str:
    size = images(1, result["image_size"])
    about = (
        f"The losses of {size} with {result['num_classes']} classes, forward and backward, by the "
        "number of ground truths. Dashed is the same on tables of all points by all ground truths, "
        f"which ends where it would need more than {mib(result['bound'])}. Memory is the most that "
        "tensors hold at a time, beyond the inputs; all axes are logarithmic."
    )
    num_gts = [point[0] for point in next(iter(result["curves"].values()))["sparse"]]
    shown = [k for k, n in enumerate(num_gts) if n in (1, 200, 2000)] or [0, len(num_gts) - 1]
    rows = [
        (
            f"{method}{', dense' if name == 'dense' else ''}",
            *(f"{ms(points[k][1])}, {mib(points[k][2])}" if k < len(points) else "" for k in shown),
        )
        for method, formulations in result["curves"].items()
        for name, points in formulations.items()
    ]
    header = ("", *(f"{num_gts[k]:,} object{'s'[: num_gts[k] != 1]}" for k in shown))
    text = f"![crowds]({FIGURE})\n\n{markdown_table(header, rows)}"
    rows = [
        (
            f"`{config}`",
            mib(memory),
            f"{'-+'[more >= memory]}{mib(abs(more - memory))}",
        )
        for config, ((memory, _), (more, _)) in result["steps"].items()
    ]
    steps = (
        f"Whole training steps of {size}, peak memory of the process, and what many objects take "
        "beyond that. (Differences below some 100 MiB are the allocator's.)"
    )
    header = ("", "one object", f"{result['num_gt']} objects")
    return f"{about}\n\n{text}\n\n{steps}\n\n{markdown_table(header, rows)}"


def figure(result: dict, folder: Path) -> None:
    """Draw the curves into `FIGURE`: time on the left, memory on the right."""
    from benchmarks.crowds_figure import draw_curves

    draw_curves(result["curves"], result["bound"], folder / FIGURE)
