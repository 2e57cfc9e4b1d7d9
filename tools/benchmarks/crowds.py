"""Memory and time of a training step by the number of objects in an image."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from detectron2.structures import PolygonMasks
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.memory import PeakMemory
from benchmarks.step import Training, random_images
from dual_weighting import model_zoo

CONFIGS = (
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/dw_refine_R_50_FPN_1x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-Detection/dla_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)


def rectangle_masks(boxes: Tensor) -> PolygonMasks:
    """Masks that fill their boxes (M, 4)."""
    corners = boxes.cpu()[:, [0, 1, 2, 1, 2, 3, 0, 3]].double().numpy()
    return PolygonMasks([[polygon] for polygon in corners])


def measure(config: str, num_gt: int, settings: dict) -> tuple[int, float]:
    """Peak bytes of model and two steps, and seconds of the second. For a process of its own."""
    batch = random_images(num_gt, **settings)
    for image in batch:
        image["instances"].gt_masks = rectangle_masks(image["instances"].gt_boxes.tensor)
    with PeakMemory(settings["device"]) as peak:
        training = Training(model_zoo.get_config(config), batch, settings["device"])
        training.step()
        start = time.perf_counter()
        training.step()
        seconds = time.perf_counter() - start
    return peak.bytes, seconds


def run(
    *,
    num_gts: tuple[int, ...],
    num_images: int = 1,
    num_classes: int = 80,
    image_size: tuple[int, int] = (800, 1333),
    device: torch.device,
) -> None:
    """Print the table: what an image of many objects takes beyond one with a single object."""
    settings = {
        "num_images": num_images,
        "num_classes": num_classes,
        "image_size": image_size,
        "device": device,
    }
    table = Table(
        title=f"Training step: {num_images} image(s) of {image_size[0]} x {image_size[1]}, "
        f"{device}, {torch.get_num_threads()} threads; beyond the step with one object an image"
    )
    table.add_column("config")
    table.add_column("one object", justify="right")
    for num_gt in num_gts:
        table.add_column(f"{num_gt} objects", justify="right")
    for config in CONFIGS:
        cells = []
        for num_gt in (1, *num_gts):
            with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
                cells.append(pool.submit(measure, config, num_gt, settings).result())
        (memory, seconds), *crowds = cells
        table.add_row(
            config,
            f"{memory / 2**20:.0f} MiB, {seconds:.2f} s",
            *(f"{(m - memory) / 2**20:+.0f} MiB, {s - seconds:+.2f} s" for m, s in crowds),
        )
    Console(width=130).print(table)
