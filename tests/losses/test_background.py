import math

import pytest
import torch

from dual_weighting.losses import background
from dual_weighting.losses.background import background_loss, pair_background_loss


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
