"""A picture of what a detector found, beside what there is to be found."""

import json
import os
from collections import defaultdict

import cv2
import numpy as np
from detectron2.data import MetadataCatalog
from detectron2.data.detection_utils import read_image
from detectron2.structures import BoxMode
from detectron2.utils.colormap import colormap
from detectron2.utils.file_io import PathManager
from detectron2.utils.visualizer import Visualizer

from dual_weighting.data.coco import get_detection_dataset_dicts
from dual_weighting.errors import UserError
from dual_weighting.visualization.grid import PairGrid

TILE_SIZE = 400  # pixels of the longer side of an image


def draw_detections(
    *,
    dataset_name: str,
    results_json: str | os.PathLike,
    output_file: str | os.PathLike,
    num_images: int = 8,
    score_threshold: float = 0.3,
) -> None:
    """Draw images of a data set, each with its ground truth and beside it with its predictions.

    `dataset_name`: in Detectron2's catalogs, with COCO annotations. `results_json`: detections in
    COCO's result format, as Detectron2's COCOEvaluator writes them. `output_file`: a PNG.
    `num_images` are drawn, spread evenly over the data set. `score_threshold`: predictions below it
    are not drawn.

    Raises:
        UserError: the data set is not in place, or the results are not of it.
    """
    records = get_detection_dataset_dicts(
        names=dataset_name, filter_empty=False, empty_boxes="skip"
    )
    chosen = np.linspace(0, len(records) - 1, min(num_images, len(records))).round().astype(int)
    metadata = MetadataCatalog.get(dataset_name)
    predictions = read_predictions(
        results_json,
        class_of_category=metadata.thing_dataset_id_to_contiguous_id,
        score_threshold=score_threshold,
    )
    grid = PairGrid(titles=("ground truth", f"predictions, score ≥ {score_threshold:g}"))
    for record in (records[index] for index in chosen):
        image = read_image(record["file_name"], format="RGB")
        grid.add(
            overlay(image, record["annotations"], classes=metadata.thing_classes),
            overlay(image, predictions[record["image_id"]], classes=metadata.thing_classes),
        )
    grid.save(output_file)


def read_predictions(
    results_json: str | os.PathLike, *, class_of_category: dict[int, int], score_threshold: float
) -> dict[int, list[dict]]:
    """Per image id the detections with a score of at least `score_threshold`, as annotations in
    Detectron2's format with a "score"; an empty list for images without any."""
    predictions = defaultdict(list)
    try:
        with PathManager.open(str(results_json)) as file:
            results = json.load(file)
        for result in results:
            if result["score"] < score_threshold:
                continue
            predictions[result["image_id"]].append(
                {
                    "bbox": result["bbox"],
                    "bbox_mode": BoxMode.XYWH_ABS,
                    "category_id": class_of_category[result["category_id"]],
                    "score": result["score"],
                }
            )
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{results_json} cannot be drawn ({type(error).__name__}: {error}); it should hold "
            "detections on this data set in COCO's result format, as an evaluation writes them."
        ) from error
    return predictions


def overlay(image: np.ndarray, annotations: list[dict], *, classes: list[str]) -> np.ndarray:
    """The image (H, W, 3), RGB, brought to the size of a tile, with boxes in a colour per class.

    Each box is labelled with its class, and its score or that it is a crowd.
    """
    scale = TILE_SIZE / max(image.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
    colours = colormap(rgb=True, maximum=1)
    boxes = [
        BoxMode.convert(list(item["bbox"]), item["bbox_mode"], BoxMode.XYXY_ABS)
        for item in annotations
    ]
    visualizer = Visualizer(image, font_size_scale=1.3)
    visualizer.overlay_instances(
        boxes=np.array(boxes).reshape(-1, 4) * scale,
        labels=[label(item, classes=classes) for item in annotations],
        assigned_colors=[colours[item["category_id"] % len(colours)] for item in annotations],
    )
    return visualizer.get_output().get_image()


def label(annotation: dict, *, classes: list[str]) -> str:
    name = classes[annotation["category_id"]]
    if "score" in annotation:
        return f"{name}  {annotation['score']:.2f}"
    return f"{name} (crowd)" if annotation.get("iscrowd", 0) else name
