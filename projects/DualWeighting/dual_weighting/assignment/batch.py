"""What goes into an assignment scheme and what comes out. Shape letters: see the package."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .boxes import decode_distances, paired_iou_giou
from .points import PointGrid, to_device
from .segments import take_rows

IGNORED = -1  # the class of a region to ignore, before it is taken out of the ground truths


@dataclass(frozen=True)
class Predictions:
    """Raw outputs of a dense head for a batch.

    Attributes:
        cls_logits: (N, R, K).
        box_distances: (N, R, 4), from the point to the left, top, right and bottom side, pixels.
        objectness_logits: (N, R, 1).
    """

    cls_logits: Tensor
    box_distances: Tensor
    objectness_logits: Tensor

    def float(self) -> "Predictions":
        """The same in float32."""
        return Predictions(*(getattr(self, field.name).float() for field in fields(self)))


@dataclass(frozen=True)
class GroundTruths:
    """The ground truths of a batch, all images concatenated.

    Attributes:
        boxes: (M, 4), pixels of the network input.
        classes: (M,), in [0, K).
        image: (M,), in [0, N).
        centers: (M, 2), what counts as the centers where that is not the middle of the boxes,
            pixels; O2F takes its candidates around them. None for the middle.
    """

    boxes: Tensor
    classes: Tensor
    image: Tensor
    centers: Tensor | None = None

    @classmethod
    def from_images(cls, boxes: Sequence[Tensor], classes: Sequence[Tensor]) -> "GroundTruths":
        """From one (M_n, 4) and one (M_n,) tensor per image; M_n may be 0."""
        counts = to_device([len(c) for c in classes], torch.long, classes[0].device)
        boxes, classes = torch.cat(list(boxes)).float(), torch.cat(list(classes))
        return cls(boxes, classes, torch.repeat_interleave(counts, output_size=len(classes)))

    def box_centers(self) -> Tensor:
        """Middle of each box, (M, 2), pixels."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2

    def __len__(self) -> int:
        """M"""
        return len(self.classes)


@dataclass(frozen=True)
class Batch:
    """What a scheme and its losses look at.

    Attributes:
        predictions: of the head.
        targets: the ground truths.
        grid: the points of an image.
        progress: how much of the training is done, in [0, 1].
        ignored: (N * R,) bool, points that are negatives of no class, whatever an assignment
            says; their positive pairs count. None if there are none. Schemes do not read it,
            losses apply it by `mask_ignored`.
    """

    predictions: Predictions
    targets: GroundTruths
    grid: PointGrid
    progress: float = 0.0
    ignored: Tensor | None = None

    @property
    def num_points(self) -> int:
        """N * R"""
        return self.predictions.cls_logits.shape[:2].numel()

    @property
    def num_gt(self) -> int:
        """M"""
        return len(self.targets)

    def entries_at(self, point: Tensor, gt: Tensor) -> Tensor:
        """Position of each pair's class logit among all N * R * K, (Q,)."""
        num_classes = self.predictions.cls_logits.shape[2]
        return torch.add(take_rows(self.targets.classes, gt), point, alpha=num_classes)

    def class_logits_at(self, point: Tensor, gt: Tensor) -> Tensor:
        """Logit of the ground truth's class at each pair's point, (Q,)."""
        return take_rows(self.predictions.cls_logits.reshape(-1), self.entries_at(point, gt))

    def log_scores(self, class_logits: Tensor, point: Tensor) -> Tensor:
        """ln of the joint score, sigmoid(cls) * sigmoid(obj), from class logits, (Q,)."""
        log_objectness = F.logsigmoid(self.predictions.objectness_logits.reshape(-1))
        return F.logsigmoid(class_logits) + take_rows(log_objectness, point)

    def scores_at(self, point: Tensor, gt: Tensor) -> Tensor:
        """Joint score of the ground truth's class at each pair's point, (Q,)."""
        return self.log_scores(self.class_logits_at(point, gt), point).exp()

    def iou_giou_at(self, point: Tensor, gt: Tensor) -> tuple[Tensor, Tensor]:
        """IoU and generalized IoU of each pair's predicted box and ground truth, (Q,) and (Q,)."""
        return paired_iou_giou(self.boxes_at(point), self.gt_boxes_at(gt))

    def boxes_at(self, point: Tensor) -> Tensor:
        """Predicted box of each pair's point, (Q, 4), pixels."""
        # Decoded before they are looked up: in crowds there are many more pairs than points.
        boxes = decode_distances(self.grid.centers, self.predictions.box_distances)
        return take_rows(boxes.flatten(0, 1), point)

    def gt_boxes_at(self, gt: Tensor) -> Tensor:
        """Box of each pair's ground truth, (Q, 4), pixels."""
        return take_rows(self.targets.boxes, gt)

    def places_at(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Where each pair's point is, (Q, 2), and its stride, (Q,), pixels."""
        place = point % len(self.grid)
        return take_rows(self.grid.centers, place), take_rows(self.grid.strides, place)

    def levels_at(self, point: Tensor) -> Tensor:
        """Pyramid level of each pair's point, (Q,), in [0, L)."""
        return torch.searchsorted(self.grid.level_starts, point % len(self.grid), right=True) - 1

    def mask_ignored(
        self, values: Tensor, point: Tensor | None = None, *, unless: Tensor | None = None
    ) -> Tensor:
        """`values` with 0 at ignored points.

        Args:
            values: (Q,) of pairs, or (N * R,) of all points.
            point: (Q,), the pairs' points; None for all points.
            unless: mask of values that stay wherever they are.
        """
        if self.ignored is None:
            return values
        ignored = self.ignored if point is None else take_rows(self.ignored, point)
        if unless is not None:
            ignored = ignored & ~unless
        return values.masked_fill(ignored, 0.0)


@dataclass(frozen=True)
class Assignment:
    """What a scheme decides: Q pairs and their weights, constants for the gradient.

    Attributes:
        point: (Q,), in [0, N * R).
        gt: (Q,), in [0, M).
        positive: (Q,), weight of the pair's point as a positive of the ground truth's class.
        negative: (Q,), factor on the loss of that point as a negative of that class. It is 1
            for whatever is in no pair, so only what differs from 1 is news. Where several pairs
            name the same point and class, it stands at the first of them and the others have 1.
        box: (Q,), weight of the pair's box loss.
        target: (Q,), what the score of a positive is trained toward; None where that is 1.
    """

    point: Tensor
    gt: Tensor
    positive: Tensor
    negative: Tensor
    box: Tensor
    target: Tensor | None = None


class Scheme(Protocol):
    """A label assignment scheme. The classes of this room implement it; each lists its steps."""

    def __call__(self, batch: Batch) -> Assignment:
        """Decide what each point learns, without a gradient and without state.

        Args:
            batch: predictions (class logits (N, R, K), distances (N, R, 4), objectness logits
                (N, R, 1)), M ground truths (boxes (M, 4), classes and images (M,)), the grid of
                R points, and the progress of the training in [0, 1]. M may be 0.

        Returns:
            Q pairs as `point` in [0, N * R) and `gt` in [0, M), with their weights, all (Q,).
        """
        ...
