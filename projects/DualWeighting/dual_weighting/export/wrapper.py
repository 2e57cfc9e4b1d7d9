"""A detector as a function of one image, made of nothing but tensors."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..assignment.points import level_centers
from ..assignment.segments import take_rows
from ..modeling import DualWeightingDetector, FCOSBaseline
from ..modeling.condinst import CondInstDetector, aligned_bilinear
from .candidates import Candidates, class_wise_nms, level_candidates

OUTPUTS = ("boxes", "scores", "classes")


class ExportableDetector(nn.Module):
    """What a detector does with an image, as operations that torch.export can record for images of
    every size.

    The number of candidates is constant; those that do not count have a score below all others. So
    small and crowded images, and those without a detection, go the same way, and only the last step
    has a result whose size depends on the image.
    """

    def __init__(self, detector: DualWeightingDetector | FCOSBaseline):
        """`detector`: its thresholds and limits at this moment are recorded too."""
        super().__init__()
        self.detector = detector.eval()

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what `forward` returns."""
        return (*OUTPUTS, "masks") if isinstance(self.detector, CondInstDetector) else OUTPUTS

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """
        Args:
            image: (H, W, 3) uint8, its channels in the order that the detector was trained with.

        Returns:
            Boxes (D, 4) as x1, y1, x2, y2 in pixels of this image, scores (D,) that fall, and
            classes (D,) int64; from a detector of masks those as well, (D, H, W) bool.
        """
        detector, (height, width) = self.detector, image.shape[:2]
        maps = detector.backbone(self.preprocess(image))
        features = [maps[name] for name in detector.head_in_features]
        predictions = detector.head(features)

        candidates = self.candidates(features, predictions[:3])
        if isinstance(detector, DualWeightingDetector):  # FCOS clips after NMS only
            candidates = candidates.clip(height, width)
        if detector.test_nms_thresh is not None:
            candidates = class_wise_nms(candidates, detector.test_nms_thresh)
        found = candidates.best(detector.max_detections_per_image).clip(height, width).present()

        outputs = found.boxes, found.scores, found.classes
        if isinstance(detector, CondInstDetector):
            masks = self.masks(features, predictions[3], found)
            # Slices would make torch.export ask whether there is any padding.
            masks = masks.index_select(1, torch.arange(height, device=masks.device))
            return *outputs, masks.index_select(2, torch.arange(width, device=masks.device))
        return outputs

    def preprocess(self, image: Tensor) -> Tensor:
        """(1, 3, H', W'), normalized, with zeros to the right and below up to sides that the
        backbone can divide."""
        detector = self.detector
        x = (image.permute(2, 0, 1).float() - detector.pixel_mean) / detector.pixel_std
        divisor = max(detector.backbone.size_divisibility, 1)
        # In this form torch.export knows that the padded sides are multiples of the divisor.
        down, right = ((side + divisor - 1) // divisor * divisor - side for side in x.shape[1:])
        return F.pad(x, (0, right, 0, down))[None]

    def candidates(
        self, features: Sequence[Tensor], predictions: Sequence[Sequence[Tensor]]
    ) -> Candidates:
        """The best of each level, decoded."""
        detector = self.detector
        levels, start = [], 0
        flat = detector._transpose_dense_predictions(predictions, [detector.num_classes, 4, 1])
        for x, stride, cls_logits, distances, quality in zip(
            features, detector.strides, *flat, strict=True
        ):
            scores = detector.scores(cls_logits[0], quality[0])
            scores, classes, point = level_candidates(scores, detector.test_topk_candidates)
            centers = take_rows(level_centers(*x.shape[-2:], stride, x.device), point)
            unit = torch.full_like(scores, stride)
            boxes = detector.decode(take_rows(distances[0], point), centers, unit)
            levels.append(Candidates(boxes, scores, classes, start + point, centers, unit))
            start = start + distances.shape[1]
        return Candidates(*map(torch.cat, zip(*levels, strict=True)))

    def masks(
        self, features: Sequence[Tensor], parameters: Sequence[Tensor], found: Candidates
    ) -> Tensor:
        """Masks (D, H', W') of the padded image."""
        detector = self.detector
        (levels,) = detector._transpose_dense_predictions(
            [parameters], [detector.mask_head.num_parameters]
        )
        logits = detector.mask_head(
            take_rows(torch.cat(levels, dim=1)[0].float(), found.point),
            detector.mask_branch(features).float(),
            torch.zeros_like(found.point),
            found.centers,
            found.strides,
        )
        scores = aligned_bilinear(aligned_bilinear(logits[:, None], 2).sigmoid(), 4)
        return scores[:, 0] > detector.test_mask_thresh
