import itertools
import json

import cv2
import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances

NUMBERS = itertools.count()


def coco_content():
    """Two images of 40 x 30 pixels, a box on each, categories 3 and 7."""
    return {
        "images": [
            {"id": image_id, "file_name": f"{image_id}.png", "width": 40, "height": 30}
            for image_id in (1, 2)
        ],
        "annotations": [
            {"id": 11, "image_id": 1, "category_id": 3, "bbox": [5, 6, 10, 12], "iscrowd": 0},
            {"id": 12, "image_id": 2, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 0},
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
    }


@pytest.fixture
def content():
    return coco_content()


@pytest.fixture
def register(tmp_path):
    """A function that writes content as a data set of its own and returns its name."""
    names = []

    def write_and_register(content):
        name = f"test_coco_{next(NUMBERS)}"
        images = tmp_path / name
        images.mkdir()
        for image_id in (1, 2):
            cv2.imwrite(str(images / f"{image_id}.png"), np.full((30, 40, 3), 60 * image_id))
        json_file = tmp_path / f"{name}.json"
        json_file.write_text(content if isinstance(content, str) else json.dumps(content))
        register_coco_instances(name, {}, str(json_file), str(images))
        names.append(name)
        return name

    yield write_and_register
    for name in names:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
