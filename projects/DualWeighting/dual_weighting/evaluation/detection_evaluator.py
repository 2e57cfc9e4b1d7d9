"""COCO's evaluation of a detector, with NMS and without it, from one forward pass."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from detectron2.data import MetadataCatalog
from detectron2.data.datasets import convert_to_coco_json
from detectron2.evaluation import COCOEvaluator
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import BoxMode, Instances, pairwise_iou
from detectron2.utils import comm
from pycocotools import mask as rle
from tabulate import tabulate
from torch import nn

from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.evaluation.ground_truth import (
    DEFAULT_ENGINE,
    ENGINES,
    MAX_DETS,
    Detections,
    GroundTruth,
    average_precision,
)
from dual_weighting.modeling.selection import DetectionSelector
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)

WAYS = ("with_nms", "without_nms")


class DetectionEvaluator(COCOEvaluator):
    """Detectron2's COCOEvaluator, which gets its numbers from hotcoco or from pycocotools.

    Both give the same numbers; hotcoco is many times faster. For a detector that is watched (see
    `watching`), boxes are judged a second time: with NMS if the detector itself has none, without
    it otherwise. `evaluate` then also returns `{"duplicates": {"with_nms": {...}, "without_nms":
    {...}}}`, of each way AP, duplicates per image and the operating point.

    Attributes:
        diagnosis: of the last evaluation's boxes; None outside of the main process.
    """

    def __init__(
        self,
        dataset_name: str,
        *,
        engine: str = DEFAULT_ENGINE,
        tasks: tuple[str, ...] | None = None,
        output_dir: str | None = None,
        max_dets_per_image: int | None = None,
        nms_thresh: float = 0.6,
        min_score: float = 0.3,
        min_iou: float = 0.7,
    ) -> None:
        """
        Args:
            dataset_name: of Detectron2's catalogs.
            engine: "hotcoco" or "pycocotools".
            tasks: of "bbox" and "segm"; those of the detections if None.
            output_dir: where the detections are written, in COCO's result format.
            max_dets_per_image: the best so many count, 100 if None.
            nms_thresh: of the NMS that a detector without one is compared with.
            min_score, min_iou: see `count_duplicates`.

        Raises:
            UserError: there is no such engine.
        """
        if engine not in ENGINES:
            raise UserError(f"Evaluation engine {engine!r} is neither {' nor '.join(ENGINES)}.")
        self._logger, self._metadata = logger, MetadataCatalog.get(dataset_name)
        self._tasks, self._output_dir, self.engine = tasks, output_dir, engine
        self.max_dets = max_dets_per_image or MAX_DETS
        self.nms_thresh, self.min_score, self.min_iou = nms_thresh, min_score, min_iou
        if self._metadata.get("json_file") is None:  # as COCOEvaluator does
            folder = Path(output_dir or ".")
            self._metadata.json_file = str(folder / f"{dataset_name}_coco_format.json")
            convert_to_coco_json(dataset_name, self._metadata.json_file)
        self.truth = GroundTruth(
            self._metadata.json_file,
            classes=self._metadata.get("thing_dataset_id_to_contiguous_id"),
            class_names=self._metadata.get("thing_classes"),
        )
        self._watched: list[tuple[Instances, dict]] | None = None
        self.reset()

    def reset(self) -> None:
        self._own: list[tuple[Detections, int]] = []
        self._other: list[tuple[Detections, int]] = []
        self._own_thresh: float | None = None
        self.diagnosis: Diagnosis | None = None

    @contextlib.contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Let the candidates that `model` selects its detections from be selected the other way,
        too; without effect for a model that has no `DetectionSelector`.

        `model`: the detector itself, not its wrapper for several processes.
        """
        self._selector = next(
            (m for m in model.modules() if isinstance(m, DetectionSelector)), None
        )
        if self._selector is None or not self.truth.annotated:
            yield
            return
        self._watched = []
        handle = self._selector.register_forward_pre_hook(
            lambda _, args, kwargs: self._watched.append((args[0], kwargs)), with_kwargs=True
        )
        try:
            yield
        finally:
            handle.remove()
            self._watched = None

    def process(self, inputs: list[dict], outputs: list[dict]) -> None:
        for image, output in zip(inputs, outputs, strict=True):
            self._own.append(self._of_image(image, output["instances"]))
        if self._watched is None:
            return
        for image, (candidates, settings) in zip(inputs, self._watched, strict=True):
            self._own_thresh = settings["nms_thresh"]
            settings = settings | {"nms_thresh": self._other_thresh}
            # The method of the class, which does not run the hook again.
            kept = DetectionSelector.forward(self._selector, candidates, **settings)
            height, width = kept.image_size
            kept = detector_postprocess(
                kept, image.get("height", height), image.get("width", width)
            )
            self._other.append(self._of_image(image, kept))
        self._watched.clear()

    @property
    def _other_thresh(self) -> float | None:
        return self.nms_thresh if self._own_thresh is None else None

    def _of_image(self, image: dict, found: Instances) -> tuple[Detections, int]:
        """The detections of one image, and how many are duplicates."""
        found = found.to("cpu")
        boxes, masks = found.pred_boxes.tensor.numpy(), None
        if found.has("pred_masks"):
            masks = [
                rle.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
                for mask in found.pred_masks
            ]
        detections = Detections(
            image=np.full(len(found), self.truth.index_of[image["image_id"]]),
            classes=found.pred_classes.numpy(),
            xywh=BoxMode.convert(boxes, BoxMode.XYXY_ABS, BoxMode.XYWH_ABS).astype(float),
            scores=found.scores.numpy().astype(float),
            masks=masks,
        )
        known = len(self.truth.class_names)
        if detections.classes.max(initial=0) >= known:
            raise UserError(
                f"The model detects class {detections.classes.max()}, counted from 0, but the data "
                f"set has {known} classes: set model.num_classes={known}."
            )
        return detections, count_duplicates(found, min_score=self.min_score, min_iou=self.min_iou)

    def evaluate(self, img_ids: list[int] | None = None) -> dict[str, dict]:
        """Metrics by task, in percent; empty but in the main process. `img_ids`: the images that
        count, all by default."""
        comm.synchronize()
        own, other = (
            [x for part in comm.gather(y) for x in part] for y in (self._own, self._other)
        )
        if not comm.is_main_process():
            return {}
        detections = Detections.concatenate([found for found, _ in own])
        if self._output_dir:
            file = Path(self._output_dir, "coco_instances_results.json")
            file.parent.mkdir(parents=True, exist_ok=True)
            self.truth.write_results(detections, file)
        if not self.truth.annotated:
            logger.info("%s has no annotations to evaluate with.", self.truth.json_file)
            return {}
        logger.info("Evaluating %d detections with %s.", len(detections), self.engine)
        options = {"engine": self.engine, "max_dets": self.max_dets, "image_ids": img_ids}
        tasks = self._tasks or (("bbox",) if detections.masks is None else ("bbox", "segm"))
        judged = {
            task: self.truth.judge(detections, task=task, verbose=True, **options) for task in tasks
        }
        results = {}
        for task, evaluation in judged.items():
            results[task] = self._derive_coco_results(evaluation, task, self.truth.class_names)
        boxes = judged.get("bbox")
        self.diagnosis = self._diagnosis(detections, boxes)
        if other:
            found = Detections.concatenate([found for found, _ in other])
            again = self.truth.judge(found, **options)
            ways = {
                self._own_thresh: (own, boxes, self.diagnosis),
                self._other_thresh: (other, again, self._diagnosis(found, again)),
            }
            results["duplicates"] = self._compared(ways)
        return results

    def _diagnosis(self, detections: Detections, evaluation: object) -> Diagnosis:
        evaluation = evaluation if self.engine == "hotcoco" else None
        return Diagnosis(self.truth, detections, evaluation, max_dets=self.max_dets)

    def _compared(self, ways: dict) -> dict[str, dict[str, float]]:
        """The numbers of both ways, by the IoU threshold of NMS, which are logged as well."""
        report, rows = {}, []
        for name, thresh in zip(WAYS, sorted(ways, key=lambda x: x is None), strict=True):
            images, evaluation, diagnosis = ways[thresh]
            report[name] = {
                "AP": average_precision(evaluation),
                "duplicates_per_image": sum(n for _, n in images) / len(images),
                **asdict(diagnosis.overall),
            }
            title = "without NMS" if thresh is None else f"with NMS at IoU {thresh}"
            title += " (this model)" if thresh == self._own_thresh else ""
            keys = ("AP", "duplicates_per_image", "f1", "threshold")
            rows.append([title, *(report[name][key] for key in keys)])
        head = ["", "AP", "duplicates / image", "best F1", "at score"]
        logger.info(
            "With and without NMS. A duplicate: score over %s, IoU over %s with a better detection "
            "of its class.\n%s",
            self.min_score,
            self.min_iou,
            tabulate(rows, head, tablefmt="pipe", floatfmt=("", ".2f", ".2f", ".1f", ".3f")),
        )
        return report


def count_duplicates(detections: Instances, *, min_score: float, min_iou: float) -> int:
    """How many detections of one image repeat a better one: same class, IoU above `min_iou`.

    Only detections with a score above `min_score` are looked at.
    """
    shown = detections[detections.scores > min_score]
    shown = shown[shown.scores.argsort(descending=True, stable=True)]
    same_class = shown.pred_classes[:, None] == shown.pred_classes[None, :]
    overlap = pairwise_iou(shown.pred_boxes, shown.pred_boxes) > min_iou
    repeats = (same_class & overlap).triu(diagonal=1)  # [i, j]: j repeats the better i
    return int(repeats.any(dim=0).sum())
