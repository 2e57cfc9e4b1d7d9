"""Detectron2's FCOS as the baseline."""

import torch
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.meta_arch.fcos import FCOS, FCOSHead
from detectron2.structures import Boxes, ImageList, Instances, pairwise_point_box_distance
from torch import Tensor, nn

from ..assignment.batch import IGNORED
from .head import DENSE_HEAD_REGISTRY
from .ignore_regions import split_regions
from .padded_shapes import PaddedShapes
from .selection import DetectionSelector


@META_ARCH_REGISTRY.register()
class FCOSBaseline(PaddedShapes, FCOS):
    """Detectron2's FCOS, in which `test_nms_thresh` may be None for no NMS, points without a ground
    truth that are inside a region to ignore have no loss, and everything behind the head is
    computed in float32 under autocast."""

    def __init__(self, **kwargs):
        """`kwargs`: those of Detectron2's FCOS."""
        super().__init__(**kwargs)
        self.selector = DetectionSelector()

    def forward_training(
        self,
        images: ImageList,
        features: list[Tensor],
        predictions: list[list[Tensor]],
        gt_instances: list[Instances],
    ) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, enabled=False):
            return super().forward_training(images, features, to_float(predictions), gt_instances)

    def forward_inference(
        self, images: ImageList, features: list[Tensor], predictions: list[list[Tensor]]
    ) -> list[Instances]:
        with torch.autocast(self.device.type, enabled=False):
            return super().forward_inference(images, features, to_float(predictions))

    @torch.no_grad()
    def label_anchors(
        self, anchors: list[Boxes], gt_instances: list[Instances]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Detectron2's labels, with `IGNORED` in the place of the background inside regions."""
        objects, regions = split_regions(gt_instances)
        labels, boxes = super().label_anchors(anchors, objects)
        centers = Boxes.cat(anchors).get_centers()
        for labels_of_image, x in zip(labels, regions, strict=True):
            inside = (pairwise_point_box_distance(centers, x.gt_boxes) > 0).all(dim=2).any(dim=1)
            labels_of_image[inside & (labels_of_image == self.num_classes)] = IGNORED
        return labels, boxes

    def losses(
        self,
        anchors: list[Boxes],
        pred_logits: list[Tensor],
        gt_labels: list[Tensor],
        pred_anchor_deltas: list[Tensor],
        gt_boxes: list[Tensor],
        pred_centerness: list[Tensor],
    ) -> dict[str, Tensor]:
        ignored = torch.stack(gt_labels) == IGNORED
        # As background of a score of 0 they have neither a loss nor a gradient.
        logits = torch.cat(pred_logits, dim=1)
        logits = logits.masked_fill(ignored[:, :, None], torch.finfo(logits.dtype).min)
        labels = [x.where(x != IGNORED, self.num_classes) for x in gt_labels]
        return super().losses(
            anchors, [logits], labels, pred_anchor_deltas, gt_boxes, pred_centerness
        )

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
