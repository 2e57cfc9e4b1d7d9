"""Training steps of DW, with and without box refinement, and of Detectron2's FCOS, in turn."""

import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from detectron2 import model_zoo as detectron2_zoo
from detectron2.config import instantiate
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from benchmarks.losses import random_batch
from benchmarks.memory import PeakMemory
from dual_weighting import model_zoo

MODELS = {
    "FCOS, Detectron2's config": (detectron2_zoo, "COCO-Detection/fcos_R_50_FPN_1x.py"),
    "FCOS, this recipe": (model_zoo, "COCO-Detection/fcos_R_50_FPN_1x.py"),
    "DW": (model_zoo, "COCO-Detection/dw_R_50_FPN_1x.py"),
    "DW + box refinement": (model_zoo, "COCO-Detection/dw_refine_R_50_FPN_1x.py"),
}


class Training:
    """A model, its optimizer, and one batch of random images."""

    def __init__(self, cfg: DictConfig, batch: list[dict], device: torch.device):
        torch.manual_seed(0)
        model = instantiate(cfg.model).to(device, memory_format=torch.channels_last)
        self.model = model.train()
        cfg.optimizer.params.model = self.model
        cfg.optimizer.lr = 1e-8  # random images: the weights should stay what they are
        self.optimizer = instantiate(cfg.optimizer)
        self.batch = batch

    def step(self) -> float:
        """Seconds of forward, backward and the optimizer's step."""
        start = time.perf_counter()
        with EventStorage():
            losses = self.model(self.batch)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.optimizer.step()
        if self.model.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def random_images(num_gt: int, **settings) -> list[dict]:
    """A batch as Detectron2's mapper makes it; `settings` as of :func:`random_batch`."""
    scene = random_batch(num_gt, **settings)
    height, width = settings["image_size"]
    batch = []
    for boxes, classes in zip(scene["gt_boxes"], scene["gt_classes"], strict=True):
        instances = Instances((height, width), gt_boxes=Boxes(boxes), gt_classes=classes)
        batch.append({"image": torch.randint(256, (3, height, width)), "instances": instances})
    return batch


def training(name: str, num_gt: int, settings: dict) -> Training:
    zoo, config = MODELS[name]
    return Training(zoo.get_config(config), random_images(num_gt, **settings), settings["device"])


def peak_memory(name: str, num_gt: int, settings: dict) -> int:
    """Peak bytes of model, optimizer and two steps. For a process of its own."""
    with PeakMemory(settings["device"]) as peak:
        one = training(name, num_gt, settings)
        one.step()
        one.step()
    return peak.bytes


def run(
    *,
    num_gt: int = 7,
    num_images: int = 2,
    num_classes: int = 80,
    image_size: tuple[int, int] = (800, 1333),
    repeats: int = 9,
    device: torch.device,
) -> None:
    """Print the table."""
    settings = {
        "num_images": num_images,
        "num_classes": num_classes,
        "image_size": image_size,
        "device": device,
    }
    memory = {}
    for name in MODELS:
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            memory[name] = pool.submit(peak_memory, name, num_gt, settings).result()
    trainings = {name: training(name, num_gt, settings) for name in MODELS}
    for one in trainings.values():
        one.step()
    seconds = {name: [] for name in MODELS}
    for _ in range(repeats):
        for name, one in trainings.items():
            seconds[name].append(one.step())
    table = Table(
        title=f"Training step: {num_images} images of {image_size[0]} x {image_size[1]}, "
        f"{num_gt} objects each, {device}, {torch.get_num_threads()} threads"
    )
    table.add_column("model")
    for column in ("median", "fastest", "to the first", "peak memory"):
        table.add_column(column, justify="right")
    first = next(iter(MODELS))
    for name in MODELS:
        pairs = zip(seconds[name], seconds[first], strict=True)
        table.add_row(
            name,
            f"{1e3 * statistics.median(seconds[name]):.0f} ms",
            f"{1e3 * min(seconds[name]):.0f} ms",
            f"{statistics.median(x / y for x, y in pairs):.3f} x",
            f"{memory[name] / 2**20:.0f} MiB",
        )
    Console(width=110).print(table)
