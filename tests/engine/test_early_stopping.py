import math

import pytest
from omegaconf import OmegaConf
from slope import Slope, trainer_of

from dual_weighting.engine.build import metric_history
from dual_weighting.engine.hooks import EarlyStopping, EvalHook, evaluations_without_improvement


@pytest.mark.parametrize(
    ("values", "mode", "min_delta", "expected"),
    [
        ([], "max", 0, 0),
        ([5, 6, 7], "max", 0, 0),
        ([5, 7, 6, 7], "max", 0, 2),  # as good is not better
        ([5, 7, 6, 8], "max", 0, 0),
        ([5, 4, 4.5], "min", 0, 1),
        ([5, 5.4, 5.8], "max", 1, 2),  # neither is one more than 5
        ([5, 5.4, 6.2], "max", 1, 0),
        ([5, math.nan, 6, math.nan], "max", 0, 1),
        ([math.nan, math.nan], "min", 0, 2),
    ],
)
def test_evaluations_without_improvement(values, mode, min_delta, expected):
    got = evaluations_without_improvement(values, mode=mode, min_delta=min_delta)
    assert got == expected


class Saved:
    def __init__(self):
        self.calls = []

    def save(self, name, **kwargs):
        self.calls.append((name, kwargs))


def train(metrics, *, known=(), start=0):
    """Six iterations, an evaluation after each, that ends after two that are not better."""
    saved, metrics = Saved(), iter(metrics)
    trainer = trainer_of(Slope())
    options = {"metric": "a/b", "mode": "max", "patience": 2, "min_delta": 0}
    stopping = EarlyStopping(1, saved, **options, values=known)
    trainer.register_hooks([EvalHook(1, lambda: {"a": {"b": next(metrics)}}), stopping])
    trainer.train(start, 6)
    return trainer.iter, saved.calls, list(metrics)


def test_ends_the_training_with_a_final_checkpoint(caplog):
    caplog.set_level("INFO")
    last, calls, left = train([1, 3, 2, 3, 9, 9])
    assert last == 3 and calls == [("model_final", {"iteration": 3})]
    assert left == [9, 9]  # the evaluation that ended it is the last one
    assert "Early stopping after 4 iterations: a/b did not improve" in caplog.text
    assert "Exception" not in caplog.text


def test_lets_a_training_that_gets_better_go_on():
    last, calls, left = train([1, 3, 2, 4, 3, 4])
    assert last == 6 and calls == [] and left == []  # trainer.iter is max_iter after a full one


def test_a_resumed_training_remembers_the_evaluations():
    last, _, left = train([2, 9, 9], known=[1, 3, 2], start=3)
    assert last == 3 and left == [9, 9]


def test_values_in_metrics_json(tmp_path):
    cfg = OmegaConf.create({"train": {"output_dir": str(tmp_path)}})
    assert metric_history(cfg, "a/b") == {}
    lines = ['{"iteration": 9, "a/b": 3}', '{"iteration": 4, "a/b": 1}', '{"iteration": 5}', '{"it']
    (tmp_path / "metrics.json").write_text("\n".join(lines))
    assert metric_history(cfg, "a/b") == {4: 1, 9: 3}
