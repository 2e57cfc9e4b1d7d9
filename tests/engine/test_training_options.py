import pytest
import torch
from omegaconf import OmegaConf

from dual_weighting import model_zoo
from dual_weighting.config.load import train_defaults
from dual_weighting.engine.build import check_training_options, watched_metrics
from dual_weighting.engine.writers import option
from dual_weighting.utils.errors import UserError

CPU = torch.device("cpu")


def config(**train):
    return OmegaConf.create({"train": OmegaConf.merge(train_defaults(), train)})


def test_options_of_the_zoo():
    cfg = model_zoo.get_config("Digits/dw_R_18_FPN.py")
    check_training_options(cfg, CPU)
    names = ("best_checkpoint", "ema", "early_stopping", "wandb")
    assert [name for name in names if option(cfg, name) is not None] == ["best_checkpoint"]
    assert watched_metrics(cfg) == {"train.best_checkpoint.metric": "bbox/AP"}


STOPPING = {"enabled": True, "metric": "bbox/AP", "mode": "max", "patience": 3}


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ({"accumulate": 0}, "train.accumulate=0 is invalid: use a whole number, 1 or more"),
        ({"assignment_snapshots": 1.5}, "train.assignment_snapshots=1.5 is invalid"),
        ({"clip_grad_norm": -1}, "train.clip_grad_norm=-1 is invalid: use a positive"),
        ({"ema": {"enabled": True, "decay": 1.5}}, "train.ema.decay=1.5 is invalid"),
        (
            {"best_checkpoint": {"enabled": True, "metric": "a", "mode": "best"}},
            "train.best_checkpoint.mode=best is invalid: use max or min.",
        ),
        ({"early_stopping": STOPPING, "eval_period": 0}, "train.eval_period=0 is invalid"),
        ({"early_stopping": STOPPING | {"patience": 0}}, "patience=0 is invalid: use 1"),
        ({"amp": {"enabled": True, "dtype": "float8"}}, "use float16 or bfloat16"),
    ],
)
def test_options_that_cannot_work(train, sentence):
    with pytest.raises(UserError) as error:
        check_training_options(config(**train), CPU)
    assert sentence in str(error.value)


def test_only_float16_needs_a_gpu():
    check_training_options(config(amp={"enabled": True, "dtype": "bfloat16"}), CPU)
    with pytest.raises(UserError, match="float16"):
        check_training_options(config(amp={"enabled": True, "dtype": "float16"}), CPU)
