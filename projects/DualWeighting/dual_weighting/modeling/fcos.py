"""Detectron2's FCOS as the baseline."""

from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.meta_arch.fcos import FCOS
from detectron2.structures import Boxes, Instances
from torch import Tensor

from .selection import select_detections


@META_ARCH_REGISTRY.register()
class FCOSBaseline(FCOS):
    """Detectron2's FCOS, in which `test_nms_thresh` may be None for no NMS."""

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
        return select_detections(
            detections,
            nms_thresh=self.test_nms_thresh,
            max_detections=self.max_detections_per_image,
        )
