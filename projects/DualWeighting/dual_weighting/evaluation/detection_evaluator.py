"""COCO evaluation of a detector with and without NMS, in a single pass over the data."""

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
    """Detectron2's COCOEvaluator with hotcoco or pycocotools as the engine.

    Both give the same numbers; hotcoco is many times faster. For a watched detector (see
    `watching`), boxes are evaluated a second time: with NMS if the detector has none, without NMS
    otherwise. `evaluate` then also returns `{"duplicates": {"with_nms": {...}, "without_nms":
    {...}}}` with AP, duplicates per image and the operating point of both.

    Attributes:
        diagnosis: of the boxes in the last evaluation; None outside the main process.
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
            dataset_name: name in Detectron2's catalogs.
            engine: "hotcoco" or "pycocotools".
            tasks: a subset of "bbox" and "segm"; by default those of the detections.
            output_dir: folder for the detections in COCO's result format.
            max_dets_per_image: number of detections per image that count; 100 by default.
            nms_thresh: IoU threshold of the NMS that detectors without NMS are compared with.
            min_score, min_iou: see `count_duplicates`.

        Raises:
            UserError: the engine is unknown.
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
        """Context manager in which the candidates of `model` are also selected the other way, with
        or without NMS. Has no effect on models without a `DetectionSelector`.

        Args:
            model: the detector, not wrapped in DDP.
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
            # Calling the class method does not trigger the hook again.
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
        """Detections of one image, and the number of duplicates."""
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
        """Metrics by task, in percent; empty outside the main process. `img_ids`: images to
        evaluate on, all by default."""
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
        """Log and return the numbers with and without NMS; `ways` is keyed by NMS threshold."""
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
    """Number of detections in one image that duplicate a better one: same class, IoU above
    `min_iou`. Only detections with a score above `min_score` count."""
    shown = detections[detections.scores > min_score]
    shown = shown[shown.scores.argsort(descending=True, stable=True)]
    same_class = shown.pred_classes[:, None] == shown.pred_classes[None, :]
    overlap = pairwise_iou(shown.pred_boxes, shown.pred_boxes) > min_iou
    repeats = (same_class & overlap).triu(diagonal=1)  # [i, j]: j repeats the better i
    return int(repeats.any(dim=0).sum())
