"""Inference in which an image does not notice the others of its batch."""

from collections import defaultdict

from detectron2.modeling.meta_arch.dense_detector import DenseDetector
from torch import Tensor


class PaddedShapes(DenseDetector):
    """Detectron2's dense detector, which at inference runs only images of the same padded shape
    together: normalization layers see padding, and points in it have detections.

    In training a batch is padded to its largest image, as in Detectron2 and in the releases.
    """

    def forward(self, batched_inputs: list[dict]) -> dict[str, Tensor] | list[dict]:
        """Detectron2's input and output, see its DenseDetector."""
        if self.training:
            return super().forward(batched_inputs)
        divisor = max(self.backbone.size_divisibility, 1)
        groups = defaultdict(list)
        for index, image in enumerate(batched_inputs):
            groups[tuple(-(-side // divisor) for side in image["image"].shape[-2:])].append(index)
        results = {}
        for group in groups.values():
            found = super().forward([batched_inputs[index] for index in group])
            results.update(zip(group, found, strict=True))
        return [results[index] for index in range(len(batched_inputs))]
