"""The trainers and hooks on a model of one weight, in this process."""

import pytest
import torch
from detectron2.engine import SimpleTrainer
from slope import BATCHES, Slope, trainer_of
from torch import nn

from dual_weighting.engine.finite_loss import check_losses
from dual_weighting.engine.hooks import EvalHook
from dual_weighting.engine.trainer import Trainer
from dual_weighting.utils.errors import UserError


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stops_before_the_optimizer_has_moved_anything(value):
    """Two steps of 2 * 0.5 from 5, then the loss has no value in iteration 2."""
    model = Slope(bad=2, value=value)
    with pytest.raises(UserError) as error:
        trainer_of(model).train(0, 6)
    assert model.weight.item() == 3.0
    message = str(error.value)
    assert f"loss_bbox is {value} in iteration 2, on the images 2_a.png, 2_b.png" in message
    assert "loss_cls" not in message


def test_finite_losses_change_nothing():
    ours, theirs = Slope(), Slope()
    trainer_of(ours).train(0, 4)
    trainer_of(theirs, SimpleTrainer).train(0, 4)
    assert ours.weight.item() == theirs.weight.item() == 1.0


def test_check_losses_without_file_names():
    with pytest.raises(UserError, match="loss_x is -inf in iteration 7, on the images an unnamed"):
        check_losses({"loss_x": torch.tensor(-float("inf"))}, iteration=7, batch=[{}])


class Root(nn.Module):
    """A loss of 0 whose gradient is NaN, or `factor` times the weight."""

    def __init__(self, factor: float | None = None) -> None:
        super().__init__()
        self.weight, self.factor = nn.Parameter(torch.tensor(0.0)), factor

    def forward(self, batch):
        root = self.factor is None
        return {"loss": (0 * self.weight).sqrt() if root else self.weight * self.factor}


def test_a_gradient_that_is_not_finite_stops_where_its_norm_is_known():
    model = Root()
    trainer = Trainer(model, BATCHES, torch.optim.SGD(model.parameters(), lr=1), clip_grad_norm=1.0)
    with pytest.raises(UserError, match=r"gradients is nan in iteration 0, .* 0_a\.png"):
        trainer.train(0, 1)
    assert model.weight.item() == 0


def test_infinite_gradients_of_a_scaled_loss_are_skipped_by_the_scaler():
    model = Root(factor=1e36)  # 65,536 times that is infinite
    options = {"precision": torch.float16, "clip_grad_norm": 10.0}
    trainer = Trainer(model, BATCHES, torch.optim.SGD(model.parameters(), lr=1), **options)
    trainer.train(0, 1)
    assert model.weight.item() == 0 and trainer.grad_scaler.get_scale() == 32768


@pytest.mark.parametrize(("bad", "evaluations"), [(-1, 3), (5, 2), (3, 1)])
def test_a_training_that_failed_is_not_evaluated(bad, evaluations):
    """Six iterations, evaluated after 2, 4 and 6; batch `bad` makes iteration `bad` fail."""
    model, calls = Slope(bad=bad), []
    trainer = trainer_of(model)
    trainer.register_hooks([EvalHook(2, lambda: calls.append(1))])
    if bad < 0:
        trainer.train(0, 6)
    else:
        with pytest.raises(UserError):
            trainer.train(0, 6)
    assert len(calls) == evaluations


class Ratio(nn.Module):
    """A loss `weight * sum / count`, as losses with a divisor of their batch have it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))

    def forward(self, batch):
        return {"loss": self.weight * sum(x["sum"] for x in batch) / sum(x["count"] for x in batch)}


def weight_after_a_step(*batches, **options):
    model = Ratio()
    Trainer(model, batches, torch.optim.SGD(model.parameters(), lr=1.0), **options).train(0, 1)
    return model.weight.item()


def test_accumulated_batches_are_one_large_batch_where_divisors_are_equal():
    """(6 + 2) / (2 + 2) = 2 = (6 / 2 + 2 / 2) / 2."""
    one, two = {"sum": 6.0, "count": 2.0}, {"sum": 2.0, "count": 2.0}
    assert weight_after_a_step([one, two]) == -2.0
    assert weight_after_a_step([one], [two], accumulate=2) == -2.0


def test_accumulated_batches_have_their_own_divisors():
    """6 / (2 + 1) = 2, but (6 / 2 + 0 / 1) / 2 = 1.5."""
    one, two = {"sum": 6.0, "count": 2.0}, {"sum": 0.0, "count": 1.0}
    assert weight_after_a_step([one, two]) == -2.0
    assert weight_after_a_step([one], [two], accumulate=2) == -1.5


def test_losses_of_accumulated_batches_are_checked_and_averaged():
    model = Slope(bad=3)
    trainer = trainer_of(model)
    trainer.accumulate = 2
    with pytest.raises(UserError, match=r"in iteration 1, on the images 3_a\.png"):
        trainer.train(0, 3)
    assert model.weight.item() == 4.0  # one step of 2 * 0.5
    assert trainer.storage.history("total_loss").values() == [(10.0, 0)]


@pytest.mark.parametrize(("bound", "step"), [(None, 10.0), (20.0, 10.0), (1.0, 1.0)])
def test_clipped_gradient(bound, step):
    """A gradient of (6, 8), of norm 10."""
    weight = nn.Parameter(torch.zeros(2))
    model = nn.Module()
    model.weight = weight
    model.forward = lambda batch: {"loss": (weight * torch.tensor([6.0, 8.0])).sum()}
    optimizer = torch.optim.SGD([weight], lr=1.0)
    trainer = Trainer(model, [[{}]], optimizer, clip_grad_norm=bound)
    trainer.train(0, 1)
    assert weight.norm().item() == pytest.approx(step)
    if bound is None:
        assert "grad_norm" not in trainer.storage.latest()
    else:
        assert trainer.storage.latest()["grad_norm"] == (10.0, 0)  # before clipping


def test_float16_scales_the_loss_and_clips_gradients_of_the_real_size():
    """The scaler of float16 works on a CPU as well: a gradient of 10 times 65,536."""
    model = nn.Linear(1, 1, bias=False)
    model.forward = lambda batch: {"loss": 10 * model.weight.sum()}
    nn.init.zeros_(model.weight)
    options = {"precision": torch.float16, "clip_grad_norm": 2.0}
    trainer = Trainer(model, [[{}]], torch.optim.SGD(model.parameters(), lr=1.0), **options)
    trainer.train(0, 1)
    assert trainer.storage.latest()["grad_norm"] == (10.0, 0)
    assert model.weight.item() == pytest.approx(-2.0)

    trainer.grad_scaler.update(512.0)
    resumed = Trainer(model, [[{}]], torch.optim.SGD(model.parameters(), lr=1.0), **options)
    resumed.load_state_dict(trainer.state_dict())
    assert resumed.grad_scaler.get_scale() == 512
    plain = Trainer(model, [[{}]], torch.optim.SGD(model.parameters(), lr=1.0))
    plain.load_state_dict(trainer.state_dict())
    assert "grad_scaler" not in plain.state_dict()
