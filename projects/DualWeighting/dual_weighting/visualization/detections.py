"""A picture of what a detector found, beside what there is to be found."""

import colorsys
import json
import os
from collections import defaultdict

import cv2
import numpy as np
from detectron2.data import MetadataCatalog
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager
from detectron2.utils.visualizer import GenericMask, Visualizer
from matplotlib.patches import Rectangle

from dual_weighting.data.coco import get_detection_dataset_dicts
from dual_weighting.data.images import read_image
from dual_weighting.utils.errors import UserError
from dual_weighting.visualization.grid import PairGrid

SCORE_THRESHOLD = 0.3  # where an evaluation has not found the best one
TILE_SIZE = 400  # pixels of the longer side of an image
FONT_SIZE = 11  # points
MASK_OPACITY = 0.6
CROWDED = 20  # boxes of an image; of more, each is thin and has no label
LETTER_WIDTH, LABEL_HEIGHT = 10, 20  # pixels at that size, at most


def draw_detections(
    *,
    dataset_name: str,
    results_json: str | os.PathLike,
    output_file: str | os.PathLike,
    num_images: int = 8,
    score_threshold: float = SCORE_THRESHOLD,
) -> None:
    """Draw images of a data set, each with its ground truth and beside it with its predictions.

    `dataset_name`: in Detectron2's catalogs, with COCO annotations. `results_json`: detections in
    COCO's result format, as Detectron2's COCOEvaluator writes them; masks are drawn on both sides
    if there are any here. `output_file`: a PNG.
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
    with_masks = any("segmentation" in x for found in predictions.values() for x in found)
    grid = PairGrid(titles=("ground truth", f"predictions, score ≥ {score_threshold:.3g}"))
    for record in (records[index] for index in chosen):
        image = read_image(record["file_name"], format="RGB")
        grid.add(
            *(
                overlay(image, annotations, classes=metadata.thing_classes, with_masks=with_masks)
                for annotations in (record["annotations"], predictions[record["image_id"]])
            )
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
            annotation = {
                "bbox": result["bbox"],
                "bbox_mode": BoxMode.XYWH_ABS,
                "category_id": class_of_category[result["category_id"]],
                "score": result["score"],
            }
            if "segmentation" in result:
                annotation["segmentation"] = result["segmentation"]
            predictions[result["image_id"]].append(annotation)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{results_json} cannot be drawn ({type(error).__name__}: {error}); it should hold "
            "detections on this data set in COCO's result format, as an evaluation writes them."
        ) from error
    return predictions


def overlay(
    image: np.ndarray, annotations: list[dict], *, classes: list[str], with_masks: bool = False
) -> np.ndarray:
    """The image (H, W, 3), RGB, brought to the size of a tile, with boxes, and `with_masks` with
    what masks there are, in a color per class.

    Each box is labeled with its class, and its score or that it is a crowd, where there are
    several classes and not too many boxes.
    """
    original_size = image.shape[:2]
    scale = TILE_SIZE / max(original_size)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = [max(round(scale * side), 1) for side in image.shape[1::-1]]
    image = cv2.resize(image, size, interpolation=interpolation)
    visualizer = Visualizer(image)
    crowded = len(annotations) > CROWDED
    for annotation in annotations:
        box = BoxMode.convert(list(annotation["bbox"]), annotation["bbox_mode"], BoxMode.XYXY_ABS)
        box = scale * np.array(box)
        color = class_color(annotation["category_id"])
        if with_masks and "segmentation" in annotation:
            mask = GenericMask(annotation["segmentation"], *original_size).mask
            mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            visualizer.draw_binary_mask(mask, color=color, alpha=MASK_OPACITY)
        line = {"linewidth": 1 if crowded else 2.5, "edgecolor": color, "alpha": 0.9}
        visualizer.output.ax.add_patch(Rectangle(box[:2], *(box[2:] - box[:2]), fill=False, **line))
        if crowded or len(classes) == 1:
            continue
        text = label(annotation, classes=classes)
        visualizer.draw_text(
            text.replace("$", r"\$"),  # for matplotlib a name with two of them is a formula
            label_corner(box, text, image_size=image.shape[:2]),
            font_size=FONT_SIZE,
            color=color,
            horizontal_alignment="left",
        )
    return visualizer.get_output().get_image()


def label(annotation: dict, *, classes: list[str]) -> str:
    name = classes[annotation["category_id"]]
    if "score" in annotation:
        return f"{name} {annotation['score']:.2f}"
    return f"{name} (crowd)" if annotation.get("iscrowd", 0) else name


def label_corner(box: np.ndarray, text: str, *, image_size: tuple[int, int]) -> tuple[float, float]:
    """The upper left corner (x, y) of a label above its box, or below where the image ends above.

    `box`: x0, y0, x1, y1. `image_size`: height, width.
    """
    height, width = image_size
    x = max(min(box[0], width - LETTER_WIDTH * len(text)), 2)
    y = box[1] - LABEL_HEIGHT
    if y < 0:
        y = min(box[3] + 3, height - LABEL_HEIGHT)
    return x, y


def class_color(number: int) -> tuple[float, float, float]:
    """Bright RGB in [0, 1]; steps of the golden ratio keep the hues of any few classes apart."""
    return colorsys.hsv_to_rgb(number * 0.618034 % 1, 0.5, 1)
