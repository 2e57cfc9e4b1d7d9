"""Boxes (x, y, width, height): HERE, and the same a quarter of its width to the right, IoU 0.6."""

import json

import numpy as np
import pytest
from coco_files import write_annotations, write_results
from oracles import detections as oracle

from dual_weighting.evaluation.coco_metrics import evaluate_boxes, matches_of
from dual_weighting.evaluation.detection_files import read_detection_data
from dual_weighting.evaluation.detection_matching import confusion_matrix, match_detections
from dual_weighting.evaluation.engines import read_annotations
from dual_weighting.utils.errors import UserError

HERE, QUARTER, FAR = (0, 0, 20, 10), (5, 0, 20, 10), (60, 60, 10, 10)


@pytest.fixture
def matches(tmp_path):
    def make(objects, detections, num_images=2, names=("a", "b")):
        truth = write_annotations(
            tmp_path / "truth.json", objects, num_images=num_images, names=names
        )
        return match_detections(
            read_detection_data(truth, write_results(tmp_path / "results.json", detections))
        )

    return make


def test_the_best_detection_takes_the_object(matches):
    """The second one on it finds nothing, though it lies better."""
    found = matches([(0, 0, HERE, False)], [(0, 0, HERE, 0.5), (0, 0, QUARTER, 0.9)]).found
    assert found.tolist() == [0, -1]  # by falling score


def test_the_nearest_free_object(matches):
    objects = [(0, 0, QUARTER, False), (0, 0, HERE, False)]
    found = matches(objects, [(0, 0, HERE, 0.9), (0, 0, HERE, 0.8), (0, 0, HERE, 0.7)]).found
    assert found.tolist() == [1, 0, -1]


def test_of_objects_that_lie_alike_the_last_is_taken(matches):
    """As COCO's evaluation does."""
    objects = [(0, 0, HERE, False), (0, 0, HERE, False)]
    assert matches(objects, [(0, 0, HERE, 0.9)]).found.tolist() == [1]


def test_neither_another_class_nor_another_image(matches):
    objects = [(0, 0, HERE, False)]
    assert matches(objects, [(0, 1, HERE, 0.9), (1, 0, HERE, 0.9)]).found.tolist() == [-1, -1]


def test_an_iou_of_exactly_half_is_enough(matches):
    """10 of 20 pixels."""
    objects = [(0, 0, (0, 0, 20, 1), False)]
    found = matches(objects, [(0, 0, (0, 0, 10, 1), 0.9), (1, 0, (0, 0, 9, 1), 0.9)]).found
    assert found.tolist() == [0, -1]


def test_what_is_in_a_crowd_does_not_count(matches):
    """Half of its area is enough, and the crowd may hold many; the object in it is still found."""
    objects = [(0, 0, (0, 0, 100, 50), True), (0, 0, HERE, False)]
    inside = [(0, 0, (50, 45, 10, 10), 0.9), (0, 0, (30, 0, 10, 10), 0.8), (0, 0, HERE, 0.7)]
    result = matches(objects, [*inside, (0, 1, HERE, 0.6)])
    assert result.ignored.tolist() == [True, True, False, False]
    assert result.found.tolist() == [-1, -1, 1, -1]
    assert result.missed(0.0).tolist() == [False, False]
    assert result.missed(0.75).tolist() == [False, True]


def test_confusion(matches):
    """Object a found, b taken for a, another a missed; b seen where nothing is."""
    objects = [(0, 0, HERE, False), (0, 1, FAR, False), (1, 0, FAR, False)]
    detections = [(0, 0, HERE, 0.9), (0, 0, FAR, 0.8), (1, 1, HERE, 0.7), (1, 1, FAR, 0.2)]
    matrix = confusion_matrix(matches(objects, detections), 0.5)
    assert matrix.tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    matrix = confusion_matrix(matches(objects, detections), 0.1)
    assert matrix.tolist() == [[1, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_only_one_detection_is_confused_with_an_object(matches):
    """The one that lies better; at equal classes the object would be found instead."""
    objects = [(0, 0, HERE, False)]
    detections = [(0, 1, QUARTER, 0.9), (0, 1, HERE, 0.8)]
    matrix = confusion_matrix(matches(objects, detections), 0.0)
    assert matrix.tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("objects", [[], [(0, 0, HERE, False)]])
@pytest.mark.parametrize("detections", [[], [(0, 1, FAR, 0.5)]])
def test_nothing_there_or_nothing_found(matches, objects, detections):
    matrix = confusion_matrix(matches(objects, detections), 0.0)
    assert matrix[0, 2] == len(objects) and matrix[2, 1] == len(detections)
    assert matrix.sum() == len(objects) + len(detections)


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
def test_against_the_oracle_and_coco(matches, tmp_path, seed):
    objects, detections = random_case(seed)
    result = matches(objects, detections, num_images=6, names="abc")
    answers = oracle.match(objects, detections)

    order = sorted(range(120), key=lambda d: (detections[d][0], -detections[d][3]))
    rank = np.array(sorted(range(40), key=lambda o: objects[o][0])).argsort()
    expected = [answers[d] for d in order]
    assert result.ignored.tolist() == [kind == "ignored" for kind, _ in expected]
    assert result.found.tolist() == [-1 if o is None else rank[o] for _, o in expected]
    assert 10 < result.right.sum() < 40 and result.ignored.any()

    truth = read_annotations(str(tmp_path / "truth.json"))
    evaluation = evaluate_boxes(truth, json.loads((tmp_path / "results.json").read_text()))
    scores, right, num_gt = matches_of(evaluation)
    counted = ~result.ignored
    assert sorted(zip(scores, right, strict=True)) == sorted(
        zip(result.data.scores[counted], result.right[counted], strict=True)
    )
    assert num_gt == (~result.data.crowd).sum()

    for threshold in (0.0, 0.5):
        matrix = confusion_matrix(result, threshold)
        counts = oracle.confusion(objects, detections, 3, threshold)
        assert {(i, j): n for (i, j), n in np.ndenumerate(matrix) if n} == counts


def test_unknown_image_or_category(matches):
    with pytest.raises(UserError, match=r"results.json does not hold detections of the images"):
        matches([], [(7, 0, HERE, 0.5)])
    with pytest.raises(UserError, match="KeyError: 60"):
        matches([], [(0, 5, HERE, 0.5)])


def test_a_file_that_is_cut_short(tmp_path):
    truth = write_annotations(tmp_path / "truth.json", [], num_images=1)
    (tmp_path / "results.json").write_text('[{"image_id"')
    with pytest.raises(UserError, match=r"results.json is not complete JSON"):
        read_detection_data(truth, tmp_path / "results.json")
    with pytest.raises(UserError, match=r"none.json cannot be read \(No such file"):
        read_detection_data(truth, tmp_path / "none.json")
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(UserError, match=r"the outermost value is a list"):
        read_detection_data(tmp_path / "results.json", truth)


def test_classes_are_those_of_the_catalog(tmp_path):
    truth = write_annotations(tmp_path / "truth.json", [(0, 0, HERE, False)], num_images=1)
    results = write_results(tmp_path / "results.json", [(0, 1, HERE, 0.5)])
    data = read_detection_data(truth, results, category_ids={10: 1, 20: 0}, class_names=["B", "A"])
    assert data.class_names == ["B", "A"]
    assert data.objects.classes.tolist() == [1] and data.detections.classes.tolist() == [0]
