"""What the folder of a run holds, read when it is asked for."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from omegaconf import DictConfig, OmegaConf

from dual_weighting.data import register_datasets
from dual_weighting.evaluation.coco_metrics import OperatingPoint, evaluate_boxes
from dual_weighting.evaluation.detection_files import read_detection_data, read_json
from dual_weighting.evaluation.detection_matching import Matches, match_detections
from dual_weighting.evaluation.detection_statistics import best_points, precision_table
from dual_weighting.evaluation.engines import DEFAULT_ENGINE, MAX_DETS, read_annotations
from dual_weighting.utils.errors import UserError
from dual_weighting.visualization.curves import Series, read_metrics

SNAPSHOTS = "assignment"  # folder of the pictures made during the training


class Missing(Exception):
    """What is not there, in one sentence for the page."""


def get(value: Callable[[], object], default: object = math.nan):
    """What `value` gives, `default` where it is missing."""
    try:
        return value()
    except (Missing, KeyError):
        return default


@dataclass(frozen=True)
class Detections:
    """The detections of a run against its data set, K classes.

    Attributes:
        image_root: the folder of the images.
        overall, of_class: operating points, of all classes and of each, K.
        precision: (T, R, K), see `precision_table`.
    """

    matches: Matches
    image_root: Path
    overall: OperatingPoint
    of_class: list[OperatingPoint]
    precision: np.ndarray

    @property
    def threshold(self) -> float:
        """The best one; 0 where nothing is right at any."""
        return 0.0 if math.isnan(self.overall.threshold) else self.overall.threshold


class RunFiles:
    """The output folder of a run. What is not there raises `Missing` when it is asked for."""

    def __init__(self, cfg: DictConfig, folder: Path) -> None:
        """`cfg`: of the run."""
        self.cfg, self.folder = cfg, Path(folder)
        self.name = self.folder.resolve().name

    @cached_property
    def metrics(self) -> dict[str, Series]:
        """Of metrics.json; empty but for a training."""
        file = self.folder / "metrics.json"
        return read_metrics(file) if file.is_file() else {}

    @cached_property
    def evaluation(self) -> dict[str, dict]:
        """Of evaluation.json."""
        file = self.folder / "evaluation.json"
        if not file.is_file():
            raise Missing(f"{file.name} is not in this folder: the run has not been evaluated.")
        try:
            content = read_json(file, parse_int=float)
        except UserError as error:
            raise Missing(str(error)) from error
        if not isinstance(content, dict):
            raise Missing(f"{file.name} does not hold metrics by task.")
        tasks = {name: task for name, task in content.items() if isinstance(task, dict)}
        if not is_duplicate_report(tasks.get("duplicates")):
            tasks.pop("duplicates", None)
        return tasks

    @cached_property
    def dataset_name(self) -> str:
        """The data set of the evaluation."""
        name = OmegaConf.select(self.cfg, "dataloader.evaluator.dataset_name")
        if not isinstance(name, str):
            raise Missing("The config names no data set of the evaluation.")
        return name

    @cached_property
    def detections(self) -> Detections:
        """The detections that the last evaluation wrote."""
        results = self.folder / "inference" / "coco_instances_results.json"
        if not results.is_file():
            raise Missing(
                f"There is no inference/{results.name} in this folder: the evaluation has not "
                "written detections in COCO's format."
            )
        register_datasets(self.cfg)
        if self.dataset_name not in DatasetCatalog:
            raise Missing(f"The data set {self.dataset_name} is not known here.")
        metadata = MetadataCatalog.get(self.dataset_name)
        if not metadata.get("json_file"):
            raise Missing(f"The data set {self.dataset_name} has no annotations in COCO's format.")
        if not Path(metadata.json_file).is_file():
            raise Missing(f"The annotations {metadata.json_file} are not in their place.")
        try:
            data = read_detection_data(
                metadata.json_file,
                results,
                category_ids=metadata.get("thing_dataset_id_to_contiguous_id"),
                class_names=metadata.get("thing_classes"),
            )
        except UserError as error:
            raise Missing(str(error)) from error
        evaluator = self.cfg.dataloader.evaluator
        engine = evaluator.get("engine", DEFAULT_ENGINE)
        max_dets = evaluator.get("max_dets_per_image") or MAX_DETS
        matches = match_detections(data)
        precision = np.full((10, 101, len(data.class_names)), np.nan)
        if len(data.detections):
            try:
                truth = read_annotations(metadata.json_file, engine)
                precision = precision_table(evaluate_boxes(truth, str(results), max_dets=max_dets))
            except (AssertionError, LookupError, TypeError, ValueError) as error:
                raise Missing(f"{results} cannot be evaluated ({error}).") from error
        overall, of_class = best_points(matches)
        root = Path(metadata.get("image_root") or "")
        return Detections(matches, root, overall, of_class, precision)

    @cached_property
    def environment(self) -> dict[str, str]:
        """Versions, as the last start of the run has written them into log.txt."""
        log = self.folder / "log.txt"
        if not log.is_file():
            raise Missing("log.txt is not in this folder, in which the versions are.")
        return environment_of(log.read_text(encoding="utf-8", errors="replace"))

    @cached_property
    def config_text(self) -> str:
        """config.yaml; without one, the config as it is now."""
        file = self.folder / "config.yaml"
        if file.is_file():
            return file.read_text(encoding="utf-8", errors="replace")
        return OmegaConf.to_yaml(self.cfg)

    @cached_property
    def snapshots(self) -> list[tuple[int, Path]]:
        """Iterations done and picture, ascending."""
        found = {}
        for file in (self.folder / SNAPSHOTS).glob("*.png"):
            if match := re.fullmatch(r"iteration_(\d+)", file.stem):
                found[int(match[1])] = file
        return sorted(found.items())

    @property
    def num_iterations(self) -> int:
        """That were trained, 0 where nothing was."""
        if "total_loss" not in self.metrics:
            return 0
        return int(self.metrics["total_loss"][0][-1]) + 1

    @property
    def training_seconds(self) -> float:
        """About, without evaluations and checkpoints; NaN where it is not known."""
        if "time" not in self.metrics:
            return float("nan")
        iterations, seconds = self.metrics["time"]
        return float((np.diff(iterations, prepend=-1) * seconds).sum())


def is_duplicate_report(report: object) -> bool:
    """Whether it has numbers both with and without NMS."""
    keys = ("AP", "duplicates_per_image", "f1", "threshold", "precision", "recall")
    ways = [report.get(way) for way in ("with_nms", "without_nms")] if report else [None]
    return all(
        isinstance(way, dict)
        and isinstance(way.get("AP"), int | float)
        and isinstance(way.get("duplicates_per_image"), int | float)
        and all(isinstance(way.get(key, 0), int | float) for key in keys)
        for way in ways
    )


def environment_of(log: str) -> dict[str, str]:
    """The table that Detectron2 writes into the log at each start, without folders; the last one
    counts."""
    _, _, rest = log.rpartition("Environment info:")
    _, *parts = re.split(r"^-{5,} +-+\n", rest, maxsplit=2, flags=re.MULTILINE)
    if not parts:
        raise Missing("log.txt has no table of versions.")
    rows = (re.split(r" {2,}", line, maxsplit=1) for line in parts[0].splitlines())
    return {row[0]: row[1].partition(" @")[0].strip() for row in rows if len(row) == 2 and row[0]}


def flat(metrics: Mapping[str, object]) -> dict[str, float]:
    """The numbers of one task, without those of single classes ("AP-NAME")."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and "-" not in name
    }
