import json

import numpy as np
import pytest

from dual_weighting.evaluation.coco_metrics import (
    average_precision,
    best_operating_point,
    evaluate_boxes,
)
from dual_weighting.evaluation.engines import read_annotations

BOX, FAR = [0, 0, 10, 10], [50, 50, 10, 10]  # x, y, width, height


@pytest.fixture
def annotations(tmp_path):
    """One image with two objects, one of each class, and a crowd."""

    def annotation(number, box, category, crowd=0):
        return {"id": number, "image_id": 1, "bbox": box, "category_id": category, "area": 100,
                "iscrowd": crowd}  # fmt: skip

    content = {
        "images": [{"id": 1, "file_name": "1.png", "width": 100, "height": 100}],
        "annotations": [
            annotation(1, BOX, 1),
            annotation(2, FAR, 2),
            annotation(3, [20, 20, 20, 20], 1, crowd=1),
        ],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    }
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    return read_annotations(str(path))


def result(box, category, score):
    return {"image_id": 1, "bbox": box, "category_id": category, "score": score}


def test_the_threshold_that_keeps_the_right_ones(annotations):
    """Right at 0.9, wrong at 0.8, right at 0.7, wrong at 0.6: F1 is 2/3, 1/2, 4/5, 2/3."""
    results = [
        result(BOX, 1, 0.9), result(FAR, 1, 0.8), result(FAR, 2, 0.7), result(BOX, 2, 0.6)
    ]  # fmt: skip
    point = best_operating_point(evaluate_boxes(annotations, results))
    assert point.threshold == pytest.approx(0.7)
    assert point.f1 == pytest.approx(80)
    assert point.precision == pytest.approx(200 / 3)
    assert point.recall == pytest.approx(100)


def test_equal_scores_stand_or_fall_together(annotations):
    """At 0.9: one right, one wrong; nobody can keep only the right one."""
    results = [result(BOX, 1, 0.9), result([70, 0, 10, 10], 1, 0.9)]
    point = best_operating_point(evaluate_boxes(annotations, results))
    assert (point.f1, point.precision, point.recall) == pytest.approx((50, 50, 50))


def test_detections_of_a_crowd_do_not_count(annotations):
    results = [result(BOX, 1, 0.9), result([22, 22, 10, 10], 1, 0.95)]
    point = best_operating_point(evaluate_boxes(annotations, results))
    assert (point.precision, point.recall) == pytest.approx((100, 50))


@pytest.mark.parametrize("results", [[], [result([70, 0, 10, 10], 1, 0.9)]])
def test_nothing_right(annotations, results):
    point = best_operating_point(evaluate_boxes(annotations, results))
    assert point.f1 == 0 and np.isnan(point.threshold)


def test_average_precision(annotations):
    """One of two classes is found perfectly."""
    evaluation = evaluate_boxes(annotations, [result(BOX, 1, 0.9)])
    assert average_precision(evaluation) == pytest.approx(50)
    assert np.isnan(average_precision(None))
