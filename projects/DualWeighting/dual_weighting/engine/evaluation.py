"""Evaluating a detector as its config says, and what people look at afterwards."""

import json
import logging
import os
from contextlib import nullcontext
from pathlib import Path

from detectron2.data import MetadataCatalog
from detectron2.evaluation import inference_on_dataset, print_csv_format
from detectron2.utils import comm
from omegaconf import DictConfig
from torch import nn

from dual_weighting.config.load import build
from dual_weighting.config.overrides import accepts
from dual_weighting.data.catalog import literal
from dual_weighting.data.coco import content_of
from dual_weighting.evaluation.duplicate_report import DuplicateReport, selector_of
from dual_weighting.evaluation.engines import DEFAULT_ENGINE, MAX_DETS
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


class Evaluation:
    """`cfg.dataloader.test` seen by the model and judged by `cfg.dataloader.evaluator`.

    The data set is read once, here, so that what is wrong with it is said before the training.
    """

    def __init__(self, cfg: DictConfig, model: nn.Module) -> None:
        """`model`: the detector itself, not its wrapper for several processes."""
        self.output_dir = Path(cfg.train.output_dir)
        self.model = model
        evaluator = cfg.dataloader.evaluator
        if accepts(evaluator, "output_dir") and not evaluator.get("output_dir"):
            evaluator.output_dir = literal(str(self.output_dir / "inference"))
        self.content = content_of(evaluator.get("dataset_name"))  # read once for all uses
        self.loader = build(cfg, "dataloader.test")
        self.evaluator = build(cfg, "dataloader.evaluator")
        self.duplicates = duplicate_report(
            model,
            evaluator.get("dataset_name"),
            engine=evaluator.get("engine", DEFAULT_ENGINE),
            max_dets=evaluator.get("max_dets_per_image") or MAX_DETS,
        )

    def __call__(self) -> dict[str, dict[str, float]]:
        """Metrics by task, such as `{"bbox": {"AP": 38.7, ...}}`, in percent; empty but in the
        main process, which also writes them to evaluation.json with all their digits."""
        with self.duplicates or nullcontext():
            evaluators = [e for e in (self.evaluator, self.duplicates) if e is not None]
            results = inference_on_dataset(self.model, self.loader, evaluators)
        if comm.is_main_process():
            print_csv_format({k: v for k, v in results.items() if k != "duplicates"})
            with atomic_file(self.output_dir / "evaluation.json", "w") as file:
                json.dump(results, file, indent=2)
        return results


def duplicate_report(
    model: nn.Module,
    dataset_name: str | None,
    *,
    engine: str = DEFAULT_ENGINE,
    max_dets: int = MAX_DETS,
) -> DuplicateReport | None:
    """The duplicate report, for data with COCO annotations and models with an optional NMS."""
    annotated = dataset_name is not None and MetadataCatalog.get(dataset_name).get("json_file")
    if annotated and selector_of(model) is not None:
        return DuplicateReport(model, dataset_name, engine=engine, max_dets=max_dets)
    return None


def evaluator_override(cfg: DictConfig, engine: str | None) -> list[str]:
    """What `--evaluator engine` changes in `cfg`, as an override; nothing if it was not given.

    Raises `UserError` where the config has an evaluator without that choice.
    """
    if engine is None:
        return []
    evaluator = cfg.dataloader.evaluator
    if not accepts(evaluator, "engine"):
        target = evaluator["_target_"]
        raise UserError(
            f"--evaluator {engine} chooses who computes COCO's numbers, but the evaluator of this "
            f"config is {getattr(target, '__name__', target)}: leave the option out."
        )
    return [f"dataloader.evaluator.engine={engine}"]


def after_evaluation(cfg: DictConfig, output_dir: str | os.PathLike) -> None:
    """Draw detections.png and training_curves.png, write report.html and say where the output is.

    Draws what there is something to draw from: detections in COCO's format, metrics of a training.
    Does nothing but in the main process.
    """
    if not comm.is_main_process():
        return
    output_dir = Path(output_dir)
    results_json = output_dir / "inference" / "coco_instances_results.json"
    metrics_json = output_dir / "metrics.json"
    from dual_weighting.report import RunFiles, write_report
    from dual_weighting.report.run_files import get

    logger.info("Drawing detections and writing the report.")
    run = RunFiles(cfg, output_dir)
    if results_json.is_file():
        from dual_weighting.visualization.detections import SCORE_THRESHOLD, draw_detections

        draw_detections(
            dataset_name=cfg.dataloader.evaluator.dataset_name,
            results_json=results_json,
            output_file=output_dir / "detections.png",
            score_threshold=get(lambda: run.detections.threshold, SCORE_THRESHOLD),
        )
    if metrics_json.is_file():
        from dual_weighting.visualization.curves import draw_training_curves

        draw_training_curves(
            metrics_json=metrics_json, output_file=output_dir / "training_curves.png"
        )
    write_report(run)
    for what, name in OUTPUTS.items():
        if (output_dir / name).is_file():
            logger.info("%s %s", f"{what}:".ljust(16), output_dir / name)


OUTPUTS = {
    "Checkpoint": "model_final.pth",
    "Metrics": "metrics.json",
    "Evaluation": "evaluation.json",
    "Detections": "detections.png",
    "Training curves": "training_curves.png",
    "Report": "report.html",
}
