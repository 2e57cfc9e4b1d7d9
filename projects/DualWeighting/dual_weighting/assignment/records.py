"""What goes into an assignment scheme and what comes out. Shape letters: see the package."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from .boxes import decode_distances
from .points import PointGrid
from .segments import rows

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

    def class_logits_at(self, point: Tensor, classes: Tensor) -> Tensor:
        """Class logit of each pair, (Q,)."""
        num_classes = self.cls_logits.shape[2]
        return rows(self.cls_logits.reshape(-1), point * num_classes + classes)

    def log_scores_at(self, point: Tensor, classes: Tensor) -> Tensor:
        """ln of the joint score s = sigmoid(cls) * sigmoid(obj) of each pair, (Q,)."""
        return self.log_scores(self.class_logits_at(point, classes), point)

    def log_scores(self, class_logits: Tensor, point: Tensor) -> Tensor:
        """The same from the class logit of each pair, (Q,)."""
        log_objectness = F.logsigmoid(self.objectness_logits.reshape(-1))
        return F.logsigmoid(class_logits) + rows(log_objectness, point)

    def boxes_at(self, point: Tensor, grid: PointGrid) -> Tensor:
        """Predicted boxes of each pair's point, (Q, 4), pixels."""
        # Decoded before they are looked up: in crowds there are many more pairs than points.
        centers = grid.centers.repeat(len(self.box_distances), 1)
        return rows(decode_distances(centers, self.box_distances.reshape(-1, 4)), point)


@dataclass(frozen=True)
class GroundTruths:
    """The ground truths of a batch, all images concatenated.

    Attributes:
        boxes: (M, 4), pixels of the network input.
        classes: (M,), in [0, K).
        image: (M,), in [0, N).
        centers: (M, 2), what counts as the centres where that is not the middle of the boxes,
            pixels; O2F takes its candidates around them. None for the middle.
    """

    boxes: Tensor
    classes: Tensor
    image: Tensor
    centers: Tensor | None = None

    @classmethod
    def from_images(cls, boxes: Sequence[Tensor], classes: Sequence[Tensor]) -> "GroundTruths":
        """From one (M_n, 4) and one (M_n,) tensor per image; M_n may be 0."""
        image = [torch.full_like(c, n, dtype=torch.long) for n, c in enumerate(classes)]
        return cls(torch.cat(list(boxes)).float(), torch.cat(list(classes)), torch.cat(image))

    def __len__(self) -> int:
        """M"""
        return len(self.classes)


@dataclass(frozen=True)
class Assignment:
    """What a scheme decided: Q pairs and their weights, constants for the gradient.

    Attributes:
        point: (Q,), in [0, N * R).
        gt: (Q,), in [0, M).
        positive: (Q,), weight of the pair's point as a positive of the ground truth's class.
        negative: (Q,), factor on the loss of that point as a negative of that class. It is 1
            for whatever is in no pair, so only what differs from 1 is news. Where several pairs
            name the same point and class, it stands at the first of them and the others have 1.
        box: (Q,), weight of the pair's box loss.
        target: (Q,), what the score of a positive is trained towards; None where that is 1.
        ignored: (N * R,) bool, points that are a negative of no class, whatever `negative` says;
            their positive pairs count. None where there are none. Schemes leave it alone.
    """

    point: Tensor
    gt: Tensor
    positive: Tensor
    negative: Tensor
    box: Tensor
    target: Tensor | None = None
    ignored: Tensor | None = None
