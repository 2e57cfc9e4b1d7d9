"""From pictures to detections, drawn and as COCO results, whatever the pictures come from."""

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
    """An image to be looked at.

    Attributes:
        image: (H, W, 3), RGB.
        image_id, file_name: of its detections in the JSON file.
        frame: its number in a video, from 0.
    """

    image: np.ndarray
    image_id: int
    file_name: str
    frame: int | None = None


class PictureDetector:
    """Detects, draws and keeps COCO results, a batch at a time."""

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
            category_ids: number in the results, of each class.
            score_threshold: detections of a lower score are neither drawn nor kept.
            draws: whether the pictures are wanted.
        """
        self.predictor, self.progress, self.draws = predictor, progress, draws
        self.category_ids, self.score_threshold = category_ids, score_threshold
        self.results: list[dict] = []

    def __call__(self, pictures: Sequence[Picture]) -> list[np.ndarray]:
        """The pictures with their detections, (H, W, 3), RGB; none if they are not wanted."""
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
        """In COCO's result format, with "file_name", and "frame" in a video."""
        results = instances_to_coco_json(instances, picture.image_id)
        for result in results:
            result["category_id"] = self.category_ids[result["category_id"]]
            result["file_name"] = picture.file_name
            if picture.frame is not None:
                result["frame"] = picture.frame
        return results

    def write_json(self, file: Path) -> None:
        """The results of all pictures so far."""
        with atomic_file(file, "w") as stream:
            json.dump(self.results, stream)
