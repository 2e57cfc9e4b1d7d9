"""The output folder of a run, read lazily."""

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data import register_datasets
from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.evaluation.ground_truth import MAX_DETS, GroundTruth
from dual_weighting.utils.errors import UserError

SNAPSHOTS = "assignment"  # folder of the pictures made during the training
WAYS = {"with_nms": "with NMS", "without_nms": "without NMS"}
WAY_NUMBERS = ("AP", "duplicates_per_image", "f1", "threshold", "precision", "recall")

Series = tuple[np.ndarray, np.ndarray]  # iterations, values


class Missing(Exception):
    """Raised for missing files or values, with one sentence about them."""


def get(value: Callable[[], Any], default: Any = math.nan) -> Any:
    """The result of `value`, or `default` if it is missing."""
    try:
        return value()
    except (Missing, KeyError):
        return default


def read_metrics(file: str | os.PathLike) -> dict[str, Series]:
    """Iterations, ascending, and values of each metric in a metrics.json.

    Later lines override earlier ones of the same iteration; incomplete lines are ignored.
    """
    rows: dict[int, dict[str, float]] = {}
    try:
        lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise Missing(f"{file} cannot be read ({error.strerror}).") from error
    for line in lines:
        try:
            row = json.loads(line)
            if is_number(row["iteration"]) and float(row["iteration"]).is_integer():
                rows.setdefault(int(row["iteration"]), {}).update(row)
        except (ValueError, LookupError, RecursionError, TypeError, OverflowError):
            continue
    series: dict[str, list[tuple[int, float]]] = {}
    for iteration, row in sorted(rows.items()):
        for name, value in row.items():
            if is_number(value):
                series.setdefault(name, []).append((iteration, float(value)))
    return {
        name: tuple(np.array(column) for column in zip(*points, strict=True))
        for name, points in series.items()
    }


def read_evaluation(file: str | os.PathLike) -> dict[str, dict]:
    """Metrics by task in an evaluation.json, and its report on duplicates if complete."""
    if not Path(file).is_file():
        raise Missing(f"{Path(file).name} is not in this folder: the run has not been evaluated.")
    content = read_json(file)
    if not isinstance(content, dict):
        raise Missing(f"{Path(file).name} does not hold metrics by task.")
    tasks = {name: task for name, task in content.items() if isinstance(task, dict)}
    ways = [tasks.get("duplicates", {}).get(way) for way in WAYS]
    if not all(
        isinstance(way, dict)
        and is_number(way.get("AP"))
        and all(is_number(way.get(key, 0)) for key in WAY_NUMBERS)
        for way in ways
    ):
        tasks.pop("duplicates", None)
    return tasks


def read_json(file: str | os.PathLike) -> Any:
    """The content of a JSON file with all numbers as floats."""
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"), parse_int=float)
    except OSError as error:
        raise Missing(f"{file} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise Missing(f"{file} is not complete JSON ({error}).") from error


def is_number(value: object) -> bool:
    """Whether it is a number, perhaps NaN, that fits into a float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return isinstance(value, float)


def without_classes(metrics: Mapping[str, object]) -> dict[str, float]:
    """The metrics of a task, without those of single classes ("AP-NAME")."""
    return {k: float(v) for k, v in metrics.items() if is_number(v) and "-" not in k}


class RunFiles:
    """The output folder of a run. Access to missing content raises `Missing`."""

    def __init__(
        self, cfg: DictConfig, folder: str | os.PathLike, *, diagnosis: Diagnosis | None = None
    ) -> None:
        """`cfg`: of the run. `diagnosis`: of its evaluation, if that has just finished."""
        self.cfg, self.folder = cfg, Path(folder)
        self.name = self.folder.resolve().name
        if diagnosis is not None:
            self.diagnosis = diagnosis

    @cached_property
    def metrics(self) -> dict[str, Series]:
        """Metrics in metrics.json; empty without a training."""
        file = self.folder / "metrics.json"
        return read_metrics(file) if file.is_file() else {}

    @cached_property
    def evaluation(self) -> dict[str, dict]:
        return read_evaluation(self.folder / "evaluation.json")

    def numbers(self, task: str = "bbox") -> dict[str, float]:
        """Metrics of a task, without those of single classes; empty if there are none."""
        return without_classes(get(lambda: self.evaluation[task], {}))

    @cached_property
    def dataset_name(self) -> str:
        """The data set of the evaluation."""
        name = OmegaConf.select(self.cfg, "dataloader.evaluator.dataset_name")
        if not isinstance(name, str):
            raise Missing("The config names no data set for evaluation.")
        return name

    @property
    def image_root(self) -> Path:
        return Path(MetadataCatalog.get(self.dataset_name).get("image_root") or "")

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the detections written by the last evaluation."""
        results = self.folder / "inference" / "coco_instances_results.json"
        if not results.is_file():
            raise Missing(
                f"This folder has no inference/{results.name}: the evaluation has not written "
                "detections in COCO's format."
            )
        register_datasets(self.cfg)
        if self.dataset_name not in DatasetCatalog:
            raise Missing(f"The data set {self.dataset_name} is not registered.")
        metadata = MetadataCatalog.get(self.dataset_name)
        if not metadata.get("json_file"):
            raise Missing(f"The data set {self.dataset_name} has no annotations in COCO's format.")
        if not Path(metadata.json_file).is_file():
            raise Missing(f"The annotation file {metadata.json_file} does not exist.")
        max_dets = self.cfg.dataloader.evaluator.get("max_dets_per_image") or MAX_DETS
        try:
            truth = GroundTruth(
                metadata.json_file,
                classes=metadata.get("thing_dataset_id_to_contiguous_id"),
                class_names=metadata.get("thing_classes"),
            )
            detections = truth.read_results(json.loads(results.read_text(encoding="utf-8")))
        except (UserError, OSError, ValueError, RecursionError) as error:
            raise Missing(f"{results}: {error}.") from error
        return Diagnosis(truth, detections, max_dets=max_dets)

    @cached_property
    def environment(self) -> dict[str, str]:
        """Versions logged in log.txt by the last start of the run."""
        log = self.folder / "log.txt"
        if not log.is_file():
            raise Missing("This folder has no log.txt, which contains the versions.")
        return environment_of(log.read_text(encoding="utf-8", errors="replace"))

    @cached_property
    def config_text(self) -> str:
        """The content of config.yaml, or else the current config."""
        file = self.folder / "config.yaml"
        if file.is_file():
            return file.read_text(encoding="utf-8", errors="replace")
        return OmegaConf.to_yaml(self.cfg)

    @cached_property
    def snapshots(self) -> list[tuple[int, Path]]:
        """Pictures with their iterations, ascending."""
        found = {}
        for file in (self.folder / SNAPSHOTS).glob("*.png"):
            if match := re.fullmatch(r"iteration_(\d+)", file.stem):
                found[int(match[1])] = file
        return sorted(found.items())

    @property
    def num_iterations(self) -> int:
        """Number of iterations trained; 0 without training."""
        losses = self.metrics.get("total_loss")
        return int(losses[0][-1]) + 1 if losses else 0

    @property
    def training_seconds(self) -> float:
        """Approximate training time without evaluations and checkpoints; NaN if unknown."""
        if "time" not in self.metrics:
            return math.nan
        iterations, seconds = self.metrics["time"]
        return float((np.diff(iterations, prepend=-1) * seconds).sum())

    @property
    def has_nms(self) -> bool:
        return self.cfg.model.get("test_nms_thresh") is not None


def environment_of(log: str) -> dict[str, str]:
    """The last environment table of Detectron2 in the log, without paths."""
    _, _, rest = log.rpartition("Environment info:")
    _, *parts = re.split(r"^-{5,} +-+\n", rest, maxsplit=2, flags=re.MULTILINE)
    if not parts:
        raise Missing("log.txt has no version table.")
    rows = (re.split(r" {2,}", line, maxsplit=1) for line in parts[0].splitlines())
    return {row[0]: row[1].partition(" @")[0].strip() for row in rows if len(row) == 2 and row[0]}
