import json

import numpy as np
import pytest
from coco_files import write_annotations, write_results

from dual_weighting.evaluation.coco_metrics import evaluate_boxes, threshold_curve
from dual_weighting.evaluation.detection_files import read_detection_data
from dual_weighting.evaluation.detection_matching import match_detections
from dual_weighting.evaluation.detection_statistics import (
    ImageErrors,
    best_points,
    image_errors,
    objects_per_class,
    precision_table,
    reliability,
)
from dual_weighting.evaluation.engines import ENGINES, read_annotations

HERE, FAR, NOWHERE = (0, 0, 10, 10), (50, 50, 10, 10), (80, 0, 10, 10)
# Of a two objects and a crowd, of b one, of c none; of a three images.
OBJECTS = [(0, 0, HERE, False), (1, 0, FAR, False), (1, 0, NOWHERE, True), (0, 1, FAR, False)]
DETECTIONS = [
    (0, 0, HERE, 0.9),  # right
    (1, 0, HERE, 0.8),  # wrong
    (1, 0, FAR, 0.7),  # right
    (1, 0, NOWHERE, 0.95),  # in the crowd
    (0, 1, FAR, 0.4),  # right
    (2, 1, HERE, 0.3),  # wrong
]


@pytest.fixture
def files(tmp_path):
    truth = write_annotations(tmp_path / "truth.json", OBJECTS, num_images=3, names="abc")
    return truth, write_results(tmp_path / "results.json", DETECTIONS)


def test_best_points(files):
    """Of a: F1 2/3, 1/2, 4/5 at 0.9, 0.8, 0.7. Of b: 1 at 0.4. Together at 0.4: 6/7."""
    overall, (a, b, c) = best_points(match_detections(read_detection_data(*files)))
    assert (a.threshold, a.f1, a.recall) == pytest.approx((0.7, 80, 100))
    assert a.precision == pytest.approx(200 / 3)
    assert (b.threshold, b.f1) == pytest.approx((0.4, 100))
    assert np.isnan(c.threshold) and c.f1 == 0
    assert (overall.threshold, overall.f1, overall.recall) == pytest.approx((0.4, 600 / 7, 100))


def test_objects_per_class(files):
    matches = match_detections(read_detection_data(*files))
    assert objects_per_class(matches).tolist() == [2, 1, 0]


def test_image_errors(files):
    """At 0.75 the second image has a wrong one and a miss, the first a miss."""
    errors = image_errors(match_detections(read_detection_data(*files)), 0.75)
    assert errors.right.tolist() == [1, 0, 0]
    assert errors.wrong.tolist() == [0, 1, 0]
    assert errors.missed.tolist() == [1, 1, 0]
    assert errors.f1() == pytest.approx([2 / 3, 0, 1])
    assert errors.worst(5).tolist() == [1, 0]
    assert errors.worst(1).tolist() == [1]


def test_of_equally_many_errors_the_lowest_f1_is_worst():
    errors = ImageErrors(right=np.array([9, 0]), wrong=np.array([1, 1]), missed=np.array([0, 0]))
    assert errors.worst(2).tolist() == [1, 0]


def test_reliability():
    """Two bins: of 0.1 and 0.3 one is right, of 0.5, 0.9 and 1 all: 0.3, 0.5; 0.8, 1."""
    bins = reliability(
        np.array([0.1, 0.3, 0.5, 0.9, 1.0]), np.array([False, True, True, True, True]), num_bins=2
    )
    assert bins.count.tolist() == [2, 3]
    assert bins.score == pytest.approx([0.2, 0.8])
    assert bins.precision == pytest.approx([0.5, 1.0])
    assert bins.expected_error() == pytest.approx((2 * 0.3 + 3 * 0.2) / 5)


def test_reliability_of_empty_bins():
    bins = reliability(np.array([0.95]), np.array([True]))
    assert bins.count.tolist() == [0] * 9 + [1]
    assert np.isnan(bins.precision[:9]).all() and bins.expected_error() == pytest.approx(0.05)
    assert np.isnan(reliability(np.zeros(0), np.zeros(0, bool)).expected_error())


def test_threshold_curve():
    curve = threshold_curve(
        np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]), num_gt=4
    )
    assert curve.threshold.tolist() == [0.9, 0.5, 0.1]
    assert curve.precision == pytest.approx([100, 200 / 3, 50])
    assert curve.recall == pytest.approx([25, 50, 50])
    assert curve.f1 == pytest.approx([40, 400 / 7, 50])
    assert len(threshold_curve(np.zeros(0), np.zeros(0, bool), num_gt=2).f1) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_precision_table(files, engine):
    """Class a is right up to half the recall, then 2 of 3; b always; c has no object."""
    truth, results = files
    evaluation = evaluate_boxes(
        read_annotations(str(truth), engine), json.loads(results.read_text())
    )
    table = precision_table(evaluation)
    assert table.shape == (10, 101, 3)
    assert table[0, :51, 0] == pytest.approx(1) and table[0, 51:, 0] == pytest.approx(2 / 3)
    assert table[9, :, 1] == pytest.approx(1)
    assert np.isnan(table[..., 2]).all()
