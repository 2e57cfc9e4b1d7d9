import pytest
import torch

from dual_weighting.export.candidates import (
    ABSENT,
    Candidates,
    class_wise_nms,
    float32_below,
    level_candidates,
)


def candidates(boxes, scores, classes):
    count = len(boxes)
    return Candidates(
        torch.tensor(boxes, dtype=torch.float32),
        torch.tensor(scores),
        torch.tensor(classes),
        torch.arange(count),
        torch.zeros(count, 2),
        torch.full((count,), 8.0),
    )


def test_pairs_of_a_level_by_falling_score():
    """Point 1 has two classes above 0.3; of five wanted pairs only three count."""
    scores = torch.tensor([[0.1, 0.6], [0.9, 0.4], [0.3, 0.0]])
    best, classes, point = level_candidates(scores.where(scores > 0.3, 0.0), 5)
    torch.testing.assert_close(best, torch.tensor([0.9, 0.6, 0.4, ABSENT, ABSENT]))
    assert classes.tolist() == [0, 1, 1, 0, 0] and point.tolist() == [1, 0, 1, 0, 0]


def test_a_level_of_more_pairs_than_are_wanted():
    best, classes, point = level_candidates(torch.tensor([[0.5, 0.7], [0.6, 0.8]]), 2)
    torch.testing.assert_close(best, torch.tensor([0.8, 0.7]))
    assert classes.tolist() == [1, 1] and point.tolist() == [1, 0]


def test_nms_looks_at_one_class_at_a_time():
    """IoU of the first two is 9/11, of the last with them 1; the third is of another class."""
    x = candidates(
        [[0, 0, 10, 10], [0, 1, 10, 11], [0, 0, 10, 10], [0, 0, 10, 10]],
        [0.5, 0.6, 0.4, ABSENT],
        [0, 0, 1, 0],
    )
    torch.testing.assert_close(
        class_wise_nms(x, 0.8).scores, torch.tensor([ABSENT, 0.6, 0.4, ABSENT])
    )
    torch.testing.assert_close(class_wise_nms(x, 0.85).scores, x.scores)


@pytest.mark.parametrize("scores", [[ABSENT, ABSENT], [ABSENT, 0.5]])
def test_nms_of_none_and_one(scores):
    x = candidates([[0, 0, 4, 4], [0, 0, 4, 4]], scores, [0, 0])
    torch.testing.assert_close(class_wise_nms(x, 0.5).scores, torch.tensor(scores))


class RecordedNMS(torch.nn.Module):
    """Scores of the candidates that are left."""

    def forward(self, boxes, scores, classes):
        x = Candidates(boxes, scores, classes, classes, boxes[:, :2], scores)
        return class_wise_nms(x, 0.5).present().scores


@pytest.mark.parametrize("scores", [[ABSENT, ABSENT, ABSENT], [ABSENT, 0.5, 0.4], [0.2, 0.3, 0.4]])
def test_a_recorded_nms_keeps_any_number(scores):
    """Recorded with three of which two are left; on three of the same box none or one is."""
    x = candidates([[0, 0, 4, 4], [0, 0, 4, 4], [8, 8, 9, 9]], [0.5, 0.4, 0.3], [0, 0, 1])[:3]
    program = torch.export.export(RecordedNMS(), tuple(x)).module()
    boxes, scores = torch.tensor([[0.0, 0.0, 4.0, 4.0]]).expand(3, 4), torch.tensor(scores)
    best = scores.max()[None]
    found = program(boxes.contiguous(), scores, torch.zeros(3, dtype=torch.long))
    torch.testing.assert_close(found, best[best > ABSENT])


def test_the_best_that_are_present():
    """The fourth lies outside an image of 20 rows and 30 columns and has no area left."""
    x = candidates(
        [[-5, 2, 40, 25], [1, 1, 2, 2], [3, 3, 4, 4], [31, 0, 40, 5]],
        [0.4, ABSENT, 0.8, 0.9],
        [0, 1, 2, 3],
    )
    found = x.clip(20, 30).best(3).present()
    assert found.classes.tolist() == found.point.tolist() == [2, 0]
    assert found.boxes.tolist() == [[3, 3, 4, 4], [0, 2, 30, 20]]
    torch.testing.assert_close(found.scores, torch.tensor([0.8, 0.4]))
    assert len(x.best(1).clip(20, 30).present().scores) == 0


def test_an_iou_of_exactly_the_threshold():
    """The IoU of the two is 6/10, in float32 a little above 0.6 as a float64, so one is suppressed.
    As a float32 the threshold must be the one below, and that of 0.5 itself."""
    x = candidates([[0, 0, 10, 1], [0, 0, 6, 1]], [0.9, 0.8], [0, 0])
    assert class_wise_nms(x, 0.6).scores[1] == ABSENT
    assert 0.6 - 1e-7 < float32_below(0.6) < 0.6 and float32_below(0.5) == 0.5
    assert float32_below(0.7) == float(torch.tensor(0.7)) < 0.7
