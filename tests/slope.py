"""A model of one weight, and its trainer."""

import torch
from torch import nn

from dual_weighting.engine.trainer import Trainer

BATCHES = [[{"file_name": f"{i}_a.png"}, {"file_name": f"{i}_b.png"}] for i in range(6)]


class Slope(nn.Module):
    """Loss `weight`, and one that has no value on the images of batch `bad`."""

    def __init__(self, bad: int = -1, value: float = float("nan")) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(5.0))
        self.bad, self.value = f"{bad}_a.png", value

    def forward(self, batch):
        factor = self.value if batch[0]["file_name"] == self.bad else 1.0
        return {"loss_cls": self.weight, "loss_bbox": self.weight * factor}


def trainer_of(model, trainer_class=Trainer):
    return trainer_class(model, BATCHES, torch.optim.SGD(model.parameters(), lr=0.5))
