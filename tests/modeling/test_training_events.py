import math

import pytest
from detectron2.utils.events import EventStorage
from tiny_detector import tiny_detector, training_image

from dual_weighting.assignment import DualWeighting, OneToFew
from dual_weighting.losses import DualWeightingLoss, OneToFewLoss

NAMES = {
    "training_progress",
    "assignment/positives_per_gt",
    "assignment/soft_positives_per_gt",
    "assignment/gts_without_positive",
    "assignment/positive_iou",
    "assignment/positives_level_0",
    "assignment/positives_level_1",
    "assignment/positives_level_2",
}


@pytest.mark.parametrize(
    "scheme",
    [
        {"scheme": DualWeighting(), "losses": DualWeightingLoss()},
        {"scheme": OneToFew(), "losses": OneToFewLoss()},
    ],
    ids=["dw", "o2f"],
)
def test_every_scheme_reports(scheme):
    model = tiny_detector(**scheme).train()
    model.training_progress = 0.25
    with EventStorage() as storage:
        model([training_image([[5, 5, 40, 50], [30, 10, 90, 60]], [0, 2])])
    latest = {name: value for name, (value, _) in storage.latest().items()}
    assert set(latest) == NAMES
    assert latest["training_progress"] == 0.25
    assert 0 < latest["assignment/positive_iou"] < 1
    assert latest["assignment/positives_per_gt"] >= 1
    levels = [latest[f"assignment/positives_level_{k}"] for k in range(3)]
    assert math.isclose(sum(levels), 1, rel_tol=1e-6)


def test_images_without_ground_truth():
    with EventStorage() as storage:
        tiny_detector().train()([training_image([], [])])
    assert set(storage.latest()) == {"training_progress"}


@pytest.mark.parametrize(
    ("start", "max_iter", "expected"),
    [(0, 5, [0, 0.25, 0.5, 0.75, 1]), (3, 5, [0.75, 1]), (0, 1, [0]), (0, 2, [0, 1])],
)
def test_progress_follows_the_iteration(start, max_iter, expected):
    """From the storage that every trainer of Detectron2 keeps, also right after a resume."""
    model, seen = tiny_detector(max_iter=max_iter).train(), []
    with EventStorage(start) as storage:
        for _ in range(start, max_iter):
            model([training_image([], [])])
            seen.append(model.training_progress)
            storage.step()
        model([training_image([], [])])  # an evaluation after the last step
    assert seen == expected and model.training_progress == 1


def test_progress_that_nobody_tells_is_said_once(caplog):
    model = tiny_detector().train()
    with EventStorage(7):
        model([training_image([], [])])
        model([training_image([], [])])
    assert caplog.text.count("progress of the training is not known") == 1
    caplog.clear()
    model = tiny_detector().train()
    model.training_progress = 0.5
    model([training_image([], [])])
    assert not caplog.text and model.training_progress == 0.5
