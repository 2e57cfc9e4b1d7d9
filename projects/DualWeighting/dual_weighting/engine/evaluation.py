"""Evaluation of a detector, and the pictures and report that follow."""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from detectron2.evaluation import inference_on_dataset, print_csv_format
from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm
from omegaconf import DictConfig
from torch import nn

from dual_weighting.config.load import build
from dual_weighting.config.overrides import accepts
from dual_weighting.data.catalog import literal
from dual_weighting.data.coco import content_of
from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


class Evaluation:
    """Runs the model on `cfg.dataloader.test` and evaluates it by `cfg.dataloader.evaluator`.

    The constructor reads the data set, so that faults in it are reported before training.
    """

    def __init__(
        self, cfg: DictConfig, model: nn.Module, *, metrics: Mapping[str, str] | None = None
    ) -> None:
        """
        Args:
            model: the detector, not wrapped in DDP.
            metrics: names required among the results, by the config key that sets them.
        """
        self.metrics = dict(metrics or {})
        self.output_dir = Path(cfg.train.output_dir)
        self.model = model
        self.content = content_of(cfg.dataloader.evaluator.get("dataset_name"))  # for all uses
        self.loader = build(cfg, "dataloader.test")
        results = literal(str(self.output_dir / "inference"))
        self.evaluator = build(cfg, "dataloader.evaluator", output_dir=results)

    def __call__(self) -> dict[str, dict[str, float]]:
        """Metrics by task, such as `{"bbox": {"AP": 38.7, ...}}`, in percent. Empty outside the
        main process, which also writes them to evaluation.json in full precision."""
        watching = getattr(self.evaluator, "watching", nullcontext)
        with watching(self.model):
            results = inference_on_dataset(self.model, self.loader, self.evaluator)
        if comm.is_main_process():
            available = flatten_results_dict(results)
            for key, metric in self.metrics.items():
                check_metric(key, metric, available)
            print_csv_format({k: v for k, v in results.items() if k != "duplicates"})
            self.output_dir.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.output_dir / "evaluation.json", "w") as file:
                json.dump(results, file, indent=2)
        return results

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The diagnosis of the last evaluation, if its evaluator provides one."""
        return getattr(self.evaluator, "diagnosis", None)


def check_metric(key: str, metric: str, available: Mapping[str, float]) -> None:
    """Raise `UserError` unless `metric`, the value of the config's `key`, is `available`."""
    if metric not in available:
        raise UserError(
            f"{key}={metric} is not a metric of this evaluation: "
            f"use one of {', '.join(sorted(available))}."
        )


def evaluator_override(cfg: DictConfig, engine: str | None) -> list[str]:
    """The override of `cfg` for `--evaluator engine`; empty if the option was not given.

    Raises:
        UserError: the evaluator of the config has no engines to choose from.
    """
    if engine is None:
        return []
    evaluator = cfg.dataloader.evaluator
    if not accepts(evaluator, "engine"):
        target = evaluator["_target_"]
        raise UserError(
            f"--evaluator {engine} selects who computes COCO's metrics, but the evaluator of "
            f"this config is {getattr(target, '__name__', target)}: omit the option."
        )
    return [f"dataloader.evaluator.engine={engine}"]


def after_evaluation(
    cfg: DictConfig, output_dir: str | os.PathLike, diagnosis: Diagnosis | None = None
) -> None:
    """Draw detections.png and training_curves.png, write report.html, and log where the output is.

    Pictures without data, such as training curves after `--eval-only`, are omitted. Does nothing
    outside the main process.

    Args:
        diagnosis: of the evaluation that has just finished.
    """
    if not comm.is_main_process():
        return
    from dual_weighting.report import RunFiles, write_report
    from dual_weighting.report.run import get

    logger.info("Drawing detections and writing the report.")
    run = RunFiles(cfg, output_dir, diagnosis=diagnosis)
    results_json = run.folder / "inference" / "coco_instances_results.json"
    if results_json.is_file():
        from dual_weighting.visualization.detections import SCORE_THRESHOLD, draw_detections

        draw_detections(
            dataset_name=cfg.dataloader.evaluator.dataset_name,
            results_json=results_json,
            output_file=run.folder / "detections.png",
            score_threshold=get(lambda: run.diagnosis.threshold, SCORE_THRESHOLD),
        )
    if "total_loss" in run.metrics:
        from dual_weighting.visualization.charts import figure_of
        from dual_weighting.visualization.curves import training_charts

        figure_of(training_charts(run.metrics)[:3]).savefig(run.folder / "training_curves.png")
    write_report(run)
    for what, name in OUTPUTS.items():
        if (run.folder / name).is_file():
            logger.info("%s %s", f"{what}:".ljust(16), run.folder / name)


OUTPUTS = {
    "Checkpoint": "model_final.pth",
    "Metrics": "metrics.json",
    "Evaluation": "evaluation.json",
    "Detections": "detections.png",
    "Training curves": "training_curves.png",
    "Report": "report.html",
}
