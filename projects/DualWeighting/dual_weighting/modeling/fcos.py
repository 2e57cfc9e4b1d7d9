"""Detectron2's FCOS as the baseline."""

import torch
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.meta_arch.fcos import FCOS, FCOSHead
from detectron2.structures import Boxes, ImageList, Instances
from torch import Tensor, nn

from ..assignment import PointGrid
from ..assignment.boxes import square_boxes
from .ground_truths import split_ignored
from .head import DENSE_HEAD_REGISTRY
from .inference import PaddedShapes
from .selection import DetectionSelector


@META_ARCH_REGISTRY.register()
class FCOSBaseline(PaddedShapes, FCOS):
    """Detectron2's FCOS, in which `test_nms_thresh` may be None for no NMS, points without a ground
    truth that are inside a region to ignore have no loss, and everything behind the head is
    computed in float32 under autocast."""

    def __init__(self, **kwargs):
        """`kwargs`: those of Detectron2's FCOS."""
        super().__init__(**kwargs)
        self.strides = self.anchor_generator.strides
        self.selector = DetectionSelector()

    def forward_training(
        self,
        images: ImageList,
        features: list[Tensor],
        predictions: list[list[Tensor]],
        gt_instances: list[Instances],
    ) -> dict[str, Tensor]:
        sizes = [tuple(x.shape[-2:]) for x in features]
        grid = PointGrid.from_sizes(sizes, self.strides, self.device)
        objects, ignored = split_ignored(gt_instances, grid)
        with torch.autocast(self.device.type, enabled=False):
            logits, deltas, centerness = self._transpose_dense_predictions(
                to_float(predictions), [self.num_classes, 4, 1]
            )
            anchors = self.anchor_generator(features)
            labels, boxes = self.label_anchors(anchors, objects)
            if ignored is not None:
                background = torch.stack(labels) == self.num_classes
                ignored = ignored.view_as(background) & background
                # As background of a score of 0 they have neither a loss nor a gradient.
                lowest = torch.finfo(torch.float32).min
                logits = [torch.cat(logits, dim=1).masked_fill(ignored[:, :, None], lowest)]
            return self.losses(anchors, logits, labels, deltas, boxes, centerness)

    def forward_inference(
        self, images: ImageList, features: list[Tensor], predictions: list[list[Tensor]]
    ) -> list[Instances]:
        with torch.autocast(self.device.type, enabled=False):
            return super().forward_inference(images, features, to_float(predictions))

    def scores(self, cls_logits: Tensor, centerness_logits: Tensor) -> Tensor:
        """Score of each point and class, (..., K), from (..., K) and (..., 1); 0 where it does not
        exceed the threshold."""
        scores = (cls_logits.float().sigmoid() * centerness_logits.float().sigmoid()).sqrt()
        return scores.where(scores > self.test_score_thresh, 0.0)

    def decode(self, deltas: Tensor, centers: Tensor, strides: Tensor) -> Tensor:
        """Boxes (Q, 4) of points (Q, 2) from what the head predicts there, (Q, 4)."""
        return self.box2box_transform.apply_deltas(deltas, square_boxes(centers, strides))

    def inference_single_image(
        self,
        anchors: list[Boxes],
        box_cls: list[Tensor],
        box_delta: list[Tensor],
        image_size: tuple[int, int],
    ) -> Instances:
        detections = self._decode_multi_level_predictions(
            anchors,
            box_cls,
            box_delta,
            self.test_score_thresh,
            self.test_topk_candidates,
            image_size,
        )
        return self.selector(
            detections,
            nms_thresh=self.test_nms_thresh,
            max_detections=self.max_detections_per_image,
        )


def to_float(predictions: list[list[Tensor]]) -> list[list[Tensor]]:
    """The maps of all levels in float32."""
    return [[level.float() for level in levels] for levels in predictions]


@DENSE_HEAD_REGISTRY.register()
class FCOSBaselineHead(FCOSHead):
    """Detectron2's FCOS head, whose boxes start with a size.

    Detectron2's starts at distance 0, at the edge of the ReLU behind it. In a short training from
    scratch it happens that a side falls off that edge everywhere and never learns.
    """

    def __init__(self, *, box_bias: float = 1.0, **kwargs):
        """
        Args:
            box_bias: bias of the box predictor at the start, in strides. 1 is what the exponential
                of the original FCOS starts with, 0 what Detectron2's head does.
            kwargs: those of Detectron2's FCOSHead.
        """
        super().__init__(**kwargs)
        nn.init.constant_(self.bbox_pred.bias, box_bias)
