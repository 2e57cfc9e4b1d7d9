"""Boxes (x, y, width, height): HERE, and the same a quarter of its width to the right, IoU 0.6."""

import numpy as np
import pytest
from coco_files import write_annotations
from oracles import detections as oracle

from dual_weighting.evaluation.diagnosis import (
    Diagnosis,
    ImageErrors,
    operating_point,
    threshold_curve,
)
from dual_weighting.evaluation.ground_truth import Detections, GroundTruth

HERE, QUARTER, FAR, NOWHERE = (0, 0, 20, 10), (5, 0, 20, 10), (60, 60, 10, 10), (80, 0, 10, 10)


@pytest.fixture
def diagnose(tmp_path):
    def diagnose(objects, detections, num_images=3, names="abc"):
        truth = GroundTruth(
            write_annotations(tmp_path / "truth.json", objects, num_images=num_images, names=names)
        )
        image, classes, boxes, scores = zip(*detections, strict=True) if detections else [()] * 4
        return Diagnosis(
            truth,
            Detections(np.array(image, int), np.array(classes, int),
                       np.array(boxes, float).reshape(-1, 4), np.array(scores, float)),
        )  # fmt: skip

    return diagnose


@pytest.fixture
def example(diagnose):
    """Of a two objects and a crowd, of b one, of c none."""
    objects = [(0, 0, HERE, False), (1, 0, FAR, False), (1, 0, NOWHERE, True), (0, 1, FAR, False)]
    detections = [
        (0, 0, HERE, 0.9),  # right
        (1, 0, HERE, 0.8),  # wrong
        (1, 0, FAR, 0.7),  # right
        (1, 0, NOWHERE, 0.95),  # in the crowd
        (0, 1, FAR, 0.4),  # right
        (2, 1, HERE, 0.3),  # wrong
    ]
    return diagnose(objects, detections)


def test_operating_points(example):
    """Of a: F1 2/3, 1/2, 4/5 at 0.9, 0.8, 0.7. Of b: 1 at 0.4. Together at 0.4: 6/7."""
    a, b, c = example.of_class
    assert (a.threshold, a.f1, a.recall) == pytest.approx((0.7, 80, 100))
    assert a.precision == pytest.approx(200 / 3)
    assert (b.threshold, b.f1) == pytest.approx((0.4, 100))
    assert np.isnan(c.threshold) and c.f1 == 0
    overall = example.overall
    assert (overall.threshold, overall.f1, overall.recall) == pytest.approx((0.4, 600 / 7, 100))
    assert example.objects_per_class.tolist() == [2, 1, 0]


def test_threshold_curve():
    curve = threshold_curve(
        np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]), num_objects=4
    )
    assert curve.threshold.tolist() == [0.9, 0.5, 0.1]
    assert curve.precision == pytest.approx([100, 200 / 3, 50])
    assert curve.recall == pytest.approx([25, 50, 50])
    assert curve.f1 == pytest.approx([40, 400 / 7, 50])
    empty = threshold_curve(np.zeros(0), np.zeros(0, bool), num_objects=2)
    assert np.isnan(operating_point(empty).threshold)


def test_precision_table(example):
    """Class a is right up to half the recall, then 2 of 3; b always; c has no object."""
    table = example.precision
    assert table.shape == (10, 101, 3)
    assert table[0, :51, 0] == pytest.approx(1) and table[0, 51:, 0] == pytest.approx(2 / 3)
    assert table[9, :, 1] == pytest.approx(1)
    assert np.isnan(table[..., 2]).all()
    assert example.ap_per_class[1] == pytest.approx(100)


def test_image_errors(example):
    """At 0.4 the second image has a wrong one; the third's is below the threshold."""
    errors = example.image_errors
    assert errors.right.tolist() == [2, 1, 0]
    assert errors.wrong.tolist() == [0, 1, 0]
    assert errors.missed.tolist() == [0, 0, 0]
    assert errors.worst(5).tolist() == [1]


def test_of_equally_many_errors_the_lowest_f1_is_worst():
    errors = ImageErrors(right=np.array([9, 0]), wrong=np.array([1, 1]), missed=np.array([0, 0]))
    assert errors.worst(2).tolist() == [1, 0] and errors.worst(1).tolist() == [1]


def test_calibration(diagnose):
    """Of 0.95 one of two is right, of 0.55 the only one: ECE is (2 x 0.45 + 0.45) / 3."""
    objects = [(0, 0, HERE, False), (0, 1, FAR, False)]
    found = diagnose(objects, [(0, 0, HERE, 0.95), (0, 0, FAR, 0.95), (0, 1, FAR, 0.55)])
    assert found.calibration["ece"] == pytest.approx((2 * 0.45 + 0.45) / 3)
    assert [x["count"] for x in found.calibration["bins"]] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]


def test_confusion(diagnose):
    """Object a found, b taken for a, another a missed; b seen where nothing is. The detection of
    score 0.2 is below the best threshold."""
    objects = [(0, 0, HERE, False), (0, 1, FAR, False), (1, 0, FAR, False), (2, 1, HERE, False)]
    detections = [(0, 0, HERE, 0.9), (0, 0, FAR, 0.8), (1, 1, HERE, 0.7), (1, 1, FAR, 0.2),
                  (2, 1, HERE, 0.8)]  # fmt: skip
    found = diagnose(objects, detections, names="ab")
    assert found.threshold == pytest.approx(0.8)
    assert found.confusion.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]


def test_confusion_without_what_is_in_a_crowd(example):
    """The detection in the crowd is neither right nor background."""
    expected = [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert example.confusion.tolist() == expected


def test_kinds_of_errors(diagnose):
    objects = [(0, 0, HERE, False), (0, 1, FAR, False), (1, 0, FAR, False)]
    found = diagnose(objects, [(0, 0, HERE, 0.9), (0, 0, HERE, 0.8), (0, 0, FAR, 0.7)])
    counts = found.tide["counts"]
    assert (counts["Dupe"], counts["Cls"], counts["Miss"]) == (1, 1, 1)


@pytest.mark.parametrize("objects", [[], [(0, 0, HERE, False)]])
@pytest.mark.parametrize("detections", [[], [(0, 1, FAR, 0.5)]])
def test_nothing_there_or_nothing_found(diagnose, objects, detections):
    found = diagnose(objects, detections)
    assert found.threshold == 0 and np.isnan(found.overall.threshold)
    matrix = found.confusion
    assert matrix[0, 3] == len(objects) and matrix[3, 1] == len(detections)
    assert matrix.sum() == len(objects) + len(detections)
    assert found.image_errors.missed.sum() == len(objects)
    assert found.precision.shape == (10, 101, 3)


def random_case(seed, num_images=6, num_classes=3):
    rng = np.random.default_rng(seed)

    def boxes(count):
        corner, size = rng.integers(0, 12, (count, 2)), rng.integers(15, 30, (count, 2))
        return np.concatenate((corner, size), axis=1).astype(float).tolist()

    def rows(count):
        return zip(
            rng.integers(0, num_images - 1, count).tolist(),  # the last image has nothing
            rng.integers(0, num_classes, count).tolist(),
            boxes(count),
            strict=True,
        )

    objects = [(*row, bool(rng.random() < 0.15)) for row in rows(40)]
    scores = rng.permutation(120) / 120  # all different
    detections = [(*row, float(s)) for row, s in zip(rows(120), scores, strict=True)]
    return objects, detections


@pytest.mark.parametrize("seed", range(5))
def test_against_the_oracle(diagnose, seed):
    """Which detections count, which of these are right, and which objects they find."""
    objects, detections = random_case(seed)
    found = diagnose(objects, detections, num_images=6)
    answers = oracle.match(objects, detections)
    counted = [d for d, (kind, _) in enumerate(answers) if kind != "ignored"]
    assert found.counted.scores.tolist() == [detections[d][3] for d in counted]
    assert found.right.tolist() == [answers[d][0] == "right" for d in counted]
    assert 10 < found.right.sum() < 40 and len(counted) < 120
    finder = {o: detections[d][3] for d, (_, o) in enumerate(answers) if o is not None}
    expected = [finder.get(o, -np.inf) for o, x in enumerate(objects) if not x[3]]
    assert found.found_at.tolist() == expected
