"""What NMS does for a detector: AP and duplicates with and without it, from one forward pass."""

import itertools
import logging
from dataclasses import asdict, dataclass

from detectron2.data import MetadataCatalog
from detectron2.evaluation import DatasetEvaluator
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Instances
from detectron2.utils import comm
from tabulate import tabulate
from torch import nn

from dual_weighting.evaluation.coco_metrics import (
    average_precision,
    best_operating_point,
    evaluate_boxes,
    restore_category_ids,
)
from dual_weighting.evaluation.duplicates import count_duplicates
from dual_weighting.evaluation.engines import (
    DEFAULT_ENGINE,
    MAX_DETS,
    Annotations,
    read_annotations,
)
from dual_weighting.modeling.selection import DetectionSelector

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Image:
    """What one way of selecting made of one image."""

    results: list[dict]
    duplicates: int


class DuplicateReport(DatasetEvaluator):
    """Selects the detections of every image twice, with NMS and without, and compares.

    One of the two is what the model itself does, so its AP is the model's AP. The model must have
    a :class:`DetectionSelector`, which is watched while this evaluator is in use as a context.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset_name: str,
        *,
        nms_thresh: float = 0.6,
        min_score: float = 0.3,
        min_iou: float = 0.7,
        engine: str = DEFAULT_ENGINE,
        max_dets: int = MAX_DETS,
    ) -> None:
        """
        Args:
            model: the detector itself, not its wrapper for several processes.
            dataset_name: of Detectron2's catalogs, with annotations in COCO's format.
            nms_thresh: used with NMS if the model itself has none.
            min_score, min_iou: see `count_duplicates`.
            engine: who computes AP, "hotcoco" or "pycocotools".
            max_dets: the best so many detections of an image count for AP.
        """
        self.selector = selector_of(model)
        self.metadata = MetadataCatalog.get(dataset_name)
        self.nms_thresh, self.min_score, self.min_iou = nms_thresh, min_score, min_iou
        self.engine, self.max_dets = engine, max_dets
        self.reset()

    def __enter__(self) -> "DuplicateReport":
        self._handle = self.selector.register_forward_pre_hook(self._see, with_kwargs=True)
        return self

    def __exit__(self, *_) -> None:
        self._handle.remove()
        self._seen.clear()

    def reset(self) -> None:
        self._seen: list[tuple[Instances, dict]] = []
        self._images: dict[str, list[_Image]] = {"with_nms": [], "without_nms": []}
        self._own_thresh: float | None = None

    def _see(self, selector: nn.Module, args: tuple[Instances], kwargs: dict) -> None:
        self._seen.append((args[0], kwargs))

    def process(self, inputs: list[dict], outputs: list[dict]) -> None:
        for image, (candidates, settings) in zip(inputs, self._seen, strict=True):
            self._own_thresh = settings["nms_thresh"]
            for name, thresh in self.thresholds().items():
                # The class, not the module: this call is not one to watch.
                kept = DetectionSelector.forward(
                    self.selector, candidates, **(settings | {"nms_thresh": thresh})
                )
                kept = detector_postprocess(
                    kept,
                    image.get("height", kept.image_size[0]),
                    image.get("width", kept.image_size[1]),
                ).to("cpu")
                duplicates = count_duplicates(kept, min_score=self.min_score, min_iou=self.min_iou)
                kept = Instances(
                    kept.image_size,
                    pred_boxes=kept.pred_boxes,
                    scores=kept.scores,
                    pred_classes=kept.pred_classes,
                )
                results = instances_to_coco_json(kept, image["image_id"])
                self._images[name].append(_Image(results, duplicates))
        self._seen.clear()

    def thresholds(self) -> dict[str, float | None]:
        """IoU threshold of each way of selecting."""
        own = self._own_thresh
        return {"with_nms": self.nms_thresh if own is None else own, "without_nms": None}

    def evaluate(self) -> dict[str, dict[str, dict[str, float]]]:
        """`{"duplicates": {"with_nms": {...}, "without_nms": {...}}}`, percent where a rate; empty
        but in the main process."""
        gathered = comm.gather(self._images)
        if not comm.is_main_process():
            return {}
        annotations = read_annotations(self.metadata.json_file, self.engine)
        report = {
            name: self._compare(annotations, [image for part in gathered for image in part[name]])
            for name in self._images
        }
        logger.info("%s", self.table(report))
        return {"duplicates": report}

    def _compare(self, annotations: Annotations, images: list[_Image]) -> dict[str, float]:
        results = list(itertools.chain.from_iterable(image.results for image in images))
        restore_category_ids(results, self.metadata.get("thing_dataset_id_to_contiguous_id"))
        evaluation = evaluate_boxes(annotations, results, max_dets=self.max_dets)
        return {
            "AP": average_precision(evaluation),
            "duplicates_per_image": sum(x.duplicates for x in images) / max(len(images), 1),
            **asdict(best_operating_point(evaluation)),
        }

    def table(self, report: dict[str, dict[str, float]]) -> str:
        """The report as people read it."""
        own = "without_nms" if self._own_thresh is None else "with_nms"
        titles = {
            "with_nms": f"with NMS at IoU {self.thresholds()['with_nms']}",
            "without_nms": "without NMS",
        }
        rows = [
            [
                titles[name] + (" (this model)" if name == own else ""),
                *(numbers[key] for key in ("AP", "duplicates_per_image", "f1", "threshold")),
            ]
            for name, numbers in report.items()
        ]
        head = ["", "AP", "duplicates an image", "best F1", "at score"]
        return (
            f"With and without NMS. A duplicate: score over {self.min_score}, IoU over "
            f"{self.min_iou} with a better detection of its class.\n"
            + tabulate(
                rows, headers=head, tablefmt="pipe", floatfmt=("", ".2f", ".2f", ".1f", ".3f")
            )
        )


def selector_of(model: nn.Module) -> DetectionSelector | None:
    """The module that selects the detections of `model`; None if it has another way."""
    return next((m for m in model.modules() if isinstance(m, DetectionSelector)), None)
