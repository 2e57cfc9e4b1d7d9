"""COCO's box evaluation by hotcoco and by pycocotools, of random detections."""

import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from benchmarks.markdown import markdown_table, mib
from benchmarks.memory import PeakMemory
from dual_weighting.evaluation.coco_metrics import evaluate_boxes
from dual_weighting.evaluation.engines import ENGINES, read_annotations

HEADING = "COCO's numbers"
QUICK = {"num_images": 50}
WIDTH, HEIGHT = 640, 480


def random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4) as x, y, width, height inside the image; sides are log-uniform."""
    sides = np.exp(rng.uniform(np.log(8), np.log(400), (count, 2)))
    corners = rng.uniform(0, 1, (count, 2)) * np.maximum((WIDTH, HEIGHT) - sides, 0)
    return np.concatenate((corners, np.minimum(sides, (WIDTH, HEIGHT))), axis=1)


def random_data(
    *, num_images: int, num_classes: int, num_detections: int, num_objects: int = 7, seed: int = 0
) -> tuple[dict, list[dict]]:
    """Annotations in COCO's format, one in fifty a crowd, and detections in its result format:
    one near each object, with its class more often than not, the rest anywhere."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image_id in range(1, num_images + 1):
        objects, classes = (
            random_boxes(rng, num_objects),
            rng.integers(num_classes, size=num_objects),
        )
        for box, category in zip(objects, classes, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(category) + 1,
                    "bbox": box.tolist(),
                    "area": float(box[2] * box[3]),
                    "iscrowd": int(rng.random() < 0.02),
                }
            )
        near = objects + rng.normal(0, 0.08, objects.shape) * objects[:, [2, 3, 2, 3]]
        boxes = np.concatenate((near, random_boxes(rng, max(num_detections - num_objects, 0))))
        guesses = rng.integers(num_classes, size=len(boxes))
        known = rng.random(num_objects) < 0.7
        guesses[:num_objects] = np.where(known, classes, guesses[:num_objects])
        scores = np.concatenate(
            (rng.beta(3, 2, num_objects), rng.beta(1, 4, len(boxes) - num_objects))
        )
        for box, category, score in zip(boxes, guesses, scores, strict=True):
            results.append(
                {
                    "image_id": image_id,
                    "category_id": int(category) + 1,
                    "bbox": box.clip(min=0).tolist(),
                    "score": round(float(score), 4),
                }
            )
    images = [{"id": n, "width": WIDTH, "height": HEIGHT} for n in range(1, num_images + 1)]
    categories = [{"id": n, "name": f"class {n}"} for n in range(1, num_classes + 1)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def measure(engine: str, json_file: str, settings: dict) -> tuple[float, float, int, np.ndarray]:
    """Seconds of reading and evaluating, peak bytes, the 12 numbers. For a process of its own."""
    _, results = random_data(**settings)
    with PeakMemory(torch.device("cpu")) as peak:
        start = time.perf_counter()
        ground_truth = read_annotations(json_file, engine)
        read = time.perf_counter()
        statistics = evaluate_boxes(ground_truth, results)
        end = time.perf_counter()
    return read - start, end - read, peak.bytes, np.asarray(statistics.stats)


def run(*, num_images: int = 2000, num_classes: int = 80, num_detections: int = 100) -> dict:
    """Seconds, bytes and the twelve numbers of each engine."""
    settings = {
        "num_images": num_images,
        "num_classes": num_classes,
        "num_detections": num_detections,
    }
    engines = {}
    with tempfile.TemporaryDirectory() as folder:
        json_file = Path(folder, "annotations.json")
        json_file.write_text(json.dumps(random_data(**settings)[0]))
        for engine in ENGINES:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                reading, evaluating, memory, stats = pool.submit(
                    measure, engine, str(json_file), settings
                ).result()
            engines[engine] = {
                "reading": reading,
                "evaluating": evaluating,
                "bytes": memory,
                "stats": stats.tolist(),
            }
    return settings | {"engines": engines}


def table(result: dict) -> str:
    engines = result["engines"]
    one, other = (np.asarray(found["stats"]) for found in engines.values())
    about = (
        f"Box evaluation of {result['num_images']:,} random images with {result['num_detections']} "
        f"detections each, {result['num_classes']} classes, 1 thread. The largest difference of "
        f"the twelve numbers is {np.abs(one - other).max():g}."
    )
    rows = [
        (
            engine,
            f"{found['reading']:.2f} s",
            f"{found['evaluating']:.1f} s",
            mib(found["bytes"]),
        )
        for engine, found in engines.items()
    ]
    header = ("", "reading", "evaluating", "peak memory")
    return f"{about}\n\n{markdown_table(header, rows)}"
