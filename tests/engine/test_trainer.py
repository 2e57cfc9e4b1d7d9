"""The trainers and hooks on a model of one weight, in this process."""

import pytest
import torch
from detectron2.engine import SimpleTrainer
from torch import nn

from dual_weighting.engine.finite_loss import check_losses
from dual_weighting.engine.hooks import EvalHook, TrainingProgressHook
from dual_weighting.engine.trainer import Trainer
from dual_weighting.errors import UserError

BATCHES = [[{"file_name": f"{i}_a.png"}, {"file_name": f"{i}_b.png"}] for i in range(6)]


class Slope(nn.Module):
    """Loss `weight`, and one that has no value on the images of batch `bad`."""

    def __init__(self, bad: int = -1, value: float = float("nan")) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(5.0))
        self.bad, self.value = f"{bad}_a.png", value
        self.training_progress = -1.0
        self.seen = []

    def forward(self, batch):
        self.seen.append(self.training_progress)
        factor = self.value if batch[0]["file_name"] == self.bad else 1.0
        return {"loss_cls": self.weight, "loss_bbox": self.weight * factor}


def trainer_of(model, trainer_class=Trainer):
    return trainer_class(model, BATCHES, torch.optim.SGD(model.parameters(), lr=0.5))


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


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 5, [0, 0.25, 0.5, 0.75, 1.0]), (3, 5, [0.75, 1.0]), (0, 1, [0.0]), (0, 2, [0.0, 1.0])],
)
def test_training_progress(start, end, expected):
    model = Slope()
    trainer = trainer_of(model)
    trainer.register_hooks([TrainingProgressHook(model)])
    trainer.train(start, end)
    assert model.seen == expected


def test_training_progress_of_a_model_that_has_none():
    model = Slope()
    del model.training_progress
    model.forward = lambda batch: {"loss": model.weight}
    trainer = trainer_of(model)
    trainer.register_hooks([TrainingProgressHook(model)])
    trainer.train(0, 2)
    assert not hasattr(model, "training_progress")


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
