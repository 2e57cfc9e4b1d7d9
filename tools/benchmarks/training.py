"""Whole trainings with data loading, on made-up photographs in COCO's format: DW by this project's
trainer, and Detectron2's FCOS by Detectron2's."""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from detectron2.config import instantiate
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.engine import SimpleTrainer
from detectron2.utils.events import EventStorage

from benchmarks.measure import ms, print_table
from benchmarks.step import with_float32_losses
from dual_weighting.config.load import detectron2_config
from dual_weighting.engine.trainer import build_trainer
from dual_weighting.model_zoo import get_config

NUM_CLASSES = 80
DATA_SET = "benchmark_photos"


def write_photos(folder: Path, num_images: int, size: tuple[int, int] = (480, 640)) -> None:
    """JPEGs of about 130 kB, 7 objects in each, and annotations.json."""
    rng = np.random.default_rng(0)
    height, width = size
    images, annotations = [], []
    for k in range(num_images):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        noise = rng.normal(0, 12, (height, width, 3))
        image = np.clip(cv2.resize(coarse, (width, height)) + noise, 0, 255).astype(np.uint8)
        name = f"{k:04d}.jpg"
        cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 80])
        images.append({"id": k, "file_name": name, "width": width, "height": height})
        for w, h in np.exp(rng.uniform(np.log(16), np.log(300), (7, 2))):
            x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": k,
                    "category_id": int(rng.integers(1, NUM_CLASSES + 1)),
                    "bbox": [float(v) for v in (x, y, w, h)],
                    "area": float(w * h),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": k, "name": f"class {k}"} for k in range(1, NUM_CLASSES + 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    if DATA_SET in DatasetCatalog:
        DatasetCatalog.remove(DATA_SET), MetadataCatalog.remove(DATA_SET)
    register_coco_instances(DATA_SET, {}, str(folder / "annotations.json"), str(folder))


def step_seconds(trainer: SimpleTrainer, steps: int) -> tuple[float, float]:
    """Mean time of a step and of the wait for its data, of the later two thirds of `steps`."""
    start = time.perf_counter()
    with EventStorage(0) as trainer.storage:
        for trainer.iter in range(steps):
            trainer.storage.iter = trainer.iter
            if trainer.iter == steps // 3:
                synchronize()
                start = time.perf_counter()
            trainer.run_step()
        synchronize()
        seconds = time.perf_counter() - start
        waits = [value for value, _ in trainer.storage.history("data_time").values()]
    return seconds / (steps - steps // 3), statistics.mean(waits[steps // 3 :])


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def trainers(args: argparse.Namespace) -> dict:
    """A function for each trainer, so that their workers do not run at the same time."""

    def common(cfg):
        cfg.dataloader.train.dataset.names = DATA_SET
        cfg.dataloader.train.total_batch_size = args.num_images
        cfg.dataloader.train.num_workers = args.workers
        cfg.optimizer.lr = 1e-8
        torch.manual_seed(0)
        return instantiate(cfg.model).to(args.device, memory_format=torch.channels_last).train()

    def ours():
        cfg = get_config(args.config)
        cfg.train.amp.enabled = args.device.type == "cuda"
        return build_trainer(cfg, common(cfg))

    def detectron2s():
        cfg = detectron2_config("COCO-Detection/fcos_R_50_FPN_1x.py")
        model = with_float32_losses(common(cfg))
        cfg.optimizer.params.model = model
        return SimpleTrainer(model, instantiate(cfg.dataloader.train), instantiate(cfg.optimizer))

    return {"DW": ours, "FCOS of Detectron2, float32, its own loop": detectron2s}


def measured(args: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Seconds of a step and of its wait for data, by trainer."""
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), 64)
        return {name: step_seconds(build(), args.steps) for name, build in trainers(args).items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="COCO-Detection/dw_R_50_FPN_1x.py")
    parser.add_argument("--num-images", type=int, default=16, help="images of a step")
    parser.add_argument("--workers", type=int, default=16, help="processes that load images")
    parser.add_argument("--steps", type=int, default=60)


def run(args: argparse.Namespace) -> None:
    rows = [
        (name, ms(step), ms(wait), f"{args.num_images / step:.0f}")
        for name, (step, wait) in measured(args).items()
    ]
    print_table(
        f"Whole trainings, {args.num_images} images a step, {args.workers} workers",
        ("", "step", "wait for data", "images a second"),
        rows,
    )
