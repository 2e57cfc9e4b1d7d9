"""Detects objects in pictures, draws them, and collects COCO results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from detectron2.structures import Instances

from dual_weighting.engine.predictor import Predictor
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.progress import Throughput
from dual_weighting.visualization.instances import draw_instances


@dataclass(frozen=True)
class Picture:
    """An input image.

    Attributes:
        image: (H, W, 3), RGB.
        image_id, file_name: for the JSON file.
        frame: index in a video, from 0.
    """

    image: np.ndarray
    image_id: int
    file_name: str
    frame: int | None = None


class PictureDetector:
    """Detects, draws and collects COCO results, one batch at a time."""

    def __init__(
        self,
        predictor: Predictor,
        *,
        category_ids: Sequence[int],
        score_threshold: float,
        progress: Throughput,
        draws: bool = True,
    ) -> None:
        """
        Args:
            category_ids: category id of each class.
            score_threshold: detections with a lower score are neither drawn nor kept.
            draws: whether to draw pictures.
        """
        self.predictor, self.progress, self.draws = predictor, progress, draws
        self.category_ids, self.score_threshold = category_ids, score_threshold
        self.results: list[dict] = []

    def __call__(self, pictures: Sequence[Picture]) -> list[np.ndarray]:
        """The pictures with detections, RGB (H, W, 3); empty without `draws`."""
        found = self.predictor([x.image for x in pictures], array_format="RGB")
        drawn = []
        for picture, output in zip(pictures, found, strict=True):
            instances = output["instances"]
            instances = instances[instances.scores >= self.score_threshold]
            self.results += self.coco_results(picture, instances)
            if self.draws:
                drawn.append(draw_instances(picture.image, instances, self.predictor.classes))
        self.progress.add(len(pictures))
        return drawn

    def coco_results(self, picture: Picture, instances: Instances) -> list[dict]:
        """Results in COCO's format plus "file_name", and "frame" for videos."""
        results = instances_to_coco_json(instances, picture.image_id)
        for result in results:
            result["category_id"] = self.category_ids[result["category_id"]]
            result["file_name"] = picture.file_name
            if picture.frame is not None:
                result["frame"] = picture.frame
        return results

    def write_json(self, file: Path) -> None:
        """Write the results of all pictures so far."""
        with atomic_file(file, "w") as stream:
            json.dump(self.results, stream)
