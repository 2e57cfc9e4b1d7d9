import json
import math
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from oracles import crowdhuman as oracle

from dual_weighting.evaluation.crowd_matching import (
    CrowdImage,
    clip,
    greedy_matches,
    weightiest_matching,
)
from dual_weighting.evaluation.crowdhuman import crowd_metrics
from dual_weighting.evaluation.crowdhuman_files import evaluate_odgt

GOLDEN = Path(__file__).parent.parent / "golden"

A, B, ELSEWHERE = [0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]


def image(persons=(), regions=(), detections=(), scores=()):
    boxes = [np.array(x, float).reshape(-1, 4) for x in (persons, regions, detections)]
    return CrowdImage(*boxes, scores=np.array(scores, float), size=(100, 100))


def test_golden_metrics():
    """Of the released evaluator, which has no Jaccard index."""
    metrics = evaluate_odgt(GOLDEN / "crowdhuman_gt.odgt", GOLDEN / "crowdhuman_dt.odgt")
    expected = json.loads((GOLDEN / "crowdhuman_expected.json").read_text())
    for name, value in expected.items():
        assert getattr(metrics, name) == pytest.approx(value, abs=1e-6)


def test_two_images_by_hand():
    """Right, wrong, right, wrong, by falling score; three persons. Recall 1/3 1/3 2/3 2/3,
    precision 1 1/2 2/3 1/2, false positives an image 0 1/2 1/2 1."""
    first = image([A, B], [], [A, ELSEWHERE, B], [0.9, 0.8, 0.7])
    second = image([A], [], [ELSEWHERE], [0.6])
    metrics = crowd_metrics([first, second])
    assert pytest.approx(1 / 3 * (1 / 2 + 2 / 3) / 2) == metrics.AP
    # 1/2 is over the first seven points, 1 over the other two.
    assert pytest.approx(((2 / 3) ** 7 * (1 / 3) ** 2) ** (1 / 9)) == metrics.MR
    assert metrics.Recall == pytest.approx(2 / 3)
    # Every detection shown: 2 / (3 + 2 - 2) and 0.
    assert pytest.approx((2 / 3 + 0) / 2, abs=1e-6) == metrics.JI


def test_regions_to_ignore():
    """What is detected there is not wrong, neither is a second detection of a person there, nor an
    undetected person there counted by the Jaccard index."""
    region = [0, 0, 40, 40]
    people = image([A, B], [region], [A, A, ELSEWHERE, B], [0.9, 0.8, 0.7, 0.6])
    assert astuple(crowd_metrics([people])) == pytest.approx((0.5, 0, 1, 1), abs=1e-6)
    missed = image([A, B], [region], [B], [0.9])
    assert pytest.approx(1, abs=1e-6) == crowd_metrics([missed]).JI
    assert crowd_metrics([missed]).Recall == 0.5
    without = image([A, B], [], [A, A, ELSEWHERE, B], [0.9, 0.8, 0.7, 0.6])
    assert pytest.approx(2 / 4, abs=1e-6) == crowd_metrics([without]).JI
    # Half of it, no more, is in the region: wrong, and the best detection.
    beside = image([B], [region], [[35, 0, 45, 10], B], [0.9, 0.8])
    assert crowd_metrics([beside]).MR == 1
    assert pytest.approx(1 / 2, abs=1e-6) == crowd_metrics([beside]).JI


def test_greedy_and_weightiest_matching():
    """The best detection takes the person that the other one needs; the matching does not."""
    iou = np.array([[0.9, 0.6], [0.8, 0.2]])
    assert greedy_matches(iou, 0.5).tolist() == [True, False]
    detection, person = weightiest_matching(iou, 0.5)
    assert sorted(zip(detection.tolist(), person.tolist(), strict=True)) == [(0, 1), (1, 0)]
    # Two pairs of 0.95 weigh more than three of 0.55.
    chain = np.array([[0.55, 0, 0], [0.95, 0.55, 0], [0, 0.95, 0.55]])
    assert [x.tolist() for x in weightiest_matching(chain, 0.5)] == [[1, 2], [0, 1]]
    assert greedy_matches(np.array([[0.5]]), 0.5).tolist() == [False]
    assert weightiest_matching(np.array([[0.5]]), 0.5)[0].size == 0


def test_boxes_are_clipped():
    assert clip(np.array([[-5.0, -5, 120, 40]]), (50, 100)).tolist() == [[0, 0, 100, 40]]
    assert clip(np.array([[120.0, 60, 130, 70]]), (50, 100)).tolist() == [[99, 49, 100, 50]]
    half_outside = image([[-30, 0, 10, 10]], [], [A], [0.9])
    assert crowd_metrics([half_outside]).Recall == 1


@pytest.mark.parametrize(
    "images, expected",
    [
        ([image([A])], (0, 1, 0, 0)),
        ([image([A]), image()], (0, 1, 0, 0)),
        ([image([], [], [A], [0.9]), image()], (math.nan,) * 4),
        ([image([], [A], [A], [0.9])], (math.nan,) * 4),
    ],
    ids=["nothing detected", "nor anybody there", "only empty images", "only a region"],
)
def test_nothing_to_compare(images, expected):
    assert astuple(crowd_metrics(images)) == pytest.approx(expected, nan_ok=True)


def random_image(rng):
    persons, regions = (random_boxes(rng, n) for n in (rng.integers(1, 4), rng.integers(0, 2)))
    near = persons[rng.integers(len(persons), size=3)] + rng.normal(0, 3, (3, 4))
    detections = np.concatenate((near, random_boxes(rng, 1)))
    scores = np.sort(rng.uniform(0, 1, 4))[::-1]
    return image(persons, regions, detections, scores).clipped()


def random_boxes(rng, count):
    corner, sides = rng.uniform(0, 60, (count, 2)), rng.uniform(15, 40, (count, 2))
    return np.concatenate((corner, corner + sides), axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_oracle(seed):
    rng = np.random.default_rng(seed)
    images = [random_image(rng) for _ in range(8)]
    shuffled = []
    for x in images:
        order = rng.permutation(len(x.scores))
        shuffled.append(image(x.persons, x.regions, x.detections[order], x.scores[order]))
    expected = oracle.metrics(
        [tuple(y.tolist() for y in (x.persons, x.regions, x.detections, x.scores)) for x in images]
    )
    assert astuple(crowd_metrics(shuffled)) == pytest.approx(expected, abs=1e-9)
