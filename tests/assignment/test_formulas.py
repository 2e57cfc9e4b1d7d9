import math

import pytest
import torch

from dual_weighting.assignment.formulas import (
    center_prior,
    centerness,
    consistency,
    consistency_iou,
    negative_importance,
    negative_probability,
    positive_weight,
    soft_degree,
    soft_target,
    task_quality,
)

# The worked example of the slides: candidates A, B, C, D.
SCORES = torch.tensor([0.95, 0.7, 0.6, 0.3])
IOUS = torch.tensor([0.95, 0.4, 0.6, 0.6])


def test_worked_example_positive():
    """w_pos = e^(5t) t with t = s IoU^5. A is 29, printed as 1 because the slides cap it there."""
    w_pos = positive_weight(consistency_iou(SCORES, IOUS, beta=5.0), mu=5.0)
    assert w_pos.clamp(max=1).tolist() == pytest.approx([1.0, 0.01, 0.06, 0.03], abs=0.006)
    assert float(w_pos[0]) == pytest.approx(0.95**6 * math.exp(5 * 0.95**6))


def test_worked_example_negative():
    """w_neg = P_neg s^2. The slides have eq. 6 without the bound of eq. 5, that P_neg is 1 below
    IoU 0.5: for B (1 - 0.4^2) / (1 - 0.5^2) * 0.7^2 = 0.55 instead of 0.7^2 = 0.49."""
    p_neg = negative_probability(IOUS, gamma1=2.0, min_iou=0.5)
    importance = negative_importance(SCORES, gamma2=2.0)
    printed, bounded = p_neg * importance, p_neg.clamp(max=1) * importance
    assert printed[1:].tolist() == pytest.approx([0.55, 0.31, 0.08], abs=0.005)
    assert bounded[1:].tolist() == pytest.approx([0.49, 0.31, 0.08], abs=0.005)
    # A has the largest IoU of the four, so stretched over the candidates its P_neg is 0.
    assert float(p_neg.argmin()) == 0


def test_negative_probability_ends():
    p = negative_probability(torch.tensor([0.5, 1.0]), gamma1=2.0, min_iou=0.5)
    assert p.tolist() == [1.0, 0.0]


def test_consistency_as_released():
    t = consistency(torch.tensor([0.5]), torch.tensor([0.2]), beta=5.0)
    assert float(t) == pytest.approx(0.5 * math.exp(-1))


def test_center_prior():
    """At the centre 1; sigma strides away e^-0.5; the same in strides on every level."""
    offset = torch.tensor([[0.0, 0], [11.1, 0], [0, -22.2]])
    prior = center_prior(offset, torch.tensor([10.0, 10, 20]), sigma=1.11)
    assert prior.tolist() == pytest.approx([1, math.exp(-0.5), math.exp(-0.5)])


def test_task_quality():
    """s^0.2 IoU^0.8; 0 without overlap."""
    q = task_quality(torch.tensor([0.5, 1, 0.7]), torch.tensor([1, 0.25, 0]), alpha=0.8)
    assert q.tolist() == pytest.approx([0.5**0.2, 0.25**0.8, 0])


def test_soft_degree_falls_on_a_line():
    """0.6 in the first of 12 epochs, 0.6 - 0.4 * 6 / 11 in the seventh, 0.2 in the last."""
    degrees = [soft_degree(epoch / 11, first=0.6, last=0.2) for epoch in (0, 6, 11)]
    assert degrees == pytest.approx([0.6, 0.381818, 0.2], abs=1e-6)


def test_soft_target():
    """T s / max s, without a division by zero."""
    t = soft_target(torch.tensor([0.1, 0.2, 0]), torch.tensor([0.2, 0.2, 0]), degree=0.6)
    assert t.tolist() == pytest.approx([0.3, 0.6, 0])


def test_centerness():
    """In the middle 1; at distances 1, 3 and 2, 6 sqrt(1/3 * 1/3)."""
    centers, boxes = (
        torch.tensor([[5.0, 5], [1, 2]]),
        torch.tensor([[0.0, 0, 10, 10], [0, 0, 4, 8]]),
    )
    assert centerness(centers, boxes).tolist() == pytest.approx([1, 1 / 3])
