"""Detectron2's own training with this project's configs."""

import json
from pathlib import Path

import pytest
import torch
from commands import detectron2_training
from detectron2.config import LazyConfig, instantiate
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.engine import hooks
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import JSONWriter

from dual_weighting.data.builtin import register_digits
from dual_weighting.data.digits.files import write_digits
from dual_weighting.engine.trainer import build_trainer

CONFIGS = Path(__file__).parents[2] / "configs" / "Digits"
STEPS = 30


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Digits of a few images in place of the whole."""
    before = {name: DatasetCatalog.pop(name) for name in ("digits_train", "digits_val")}
    root = tmp_path_factory.mktemp("digits")
    write_digits(root, num_train=12, num_val=2)
    MetadataCatalog.pop("digits_train"), MetadataCatalog.pop("digits_val")
    register_digits(root)
    yield
    for name, function in before.items():
        DatasetCatalog.pop(name)
        DatasetCatalog.register(name, function)


def short(config, output):
    cfg = LazyConfig.load(str(CONFIGS / config))
    return LazyConfig.apply_overrides(
        cfg,
        [
            *(f"train.max_iter={STEPS}", "train.log_period=1", f"train.output_dir={output}"),
            *("train.checkpointer.period=20", "train.device=cpu"),
            *("dataloader.train.total_batch_size=2", "lr_multiplier.warmup_iters=5"),
            *("dataloader.train.num_workers=0", "dataloader.test.num_workers=0"),
        ],
    )


def rows_of(output):
    rows = map(json.loads, (output / "metrics.json").read_text().splitlines())
    return {row["iteration"]: row for row in rows if "total_loss" in row}


def test_the_device_is_one_that_models_take():
    device = LazyConfig.load(str(CONFIGS / "dw_R_18_FPN.py")).train.device
    there = "cuda" if torch.cuda.is_available() else "cpu"
    assert torch.nn.Linear(1, 1).to(device).weight.device.type == there


@pytest.mark.slow
@pytest.mark.parametrize("config", ["o2f_R_18_FPN.py", "dla_R_18_FPN.py"])
def test_losses_of_both_trainers_are_equal(config, digits, tmp_path):
    """The same in every bit. After a resume the order of the images is another."""
    cfg = short(config, tmp_path / "ours")
    (tmp_path / "ours").mkdir()
    seed_all_rng(1)
    trainer = build_trainer(cfg, instantiate(cfg.model))
    writer = JSONWriter(str(tmp_path / "ours" / "metrics.json"))
    schedule = hooks.LRScheduler(scheduler=instantiate(cfg.lr_multiplier))
    trainer.register_hooks([schedule, hooks.PeriodicWriter([writer], period=1)])
    trainer.train(0, STEPS)
    cfg = short(config, tmp_path / "theirs")
    seed_all_rng(1)
    detectron2_training.train(cfg, resume=False)
    ours, theirs = rows_of(tmp_path / "ours"), rows_of(tmp_path / "theirs")
    names = [name for name in ours[0] if "loss" in name] + ["training_progress", "lr"]
    for k in range(STEPS):
        assert {name: theirs[k][name] for name in names} == {name: ours[k][name] for name in names}
    assert [theirs[k]["training_progress"] for k in (0, STEPS - 1)] == [0, 1]

    (tmp_path / "theirs" / "last_checkpoint").write_text("model_0000019.pth")
    (tmp_path / "theirs" / "metrics.json").unlink()
    detectron2_training.train(short(config, tmp_path / "theirs"), resume=True)
    progress = {k: row["training_progress"] for k, row in rows_of(tmp_path / "theirs").items()}
    assert progress == pytest.approx({k: k / (STEPS - 1) for k in range(20, STEPS)})
