import torch
from slope import Slope, trainer_of

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.engine.hooks import BestCheckpointer, EvalHook


def train(folder, metrics, *, start=0, mode="max", metric="a/b", resume=False):
    """An evaluation after each iteration, each a step of the weight from 5 by -1."""
    model, metrics = Slope(), iter(metrics)
    trainer = trainer_of(model)
    trainer.optimizer.param_groups[0]["lr"] = 0.5
    hook = BestCheckpointer(
        1, Checkpointer(model, str(folder), resumable=False), metric=metric, mode=mode
    )
    if resume:
        hook.resume()
    trainer.register_hooks([EvalHook(1, lambda: {"a": {"b": next(metrics)}}), hook])
    trainer.train(start, 4)


def best_of(folder):
    content = torch.load(folder / "model_best.pth", weights_only=True)
    return content["iteration"], content["best"]["value"], content["model"]["weight"].item()


def test_the_best_is_kept_with_its_metric(tmp_path):
    train(tmp_path, [1, 3, 2, 3])
    assert best_of(tmp_path) == (1, 3, 3.0)
    assert [file.name for file in tmp_path.iterdir()] == ["model_best.pth"]  # no last_checkpoint
    train(tmp_path, [1, 3, 2, float("nan")], mode="min")
    assert best_of(tmp_path) == (0, 1, 4.0)


def test_the_last_evaluation_counts(tmp_path):
    train(tmp_path, [1, 3, 2, 4])
    assert best_of(tmp_path) == (4, 4, 1.0)


def test_a_resumed_training_knows_the_best_so_far(tmp_path):
    train(tmp_path, [1, 3, 2, 2])
    before = best_of(tmp_path)
    train(tmp_path, [2, 2], start=2, resume=True)
    assert best_of(tmp_path) == before
    train(tmp_path, [2, 4], start=2, resume=True)
    assert best_of(tmp_path)[:2] == (4, 4)


def test_the_best_of_another_metric_is_no_measure(tmp_path):
    torch.save(
        {
            "model": {"weight": torch.tensor(1.0)},
            "iteration": 0,
            "best": {"metric": "x", "value": 9},
        },
        tmp_path / "model_best.pth",
    )
    train(tmp_path, [1, 1], start=2, resume=True)
    assert best_of(tmp_path)[:2] == (2, 1)
