import torch
from slope import Slope, trainer_of

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.hooks import BestCheckpointer, EvalHook


def train(folder, metrics, *, start=0, mode="max", history=None):
    """An evaluation after each iteration, each a step of the weight from 5 by -1."""
    model, metrics = Slope(), iter(metrics)
    trainer = trainer_of(model)
    trainer.optimizer.param_groups[0]["lr"] = 0.5
    checkpointer = Checkpointer(model, str(folder), resumable=False)
    hook = BestCheckpointer(1, checkpointer, metric="a/b", mode=mode, history=history)
    trainer.register_hooks([EvalHook(1, lambda: {"a": {"b": next(metrics)}}), hook])
    trainer.train(start, 4)


def best_of(folder):
    content = torch.load(folder / "model_best.pth", weights_only=True)
    return content["iteration"], content["model"]["weight"].item()


def test_the_best_is_kept(tmp_path):
    train(tmp_path, [1, 3, 2, 3])
    assert best_of(tmp_path) == (1, 3.0)
    assert [file.name for file in tmp_path.iterdir()] == ["model_best.pth"]  # no last_checkpoint
    train(tmp_path, [1, 3, 2, float("nan")], mode="min")
    assert best_of(tmp_path) == (0, 4.0)


def test_the_last_evaluation_counts(tmp_path):
    train(tmp_path, [1, 3, 2, 4])
    assert best_of(tmp_path) == (4, 1.0)


def test_a_resumed_training_knows_the_best_so_far(tmp_path):
    history = {0: 1.0, 1: float("nan"), 2: 3.0}
    train(tmp_path, [2, 2], start=2, history=history)
    assert not list(tmp_path.iterdir())
    train(tmp_path, [2, 4], start=2, history=history)
    assert best_of(tmp_path)[0] == 4
    train(tmp_path, [2, 0], start=2, history=history, mode="min")
    assert best_of(tmp_path)[0] == 4
