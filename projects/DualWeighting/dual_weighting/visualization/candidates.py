"""The candidates of one ground truth: what a scheme decided on them, and the strongest ones."""

from dataclasses import dataclass

import numpy as np

from dual_weighting.assignment import Assignment, Batch
from dual_weighting.assignment.boxes import paired_iou_giou
from dual_weighting.assignment.segments import segment_min, take_rows


@dataclass(frozen=True)
class Candidates:
    """The pairs of an assignment that belong to one ground truth, Q of them.

    Attributes:
        level: (Q,), in [0, L).
        centers: (Q, 2), x and y of the points, pixels of the network input.
        boxes: (Q, 4), predicted boxes, the same pixels.
        score: (Q,), joint score of the ground truth's class.
        iou: (Q,), of the predicted box with the ground truth.
        positive, negative, box: (Q,), weights, see `Assignment`. `negative` is what the point has
            for the ground truth's class in the end, also where it stands at the pair of another
            ground truth, or the point is ignored.
        target: (Q,), or None where it is 1.
    """

    level: np.ndarray
    centers: np.ndarray
    boxes: np.ndarray
    score: np.ndarray
    iou: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    box: np.ndarray
    target: np.ndarray | None

    def __len__(self) -> int:
        """Q"""
        return len(self.level)


def candidates_of(gt: int, assignment: Assignment, batch: Batch) -> Candidates:
    """The candidates of ground truth `gt`, in [0, M), in the order of the assignment."""
    entries = batch.entries_at(assignment.point, assignment.gt)
    keys, key = entries.unique(return_inverse=True)
    negative = take_rows(segment_min(assignment.negative, key, len(keys)), key)
    negative = batch.mask_ignored(negative, assignment.point)

    pair = (assignment.gt == gt).nonzero()[:, 0]
    point = take_rows(assignment.point, pair)
    boxes = batch.boxes_at(point)
    iou, _ = paired_iou_giou(boxes, batch.targets.boxes[gt].expand_as(boxes))
    target = None if assignment.target is None else take_rows(assignment.target, pair)
    arrays = {
        "level": batch.levels_at(point),
        "centers": batch.places_at(point)[0],
        "boxes": boxes,
        "score": batch.scores_at(point, take_rows(assignment.gt, pair)),
        "iou": iou,
        "positive": take_rows(assignment.positive, pair),
        "negative": take_rows(negative, pair),
        "box": take_rows(assignment.box, pair),
        "target": target,
    }
    return Candidates(**{k: None if v is None else v.cpu().numpy() for k, v in arrays.items()})


def strongest(candidates: Candidates, count: int = 10) -> np.ndarray:
    """Positions of the `count` candidates of the largest positive weight, at most all, (count,).

    Of equal ones the less negative comes first, then the one with the larger score.
    """
    order = np.lexsort((-candidates.score, candidates.negative, -candidates.positive))
    return order[:count]


def point_table(
    candidates: Candidates, level_names: list[str], count: int = 10
) -> list[dict[str, object]]:
    """The strongest candidates, one row each, by column. `target` is 1 where there is none."""
    target = np.ones(len(candidates)) if candidates.target is None else candidates.target
    return [
        {
            "rank": rank,
            "level": level_names[candidates.level[k]],
            "x": float(candidates.centers[k, 0]),
            "y": float(candidates.centers[k, 1]),
            "score": float(candidates.score[k]),
            "IoU": float(candidates.iou[k]),
            "positive": float(candidates.positive[k]),
            "negative": float(candidates.negative[k]),
            "box": float(candidates.box[k]),
            "target": float(target[k]),
        }
        for rank, k in enumerate(strongest(candidates, count), start=1)
    ]
