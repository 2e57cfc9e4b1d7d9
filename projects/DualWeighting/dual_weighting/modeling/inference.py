"""From the predictions of a batch to candidates for detections."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from detectron2.modeling.meta_arch.dense_detector import DenseDetector
from torch import Tensor

from ..assignment.segments import take_rows


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


def best_candidates(scores: Sequence[Tensor], limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `limit` best pairs of a point and a class on each level of an image.

    Args:
        scores: (R_l, K) of each level l, 0 for pairs that do not count.

    Returns:
        Score, point in [0, R) and class of each, level by level, by falling score.
    """
    levels, start = [], 0
    for level in scores:
        num_points, num_classes = level.shape
        values = level.flatten()
        (entry,) = values.nonzero(as_tuple=True)
        values, best = take_rows(values, entry).topk(min(limit, len(entry)))
        entry = take_rows(entry, best)
        levels.append((values, start + entry // num_classes, entry % num_classes))
        start += num_points
    values, point, classes = map(torch.cat, zip(*levels, strict=True))
    return values, point, classes
