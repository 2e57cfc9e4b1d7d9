"""Random annotations and detections in COCO's format, with ties, crowds, masks and gaps."""

import numpy as np
from pycocotools import mask as rle

SIZE = 160
CATEGORY_IDS = [2, 3, 5, 90]  # of 90 there is never an object, of 5 never a detection


def random_boxes(rng, count):
    """Whole pixels; some are of exactly the 32 x 32 and 96 x 96 at which sizes change."""
    sides = rng.integers(4, 130, (count, 2))
    exact = rng.random(count) < 0.3
    sides[exact] = rng.choice([32, 96], (exact.sum(), 1))
    return np.concatenate((rng.integers(0, SIZE - sides + 1), sides), axis=1).astype(float)


def ellipse(box):
    """A mask of about that box, as compressed RLE in JSON."""
    x, y, width, height = box
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    inside = ((columns - x) / width - 0.5) ** 2 + ((rows - y) / height - 0.5) ** 2 <= 0.25
    code = rle.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": [SIZE, SIZE], "counts": code["counts"].decode()}


def polygon(box):
    x, y, width, height = box.tolist()
    return [[x, y, x + width, y, x + width, y + height, x + 0.3 * width, y + height]]


def random_data(seed, num_images=12):
    """Annotations and detections of images, of which every fourth has no object and every fifth no
    detection; one has more than 100 detections. Scores are of a few values, so many are equal."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image_id in range(1, num_images + 1):
        objects = random_boxes(rng, 0 if image_id % 4 == 0 else rng.integers(1, 9))
        for box in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(rng.choice([2, 3, 5])),
                    "bbox": box.tolist(),
                    "area": float(box[2] * box[3] * rng.choice([1.0, 0.7])),
                    "iscrowd": int(rng.random() < 0.2),
                    "segmentation": polygon(box) if rng.random() < 0.5 else ellipse(box),
                }
            )
            if annotations[-1]["iscrowd"]:
                annotations[-1]["segmentation"] = ellipse(box)
        if image_id % 5 == 0:
            continue
        near = np.repeat(objects, 3, axis=0) + rng.integers(-6, 7, (3 * len(objects), 4))
        boxes = np.concatenate((near, random_boxes(rng, 150 if image_id == 1 else 5)))
        boxes[:, 2:] = boxes[:, 2:].clip(min=1)
        for box in boxes:
            results.append(
                {
                    "image_id": image_id,
                    "category_id": int(rng.choice([2, 3, 90], p=[0.55, 0.4, 0.05])),
                    "bbox": box.tolist(),
                    "score": float(rng.integers(1, 20) / 20),
                    "segmentation": ellipse(box),
                }
            )
    images = [
        {"id": n, "file_name": f"{n}.png", "width": SIZE, "height": SIZE}
        for n in range(1, num_images + 1)
    ]
    categories = [{"id": n, "name": f"class {n}"} for n in CATEGORY_IDS]
    return {"images": images, "annotations": annotations, "categories": categories}, results
