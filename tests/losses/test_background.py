import math

import pytest
import torch
from operations import peak_memory
from scenes import batch_of, one_level_scene, with_gradient

from dual_weighting.assignment import Assignment
from dual_weighting.losses import background
from dual_weighting.losses.background import (
    background_and_logits,
    background_loss,
    pair_background_loss,
)

# Two ground truths, of class 1 and of class 0.
SCENE = one_level_scene(
    [[4.0, 4, 4, 4]] * 4, [[0.0, 0, 8, 8], [8, 0, 16, 8]], [1, 0], num_classes=3
)


def by_autograd(cls_logits, objectness_logits, gamma):
    s = cls_logits.sigmoid() * objectness_logits.sigmoid()
    return (s**gamma * -torch.log(1 - s)).sum()


def random_logits(dtype=torch.float64, shape=(2, 30, 5)):
    generator = torch.Generator().manual_seed(0)
    cls = torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()
    objectness = torch.randn((*shape[:2], 1), generator=generator, dtype=dtype).requires_grad_()
    return cls, objectness


def test_by_hand():
    """Logits 0: s = 1/4. 1/16 * ln(4/3), once for each of the two classes."""
    loss = background_loss(torch.zeros(1, 1, 2), torch.zeros(1, 1, 1), gamma=2.0)
    assert loss.item() == pytest.approx(2 / 16 * math.log(4 / 3))


@pytest.mark.parametrize("gamma", [1.0, 2.0, 2.5])
@pytest.mark.parametrize("block", [1, 7 * 5, 1 << 17])
def test_equals_autograd(gamma, block, monkeypatch):
    monkeypatch.setattr(background, "CPU_BLOCK", block)
    cls, objectness = random_logits()
    expected = by_autograd(cls, objectness, gamma)
    expected_grads = torch.autograd.grad(expected, (cls, objectness))
    loss = background_loss(cls, objectness, gamma)
    grads = torch.autograd.grad(3 * loss, (cls, objectness))
    torch.testing.assert_close(loss, expected)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, 3 * expected_grad)


def test_memory(monkeypatch):
    """Next to the gradients, three arrays of the size of a block and some numbers per point."""
    block = 100 * 80
    monkeypatch.setattr(background, "CPU_BLOCK", block)
    cls, objectness = random_logits(torch.float32, shape=(2, 1000, 80))
    peak = peak_memory(lambda: background_loss(cls, objectness, 2.0).backward())
    assert peak < cls.nbytes + objectness.nbytes + 3.2 * block * cls.itemsize


def test_graph_that_is_kept():
    """The gradients are given away by the first pass and made anew for the second."""
    cls, objectness = random_logits()
    loss = background_loss(cls, objectness, 2.0)
    first = torch.autograd.grad(loss, (cls, objectness), retain_graph=True)
    copies = [grad.clone() for grad in first]
    first[0].zero_()
    second = torch.autograd.grad(3 * loss, (cls, objectness))
    for grad, copy in zip(second, copies, strict=True):
        torch.testing.assert_close(grad, 3 * copy)


def test_logits_of_pairs():
    """Class 1 of point 0 and, twice, class 0 of point 1: their gradients join that of the loss."""
    batch = batch_of(with_gradient(SCENE))
    pair = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 1])
    one = torch.ones(3)
    assignment = Assignment(*pair, one, one, one)
    loss, logits = background_and_logits(assignment, batch, 2.0)
    cls = batch.predictions.cls_logits
    assert logits.tolist() == [cls[0, 0, 1], cls[0, 1, 0], cls[0, 1, 0]]
    (grad,) = torch.autograd.grad(loss + 5 * logits.sum(), cls)
    alone = background_loss(cls, batch.predictions.objectness_logits, 2.0)
    (expected,) = torch.autograd.grad(alone, cls)
    expected[0, 0, 1] += 5
    expected[0, 1, 0] += 10
    torch.testing.assert_close(grad, expected)


def test_pairs_are_entries_of_the_dense_loss():
    cls, objectness = (x.detach().flatten() for x in random_logits(shape=(1, 30, 1)))
    log_s = torch.nn.functional.logsigmoid(cls) + torch.nn.functional.logsigmoid(objectness)
    pairs = pair_background_loss(log_s, 2.0)
    for k in range(30):
        dense = background_loss(cls[k].view(1, 1, 1), objectness[k].view(1, 1, 1), 2.0)
        torch.testing.assert_close(pairs[k], dense)


@pytest.mark.parametrize("logit", [-1e4, -100.0, -20.0, 20.0, 100.0, 1e4])
def test_extreme_logits_are_finite(logit):
    cls = torch.full((1, 1, 1), logit, requires_grad=True)
    objectness = torch.full((1, 1, 1), logit, requires_grad=True)
    loss = background_loss(cls, objectness, 2.0)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(cls.grad) and torch.isfinite(objectness.grad)
    if logit == 20:  # -ln(1 - s), where 1 - s = 2 e^-20 is far below float32's resolution at 1
        assert loss.item() == pytest.approx(20 - math.log(2), rel=1e-6)
    log_s = (2 * torch.nn.functional.logsigmoid(cls.detach())).requires_grad_()
    pair = pair_background_loss(log_s, 2.0)
    pair.backward(torch.ones_like(pair))
    assert torch.isfinite(pair).all() and torch.isfinite(log_s.grad).all()


def test_no_points():
    cls = torch.zeros(1, 0, 5, requires_grad=True)
    loss = background_loss(cls, torch.zeros(1, 0, 1), 2.0)
    loss.backward()
    assert loss.item() == 0 and cls.grad.shape == (1, 0, 5)
