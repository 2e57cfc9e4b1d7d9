"""CrowdHuman's metrics of files, and of a detector while it runs."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
from detectron2.data import MetadataCatalog
from detectron2.evaluation import DatasetEvaluator
from detectron2.structures import BoxMode, Instances
from detectron2.utils import comm

from dual_weighting.data.crowdhuman import OdgtImage, read_detections, read_ground_truths
from dual_weighting.evaluation.crowd_matching import CrowdImage
from dual_weighting.evaluation.crowdhuman import CrowdMetrics, crowd_metrics
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


class CrowdHumanEvaluator(DatasetEvaluator):
    """AP, MR^-2, recall and Jaccard index on a data set in CrowdHuman's format. The detections are
    written to `crowdhuman_results.odgt`, from which `tools/evaluate_crowdhuman.py` gets the same
    numbers."""

    def __init__(self, dataset_name: str, output_dir: str) -> None:
        """`dataset_name`: of Detectron2's catalogs, registered by `register_crowdhuman`."""
        self.odgt_file = MetadataCatalog.get(dataset_name).odgt_file
        self.output_dir = Path(output_dir)
        self.reset()

    def reset(self) -> None:
        self._lines: list[str] = []

    def process(self, inputs: list[dict], outputs: list[dict]) -> None:
        for image, output in zip(inputs, outputs, strict=True):
            self._lines.append(odgt_line(image["image_id"], output["instances"].to("cpu")))

    def evaluate(self) -> dict[str, dict[str, float]]:
        """`{"bbox": {"AP": ..., "MR": ..., "Recall": ..., "JI": ...}}` in percent; empty but in the
        main process."""
        gathered = comm.gather(self._lines)
        if not comm.is_main_process():
            return {}
        self.output_dir.mkdir(parents=True, exist_ok=True)
        results = self.output_dir / "crowdhuman_results.odgt"
        # Images that fill up the last batch of several processes come twice.
        lines = dict.fromkeys(line for part in gathered for line in part)
        results.write_text("".join(f"{line}\n" for line in lines))
        metrics = evaluate_odgt(self.odgt_file, results)
        logger.info("%s", describe(metrics))
        return {"bbox": {name: 100 * value for name, value in asdict(metrics).items()}}


def odgt_line(image_id: str, detections: Instances) -> str:
    """The detections of one image as a line of an .odgt file, without its end."""
    boxes = BoxMode.convert(detections.pred_boxes.tensor, BoxMode.XYXY_ABS, BoxMode.XYWH_ABS)
    height, width = detections.image_size
    items = [
        {"box": [round(side, 3) for side in box], "score": round(score, 6), "tag": 1}
        for box, score in zip(boxes.tolist(), detections.scores.tolist(), strict=True)
    ]
    return json.dumps({"ID": image_id, "height": height, "width": width, "dtboxes": items})


def evaluate_odgt(gt_file: str | Path, dt_file: str | Path) -> CrowdMetrics:
    """The metrics of the detections in `dt_file`; an image that it does not name has none.

    Raises:
        UserError: a file is faulty, the detections are of an image without a ground truth line, or
            neither file says how large an image is.
    """
    truths = read_ground_truths(gt_file)
    detections = {image.image_id: image for image in read_detections(dt_file)}
    unknown = detections.keys() - {image.image_id for image in truths}
    if unknown:
        image = next(x for x in detections.values() if x.image_id in unknown)
        raise UserError(
            f"{image.place} is of image {image.image_id}, which {gt_file} does not have; give the "
            "ground truths that belong to the detections."
        )
    return crowd_metrics([join(image, detections.get(image.image_id)) for image in truths])


def join(truth: OdgtImage, detections: OdgtImage | None) -> CrowdImage:
    boxes = corners(truth.boxes)
    size = truth.size or (detections and detections.size)
    if size is None:
        place = detections.place if detections else truth.place
        raise UserError(
            f'{place} has no "height" and "width" of image {truth.image_id}, nor has the other '
            "file; add them to either."
        )
    return CrowdImage(
        persons=boxes[~truth.ignored],
        regions=boxes[truth.ignored],
        detections=corners(detections.boxes) if detections else np.zeros((0, 4)),
        scores=detections.scores if detections else np.zeros(0),
        size=size,
    )


def corners(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) from x, y, width, height to x1, y1, x2, y2."""
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


def describe(metrics: CrowdMetrics) -> str:
    """The metrics as people read them."""
    values = asdict(metrics)
    names = {"MR": "MR^-2 (less is better)"}
    return ", ".join(f"{names.get(name, name)} {100 * x:.2f}" for name, x in values.items())
