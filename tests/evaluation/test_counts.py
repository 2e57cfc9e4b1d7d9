"""How often an evaluation and its report read the annotations and judge detections."""

import pytest
from commands.tiny_project import write_tiny_project

from dual_weighting.config.load import build, load_config
from dual_weighting.data import coco
from dual_weighting.engine.evaluation import Evaluation, after_evaluation
from dual_weighting.evaluation.ground_truth import GroundTruth


@pytest.fixture
def calls(monkeypatch):
    """Names of the functions as they are called."""
    seen = []

    def watch(owner, name):
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            seen.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    watch(coco, "parse_coco")
    watch(GroundTruth, "judge")
    return seen


def test_read_once_and_judged_twice(tmp_path, calls):
    cfg = load_config(str(write_tiny_project(tmp_path, name="counts")))
    cfg.train.output_dir = str(tmp_path / "run")
    cfg.train.device = "cpu"
    cfg.model.test_score_thresh = 0.0
    evaluation = Evaluation(cfg, build(cfg, "model"))
    evaluation()
    after_evaluation(cfg, cfg.train.output_dir, evaluation.diagnosis)
    assert (tmp_path / "run" / "report.html").is_file()
    assert sorted(calls) == ["judge", "judge", "parse_coco"]
