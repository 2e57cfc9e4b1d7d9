"""The meta-architecture."""

import logging
from collections.abc import Callable, Sequence

import torch
from detectron2.modeling import META_ARCH_REGISTRY, Backbone
from detectron2.structures import Boxes, ImageList, Instances
from torch import Tensor, nn

from ..assignment import Assignment, Batch, GroundTruths, PointGrid, Predictions
from ..assignment.boxes import decode_distances
from ..assignment.segments import take_rows
from .ground_truths import ground_truths, split_ignored
from .inference import PaddedShapes, best_candidates
from .selection import DetectionSelector
from .training_events import progress_of_storage, report_assignment

logger = logging.getLogger(__name__)


@META_ARCH_REGISTRY.register()
class DualWeightingDetector(PaddedShapes):
    """Detectron2's dense detector, trained by an assignment scheme.

    Attributes:
        training_progress: how much of the training is done, in [0, 1]. The one clock that schemes
            which change over time read. Detectron2's trainers need not set it: within their event
            storage it follows from the iteration and `max_iter`.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        head: nn.Module,
        scheme: Callable[..., Assignment],
        losses: Callable[..., dict[str, Tensor]],
        num_classes: int,
        head_in_features: Sequence[str] | None = None,
        test_score_thresh: float = 0.05,
        test_topk_candidates: int = 1000,
        test_nms_thresh: float | None = 0.6,
        max_detections_per_image: int = 100,
        pixel_mean: Sequence[float],
        pixel_std: Sequence[float],
        max_iter: int | None = None,
    ):
        """
        Args:
            head: predicts at every point, see :data:`DENSE_HEAD_REGISTRY`.
            scheme: called with a :class:`Batch`, returns an :class:`Assignment`.
            losses: called with (assignment, batch), returns the losses by name.
            test_score_thresh: detections of a smaller score are dropped.
            test_topk_candidates: number of detections of each level that are decoded.
            test_nms_thresh: class-wise NMS suppresses above this IoU; None for no NMS.
            max_iter: length of the training; without it, set `training_progress` before each step.
            backbone, head_in_features, max_detections_per_image, pixel_mean, pixel_std: as in
                Detectron2's FCOS.
        """
        super().__init__(
            backbone, head, head_in_features, pixel_mean=pixel_mean, pixel_std=pixel_std
        )
        shapes = backbone.output_shape()
        self.strides = [shapes[name].stride for name in self.head_in_features]
        self.selector = DetectionSelector()
        self.scheme = scheme
        self.losses = losses
        self.num_classes = num_classes
        self.test_score_thresh = test_score_thresh
        self.test_topk_candidates = test_topk_candidates
        self.test_nms_thresh = test_nms_thresh
        self.max_detections_per_image = max_detections_per_image
        self.max_iter = max_iter
        self._training_progress: float | None = None

    @property
    def training_progress(self) -> float:
        return self._training_progress or 0.0

    @training_progress.setter
    def training_progress(self, value: float) -> None:
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"training_progress is a number in [0, 1], not {value}")
        self._training_progress = value

    def update_progress(self) -> None:
        """Set `training_progress` from the iteration of the trainer, if there is one."""
        progress = progress_of_storage(self.max_iter)
        if progress is not None:
            self.training_progress = progress
        elif self.training and self._training_progress is None:
            self._training_progress = 0.0
            logger.warning(
                "The progress of the training is not known and stays 0: give the model max_iter, "
                "or set its training_progress before each step"
            )

    def forward_training(
        self,
        images: ImageList,
        features: list[Tensor],
        predictions: list[list[Tensor]],
        gt_instances: list[Instances],
    ) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, enabled=False):
            batch = self.batch(features, predictions, gt_instances)
            assignment = self.scheme(batch)
            report_assignment(assignment, batch)
            return self.losses(assignment, batch)

    def batch(
        self,
        features: list[Tensor],
        predictions: list[list[Tensor]],
        gt_instances: list[Instances],
    ) -> Batch:
        """What scheme and losses look at, in float32."""
        grid = self.point_grid(features)
        objects, ignored = split_ignored(gt_instances, grid)
        self.update_progress()
        return Batch(
            predictions=self.flatten_levels(predictions).float(),
            targets=self.ground_truths(objects, features),
            grid=grid,
            progress=self.training_progress,
            ignored=ignored,
        )

    @torch.no_grad()
    def assign_images(self, batched_inputs: list[dict]) -> tuple[Assignment, Batch]:
        """What the scheme decides on images with "instances", as Detectron2's mapper makes them."""
        images = self.preprocess_image(batched_inputs)
        maps = self.backbone(images.tensor)
        features = [maps[name] for name in self.head_in_features]
        gt_instances = [x["instances"].to(self.device) for x in batched_inputs]
        batch = self.batch(features, self.head(features), gt_instances)
        return self.scheme(batch), batch

    def forward_inference(
        self, images: ImageList, features: list[Tensor], predictions: list[list[Tensor]]
    ) -> list[Instances]:
        detections = self.detect(images, features, predictions)
        for x in detections:
            x.remove("point")
        return detections

    def detect(
        self, images: ImageList, features: list[Tensor], predictions: list[list[Tensor]]
    ) -> list[Instances]:
        """Detections of each image, with the field `point`: which of the R points predicts each."""
        grid = self.point_grid(features)
        cls_logits, box_distances, objectness_logits = self._transpose_dense_predictions(
            predictions, [self.num_classes, 4, 1]
        )
        scores = list(map(self.scores, cls_logits, objectness_logits))
        return [
            self.inference_single_image(
                grid.centers,
                [level[n] for level in scores],
                [level[n] for level in box_distances],
                image_size,
            )
            for n, image_size in enumerate(images.image_sizes)
        ]

    def scores(self, cls_logits: Tensor, objectness_logits: Tensor) -> Tensor:
        """Joint score of each point and class, (..., K), from (..., K) and (..., 1); 0 where it
        does not exceed the threshold."""
        scores = cls_logits.float().sigmoid() * objectness_logits.float().sigmoid()
        return scores.where(scores > self.test_score_thresh, 0.0)

    def decode(self, distances: Tensor, centers: Tensor, strides: Tensor) -> Tensor:
        """Boxes (Q, 4) of points, as in training, from what the head predicts there, (Q, 4)."""
        return decode_distances(centers, distances)

    def inference_single_image(
        self,
        centers: Tensor,
        scores: list[Tensor],
        box_distances: list[Tensor],
        image_size: tuple[int, int],
    ) -> Instances:
        """Detections of one image, by falling score.

        Args:
            centers: (R, 2) of all levels, pixels.
            scores: (R_l, K) of each level l, 0 for no detection.
            box_distances: (R_l, 4) of each level, pixels.
        """
        best, point, classes = best_candidates(scores, self.test_topk_candidates)
        boxes = decode_distances(
            take_rows(centers, point), take_rows(torch.cat(box_distances), point)
        )
        boxes = Boxes(boxes)
        boxes.clip(image_size)
        return self.selector(
            Instances(image_size, pred_boxes=boxes, scores=best, pred_classes=classes, point=point),
            nms_thresh=self.test_nms_thresh,
            max_detections=self.max_detections_per_image,
        )

    def ground_truths(self, instances: list[Instances], features: list[Tensor]) -> GroundTruths:
        """The ground truths of a batch from Detectron2's per-image instances."""
        return ground_truths(instances)

    def point_grid(self, features: list[Tensor]) -> PointGrid:
        """The points of these features."""
        sizes = [tuple(x.shape[-2:]) for x in features]
        return PointGrid.from_sizes(sizes, self.strides, self.device)

    def flatten_levels(self, predictions: list[list[Tensor]]) -> Predictions:
        """The head's maps as arrays with one row a point."""
        dims = [self.num_classes, 4, 1]
        levels = self._transpose_dense_predictions(predictions, dims)
        return Predictions(*(torch.cat(level, dim=1) for level in levels))
