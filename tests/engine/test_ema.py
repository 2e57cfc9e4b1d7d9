"""The average of weights, on a model of one weight and two buffers."""

import pytest
import torch
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.ema import WeightAverage, ema_decay


class Cell(nn.Module):
    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))
        self.register_buffer("mean", torch.tensor(value))
        self.register_buffer("count", torch.tensor(0))

    def become(self, value: float) -> None:
        self.weight.data.fill_(value)
        self.mean.fill_(value)
        self.count += 1


def values_of(model):
    return model.weight.item(), model.mean.item(), model.count.item()


def test_decay_grows_from_the_beginning_of_a_training():
    assert [ema_decay(n, 0.9) for n in (1, 8, 1000)] == [2 / 11, 0.5, 0.9]


def test_average_of_three_steps():
    """1, then 2/11 * 1 + 9/11 * 12 = 10, then 3/12 * 10 + 9/12 * 2 = 4; counts are kept."""
    model = Cell()
    average = WeightAverage(model, decay=0.9)
    for value in (1.0, 12.0, 2.0):
        model.become(value)
        average.update()
    assert values_of(average.model) == (pytest.approx(4.0), pytest.approx(4.0), 3)
    assert values_of(model) == (2.0, 2.0, 3)
    assert not average.model.weight.requires_grad and model.weight.requires_grad


def checkpointer_of(model, folder):
    average = WeightAverage(model, decay=0.5)
    return average, Checkpointer(average.model, str(folder), ema=average)


def test_a_checkpoint_has_the_average_as_its_model_and_resumes_the_training(tmp_path):
    model = Cell()
    average, checkpointer = checkpointer_of(model, tmp_path)
    for value in (1.0, 12.0):
        model.become(value)
        average.update()
    checkpointer.save("model_0000001")

    other = Cell()
    resumed, checkpointer = checkpointer_of(other, tmp_path)
    checkpointer.resume_or_load("", resume=True)
    assert resumed.updates == 2
    assert values_of(other) == values_of(model)
    assert values_of(resumed.model) == values_of(average.model) == (pytest.approx(10.0),) * 2 + (2,)
    for trained, averaged in ((model, average), (other, resumed)):
        trained.become(2.0)
        averaged.update()
    assert values_of(resumed.model) == values_of(average.model)

    plain = Cell()  # for evaluating, demos and exports
    Checkpointer(plain).load(str(tmp_path / "model_0000001.pth"))
    assert plain.weight.item() == pytest.approx(10.0)


def test_a_checkpoint_without_an_average_starts_one(tmp_path):
    Checkpointer(Cell(7.0), str(tmp_path)).save("start")
    model = Cell()
    average, checkpointer = checkpointer_of(model, tmp_path)
    checkpointer.resume_or_load(str(tmp_path / "start.pth"), resume=False)
    assert average.updates == 0
    average.hand_over()
    assert values_of(model) == values_of(average.model) == (7.0, 7.0, 0)
