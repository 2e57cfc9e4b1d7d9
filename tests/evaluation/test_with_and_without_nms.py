"""Both ways of selecting, of a detector with random weights on data made from its detections."""

import numpy as np
import pytest
import torch
from coco_files import write_annotations
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import COCOEvaluator, inference_on_dataset
from detectron2.structures import Boxes, Instances
from tiny_detector import tiny_detector, training_image

from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator, count_duplicates

NAME = "with_and_without_nms"


@pytest.fixture
def model():
    return tiny_detector(test_score_thresh=0.0, max_detections_per_image=20).eval()


@pytest.fixture
def batches(model, tmp_path):
    """Two images of which the objects are the model's first detections, at twice the size."""
    images = [training_image([], [], seed=n) for n in range(2)]
    objects = []
    for n, image in enumerate(images):
        image |= {"image_id": n + 1, "height": 128, "width": 192}
        found = model([image])[0]["instances"]
        for box, c in zip(found.pred_boxes.tensor[:4].tolist(), found.pred_classes, strict=False):
            x1, y1, x2, y2 = box
            objects.append((n, int(c), (x1, y1, x2 - x1, y2 - y1), False))
    path = write_annotations(tmp_path / "truth.json", objects, num_images=2, names="012")
    MetadataCatalog.get(NAME).set(
        json_file=str(path),
        thing_classes=["0", "1", "2"],
        thing_dataset_id_to_contiguous_id={10: 0, 20: 1, 30: 2},
    )
    yield [[image] for image in images]
    MetadataCatalog.remove(NAME)
    if NAME in DatasetCatalog:
        DatasetCatalog.remove(NAME)


def evaluate(model, batches):
    evaluator = DetectionEvaluator(NAME, min_score=0.0)
    with evaluator.watching(model):
        return inference_on_dataset(model, batches, evaluator)


@pytest.mark.parametrize(("thresh", "own"), [(0.6, "with_nms"), (None, "without_nms")])
def test_one_of_the_two_is_the_model(model, batches, thresh, own):
    model.test_nms_thresh = thresh
    results = evaluate(model, batches)
    assert results["duplicates"][own]["AP"] == results["bbox"]["AP"] > 0
    theirs = inference_on_dataset(model, batches, COCOEvaluator(NAME))
    assert results["bbox"] == pytest.approx(theirs["bbox"], nan_ok=True)


def test_both_ways_come_from_either_setting(model, batches):
    """What the model is set to does not change the report, and the other way is as if set so."""
    model.test_nms_thresh = 0.6
    with_nms = evaluate(model, batches)
    model.test_nms_thresh = None
    without = evaluate(model, batches)
    assert with_nms["duplicates"] == without["duplicates"]
    assert with_nms["bbox"]["AP"] != without["bbox"]["AP"]


def test_nms_takes_duplicates_away(model, batches):
    duplicates = evaluate(model, batches)["duplicates"]
    assert duplicates["with_nms"]["duplicates_per_image"] == 0
    assert duplicates["without_nms"]["duplicates_per_image"] > 0
    for name in ("with_nms", "without_nms"):
        assert np.isfinite(list(duplicates[name].values())).all()


def test_the_model_is_watched_only_during_the_evaluation(model, batches):
    evaluator = DetectionEvaluator(NAME)
    with evaluator.watching(model):
        pass
    assert list(inference_on_dataset(model, batches, evaluator)) == ["bbox"]
    with evaluator.watching(torch.nn.Linear(1, 1)):
        assert list(inference_on_dataset(model, batches, evaluator)) == ["bbox"]


def detections(*rows):
    """Rows of box, score, class."""
    result = Instances((100, 100))
    result.pred_boxes = Boxes(torch.tensor([box for box, _, _ in rows]).float().reshape(-1, 4))
    result.scores = torch.tensor([score for _, score, _ in rows])
    result.pred_classes = torch.tensor([c for _, _, c in rows], dtype=torch.long)
    return result


BOX, NEAR, FAR = [0, 0, 10, 10], [0, 0, 10, 8], [50, 50, 60, 60]  # IoU of the first two: 0.8


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([], 0),
        ([(BOX, 0.9, 1)], 0),
        ([(BOX, 0.9, 1), (FAR, 0.8, 1)], 0),
        ([(BOX, 0.9, 1), (NEAR, 0.8, 1)], 1),
        ([(BOX, 0.9, 1), (NEAR, 0.8, 2)], 0),  # another class
        ([(BOX, 0.9, 1), (NEAR, 0.3, 1)], 0),  # not over the score
        ([(NEAR, 0.5, 1), (BOX, 0.9, 1), (BOX, 0.4, 1)], 2),  # second and third of three
        ([(BOX, 0.9, 1), (NEAR, 0.9, 1)], 1),  # equal scores: one of them is the first
        ([(BOX, 0.9, 1), (FAR, 0.9, 1), (NEAR, 0.8, 1), (FAR, 0.8, 1)], 2),
    ],
)  # fmt: skip
def test_counts(rows, count):
    assert count_duplicates(detections(*rows), min_score=0.3, min_iou=0.7) == count


def test_iou_must_be_larger():
    pair = detections((BOX, 0.9, 1), (NEAR, 0.8, 1))
    assert count_duplicates(pair, min_score=0.3, min_iou=0.81) == 0
