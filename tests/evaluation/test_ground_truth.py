"""hotcoco against pycocotools, the reference: every number, bit by bit."""

import json

import numpy as np
import pytest
from coco_files import write_annotations

from dual_weighting.evaluation.ground_truth import (
    ENGINES,
    Detections,
    GroundTruth,
    average_precision,
)
from dual_weighting.utils.errors import UserError

from .random_coco import random_data

A, B = [0, 0, 10, 10], [50, 50, 40, 40]


def detections_of(truth, results):
    found = truth.read_results(results)
    masks = [x["segmentation"] for x in results if "segmentation" in x]
    columns = (found.image, found.classes, found.xywh, found.scores)
    return Detections(*columns, masks or None)


def assert_engines_agree(json_file, results, task):
    truth = GroundTruth(json_file)
    fast, reference = (
        truth.judge(detections_of(truth, results), task=task, engine=engine) for engine in ENGINES
    )
    assert type(fast) is not type(reference)
    np.testing.assert_array_equal(fast.stats, reference.stats)
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(fast.eval[name], reference.eval[name])
    return reference.stats


@pytest.mark.parametrize("task", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_random_detections(seed, task, tmp_path):
    content, results = random_data(seed)
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    stats = assert_engines_agree(path, results, task)
    assert len(stats) == 12 and (stats > 0).all(), "a case in which everything counts"


@pytest.fixture
def truth(tmp_path):
    """Two objects, one of each class; annotation ids from 0, and an image whose id is text."""
    path = write_annotations(
        tmp_path / "truth.json", [(0, 0, A, False), (0, 1, B, False)], num_images=1
    )
    content = json.loads(path.read_text())
    content["images"][0]["id"] = "one"
    for number, annotation in enumerate(content["annotations"]):
        annotation |= {"id": number, "image_id": "one"}
    path.write_text(json.dumps(content))
    return GroundTruth(path)


def results(*found):
    return [
        {"image_id": "one", "category_id": 10 * (k + 1), "bbox": box, "score": score}
        for k, box, score in found
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_by_hand(engine, truth):
    """A small object found, a medium one not: AP is the mean of 1 and 0, and of no large one."""
    stats = truth.judge(truth.read_results(results((0, A, 0.9))), engine=engine).stats
    assert stats[0] == pytest.approx(0.5)
    assert stats[3:6] == pytest.approx([1, 0, -1])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_annotation_with_the_id_0(engine, truth):
    """pycocotools takes id 0 for "no object", so that one would never be found."""
    found = truth.read_results(results((0, A, 0.9), (1, B, 0.8)))
    assert average_precision(truth.judge(found, engine=engine)) == pytest.approx(100)


def test_without_detections(truth):
    assert truth.judge(truth.read_results([])) is None
    assert np.isnan(average_precision(None))


def test_classes_of_the_catalog(truth):
    other = GroundTruth(truth.json_file, classes={10: 1, 20: 0}, class_names=["B", "A"])
    assert other.class_names == ["B", "A"] and other.classes.tolist() == [1, 0]
    assert other.read_results(results((0, A, 0.5))).classes.tolist() == [1]


@pytest.mark.parametrize(
    ("change", "fact"),
    [({"image_id": 7}, "KeyError: 7"), ({"category_id": 60}, "KeyError: 60"),
     ({"score": 2}, r"outside \[0, 1\]"), ({"bbox": [0, 0, 1]}, "reshape"),
     ({"bbox": [0, 0, 1, float("inf")]}, "not finite")],
)  # fmt: skip
def test_results_of_other_data(truth, change, fact):
    (row,) = results((0, A, 0.5))
    with pytest.raises(UserError, match=rf"of {truth.json_file}.*{fact}"):
        truth.read_results([row | change])


def test_written_results_are_read_back(truth, tmp_path):
    rows = results((0, A, 0.5), (1, B, 0.25))
    truth.write_results(truth.read_results(rows), tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text()) == [
        row | {"bbox": [float(x) for x in row["bbox"]]} for row in rows
    ]
    truth.write_results(truth.read_results([]), tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text() == "[]"
