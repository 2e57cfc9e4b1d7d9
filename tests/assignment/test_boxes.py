import pytest
import torch

from dual_weighting.assignment.boxes import decode_distances, paired_giou, paired_iou


def test_iou_and_giou_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 4, 4]])
    b = torch.tensor([[1.0, 0, 3, 2], [3, 0, 4, 1], [0, 0, 4, 4]])
    assert paired_iou(a, b).tolist() == pytest.approx([2 / 6, 0, 1])
    # hulls 3 x 2, 4 x 1, 4 x 4
    assert paired_giou(a, b).tolist() == pytest.approx([2 / 6, -2 / 4, 1])


def test_boxes_without_area():
    point = torch.zeros(1, 4)
    assert paired_iou(point, point).item() == 0
    assert torch.isfinite(paired_giou(point, point)).all()


def test_decode():
    boxes = decode_distances(torch.tensor([[10.0, 20]]), torch.tensor([[1.0, 2, 3, 4]]))
    assert boxes.tolist() == [[9, 18, 13, 24]]
