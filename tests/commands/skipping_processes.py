"""A training whose losses are no number now and then, also in two processes."""

import json
import logging

import torch
from detectron2.utils import comm
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dual_weighting.engine.ema import EMAHook, WeightAverage
from dual_weighting.engine.trainer import Trainer


class Product(nn.Module):
    """The loss is the weight times the number of the batch; the numbers are summed, as BatchNorm
    does. "gradient" is a loss of 0 whose gradient is no number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("sum", torch.tensor(0.0))
        self.register_buffer("count", torch.tensor(0))

    def forward(self, batch):
        number = batch[0]["number"]
        self.count += 1
        if number == "gradient":
            return {"loss": (0 * self.weight).sqrt()}
        self.sum += number
        return {"loss": self.weight * number}


def batches_of(numbers):
    return [[{"number": x, "file_name": f"{x}.png"} for x in batch] for batch in numbers]


def trainer_of(model, numbers, *, momentum=0.0, max_skipped_in_a_row=10, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=momentum)
    options["max_skipped_in_a_row"] = max_skipped_in_a_row
    return Trainer(model, batches_of(numbers), optimizer, **options)


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record):
        self.text += record.getMessage() + "\n"


def train(args):
    """Three steps of two batches; writes what came out to `args.folder`."""
    log = Log()
    logging.getLogger("dual_weighting").addHandler(log)
    rank = comm.get_rank()
    numbers = [[[1.0]] * 6, [[3.0], [3.0], [float("nan")], [3.0], [3.0], [3.0]]][rank]
    model = Product()
    average = WeightAverage(model, decay=0.5)
    trainer = trainer_of(
        DistributedDataParallel(model, broadcast_buffers=False), numbers, accumulate=2
    )
    trainer.register_hooks([EMAHook(average)])
    trainer.train(0, 3)
    result = {
        "weight": model.weight.item(),
        "average": average.model.weight.item(),
        "sum": model.sum.item(),
        "skipped": trainer.skipped.total,
        "log": log.text,
    }
    (args.folder / f"{rank}.json").write_text(json.dumps(result))
