import json

import cv2
import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.structures import BoxMode
from pycocotools import mask as rle

from dual_weighting.utils.errors import UserError
from dual_weighting.visualization import draw_detections
from dual_weighting.visualization.detections import (
    LABEL_HEIGHT,
    LETTER_WIDTH,
    TILE_SIZE,
    label_corner,
    overlay,
    read_predictions,
)
from dual_weighting.visualization.grid import GAP, MARGIN, TITLE_HEIGHT

CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
LEVELS = [40 * image_id for image_id in range(1, 6)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Five grey images of 100 x 50 pixels, `LEVELS` of brightness, a box on each."""
    folder = tmp_path_factory.mktemp("grey")
    for image_id, level in enumerate(LEVELS, start=1):
        cv2.imwrite(str(folder / f"{image_id}.png"), np.full((50, 100, 3), level))
    content = {
        "images": [
            {"id": image_id, "file_name": f"{image_id}.png", "width": 100, "height": 50}
            for image_id in range(1, 6)
        ],
        "annotations": [
            {"id": image_id, "image_id": image_id, "category_id": 7, "bbox": [20, 10, 30, 20]}
            for image_id in range(1, 6)
        ],
        "categories": CATEGORIES,
    }
    json_file = folder / "annotations.json"
    json_file.write_text(json.dumps(content))
    register_coco_instances("test_grey", {}, str(json_file), str(folder))
    yield "test_grey"
    DatasetCatalog.remove("test_grey")
    MetadataCatalog.remove("test_grey")


def write_results(folder, results):
    path = folder / "results.json"
    path.write_text(json.dumps(results))
    return path


def detection(image_id=1, score=0.9, category_id=3):
    box = [60, 20, 30, 20]
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}


def tile(page, row, column):
    """A picture of the page: ground truths in columns 0 and 2, predictions in 1 and 3."""
    height, width = TILE_SIZE // 2, TILE_SIZE
    x = MARGIN + (column // 2) * (2 * width + GAP + MARGIN) + (column % 2) * (width + GAP)
    y = TITLE_HEIGHT + row * (height + MARGIN)
    return page[y : y + height, x : x + width].astype(int)


def test_page_shows_truth_beside_predictions(dataset, tmp_path):
    """Images 1, 3 and 5 of five; the truth at (20, 10), the only prediction at (60, 20)."""
    results = write_results(tmp_path, [detection(image_id=3), detection(image_id=1, score=0.2)])
    draw_detections(
        dataset_name=dataset,
        results_json=results,
        output_file=tmp_path / "detections.png",
        num_images=3,
    )
    page = cv2.imread(str(tmp_path / "detections.png"))
    width = 2 * (2 * TILE_SIZE + GAP) + 3 * MARGIN
    assert page.shape == (TITLE_HEIGHT + 2 * (TILE_SIZE // 2 + MARGIN), width, 3)
    assert (page[:TITLE_HEIGHT, : width // 4] < 100).any(), "a title"
    for row, column, level in ((0, 0, LEVELS[0]), (0, 2, LEVELS[2]), (1, 0, LEVELS[4])):
        truth, predictions = tile(page, row, column), tile(page, row, column + 1)
        assert (truth[5, 5] == level).all()
        left_side = truth[60:100, 77:84]  # x = 20 of 100 is pixel 80
        assert (np.abs(left_side - level).max(axis=(1, 2)) > 30).all()
        assert (truth[60:100, 90:190] == level).all(), "nothing inside of the box"
        if column == 2:
            left_side = predictions[90:150, 237:244]
            assert (np.abs(left_side - level).max(axis=(1, 2)) > 30).all()
            assert (predictions[:, :200] == level).all(), "no truth among the predictions"
        else:
            assert (predictions == level).all(), "a score below the threshold"
    assert (tile(page, 1, 2) == 255).all(), "no fourth pair"


def test_more_images_than_there_are(dataset, tmp_path):
    draw_detections(
        dataset_name=dataset,
        results_json=write_results(tmp_path, []),
        output_file=tmp_path / "detections.png",
        num_images=50,
    )
    page = cv2.imread(str(tmp_path / "detections.png"))
    assert page.shape[0] == TITLE_HEIGHT + 3 * (TILE_SIZE // 2 + MARGIN)


def test_scores_and_categories_are_translated(tmp_path):
    results = write_results(
        tmp_path, [detection(score=0.5), detection(score=0.49), detection(4, 0.7, category_id=7)]
    )
    predictions = read_predictions(results, class_of_category={3: 0, 7: 1}, score_threshold=0.5)
    assert [item["score"] for item in predictions[1]] == [0.5]
    assert [item["category_id"] for item in predictions[4]] == [1]
    assert predictions[2] == []


@pytest.mark.parametrize(
    "results", [[detection(category_id=4)], [{"image_id": 1}], 5], ids=["category", "keys", "type"]
)
def test_results_of_something_else(dataset, tmp_path, results):
    path = write_results(tmp_path, results)
    with pytest.raises(UserError, match=f"{path} cannot be drawn"):
        draw_detections(
            dataset_name=dataset, results_json=path, output_file=tmp_path / "detections.png"
        )


def test_large_images_become_tiles():
    image = np.zeros((900, 1200, 3), np.uint8)
    annotation = {"bbox": [600, 0, 600, 900], "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0}
    picture = overlay(image, [annotation], classes=["cat"])
    assert picture.shape == (TILE_SIZE * 3 // 4, TILE_SIZE, 3)
    assert picture[100:200, TILE_SIZE // 2].max(axis=1).min() > 100, "left side of the box"


def test_labels_stay_inside_the_image():
    image_size = (200, 400)
    assert label_corner(np.array([50, 60, 90, 90]), "cat", image_size=image_size) == (
        50,
        60 - LABEL_HEIGHT,
    )
    assert label_corner(np.array([50, 5, 90, 90]), "cat", image_size=image_size) == (50, 93)
    assert label_corner(np.array([50, 5, 90, 199]), "cat", image_size=image_size) == (
        50,
        200 - LABEL_HEIGHT,
    )
    x, _ = label_corner(np.array([390, 60, 399, 90]), "cat", image_size=image_size)
    assert x == 400 - 3 * LETTER_WIDTH


def test_masks_are_drawn():
    """A mask of 10 x 10 pixels inside a box of 30 x 20: only its place is filled."""
    polygon = [[30, 15, 40, 15, 40, 25, 30, 25]]
    annotation = {"bbox": [20, 10, 30, 20], "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0}
    image = np.full((50, 100, 3), 128, dtype=np.uint8)
    scale = TILE_SIZE // 100
    for segmentation in (polygon, rle.merge(rle.frPyObjects(polygon, 50, 100))):
        picture, plain = (
            overlay(
                image,
                [annotation | {"segmentation": segmentation}],
                classes=["cat"],
                with_masks=with_masks,
            )
            for with_masks in (True, False)
        )
        changed = (picture != plain).any(axis=2)
        assert changed[16 * scale : 24 * scale, 31 * scale : 39 * scale].all()
        assert changed.sum() < 1.2 * (10 * scale) ** 2


@pytest.mark.parametrize("number, crowded", [(20, False), (21, True)])
def test_a_crowd_has_thin_boxes_and_no_labels(number, crowded):
    blank = np.full((100, 100, 3), 255, np.uint8)
    box = {"bbox_mode": BoxMode.XYXY_ABS, "category_id": 0}
    boxes = [box | {"bbox": [10, 50, 40, 90]}, *[box | {"bbox": [60, 60, 90, 95]}] * (number - 1)]
    drawn = overlay(blank, boxes, classes=["a", "b"])
    assert (drawn[:190] == 255).all() == crowded, "a label above the box"
    width = (drawn[280, 20:60] < 200).any(axis=1).sum()
    assert width <= 2 if crowded else width > 2
    assert (overlay(blank, boxes[:1], classes=["a"])[:190] == 255).all()
