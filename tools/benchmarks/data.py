"""Loading of training images alone, by the number of worker processes."""

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
from detectron2.config import instantiate
from detectron2.data import build_detection_train_loader
from detectron2.structures import BoxMode
from PIL import Image

from benchmarks.evaluation import HEIGHT, WIDTH, random_boxes
from benchmarks.markdown import markdown_table
from dual_weighting import model_zoo

HEADING = "Data loading"
QUICK = {"num_images": 4, "num_workers": (0, 1)}
CONFIG = "COCO-Detection/dw_R_50_FPN_1x.py"
NUM_FILES = 16


def write_images(folder: Path, *, num_objects: int = 7, seed: int = 0) -> list[dict]:
    """Random JPEG files about as large as those of COCO, as records of a data set."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(NUM_FILES):
        coarse = rng.integers(256, size=(HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        file = folder / f"{number}.jpg"
        picture.save(file, quality=90)
        objects = [
            {"bbox": box.tolist(), "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0}
            for box in random_boxes(rng, num_objects)
        ]
        record = {"file_name": str(file), "width": WIDTH, "height": HEIGHT, "image_id": number}
        records.append(record | {"annotations": objects})
    return records


def images_a_second(records: list[dict], num_images: int, num_workers: int) -> float:
    """Of a loader that is under way: what its workers have at hand when the clock starts is no
    more than what they have when it stops."""
    loader = build_detection_train_loader(
        records,
        mapper=instantiate(model_zoo.get_config(CONFIG).dataloader.train.mapper),
        total_batch_size=2,
        num_workers=num_workers,
    )
    batches = iter(loader)
    for _ in itertools.islice(batches, 2 + 2 * num_workers):
        pass
    start = time.perf_counter()
    count = 0
    while count < num_images:
        count += len(next(batches))
    return count / (time.perf_counter() - start)


def run(*, num_images: int = 96, num_workers: tuple[int, ...] = (0, 1, 2, 4)) -> dict:
    """Images a second by the number of workers."""
    with tempfile.TemporaryDirectory() as folder:
        records = write_images(Path(folder))
        size = sum(Path(record["file_name"]).stat().st_size for record in records) / len(records)
        rates = {str(n): images_a_second(records, num_images, n) for n in num_workers}
    return {"num_images": num_images, "bytes": size, "rates": rates}


def table(result: dict) -> str:
    about = (
        f"JPEG files of {WIDTH} x {HEIGHT} pixels ({result['bytes'] / 1e3:.0f} kB each) read, "
        "resized to a short side of 800, flipped and put into batches of 2 by the mapper of "
        f"`{CONFIG}`, {result['num_images']} images after those of the start. Without workers the "
        "training waits for this; with them it is what they can deliver at most."
    )
    rows = [(f"{n} worker{'s'[: n != '1']}", f"{rate:.1f}") for n, rate in result["rates"].items()]
    return f"{about}\n\n{markdown_table(('', 'images a second'), rows)}"
