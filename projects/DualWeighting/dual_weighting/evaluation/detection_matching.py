"""Which detections find an object, as COCO's evaluation counts it at one IoU, and what the others
have seen instead.

M objects, N detections, K classes.
"""

from dataclasses import dataclass

import numpy as np

from dual_weighting.evaluation.detection_files import DetectionData


@dataclass(frozen=True)
class Matches:
    """
    Attributes:
        data: what was matched.
        found: (N,), the object of its own class that a detection finds, or -1.
        ignored: (N,) bool, detections that do not count, because they are in a crowd.
        pair_detection, pair_object, pair_overlap: (P,), of each detection and object of any class
            that overlap enough.
    """

    data: DetectionData
    found: np.ndarray
    ignored: np.ndarray
    pair_detection: np.ndarray
    pair_object: np.ndarray
    pair_overlap: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(N,) bool"""
        return self.found >= 0

    def at(self, threshold: float) -> np.ndarray:
        """(N,) bool, detections that count and have at least that score."""
        return (self.data.scores >= threshold) & ~self.ignored

    def missed(self, threshold: float) -> np.ndarray:
        """(M,) bool, objects, but for crowds, that no detection of at least that score finds."""
        missed = ~self.data.crowd
        missed[self.found[self.at(threshold) & self.right]] = False
        return missed


def match_detections(data: DetectionData, min_iou: float = 0.5) -> Matches:
    """Let each detection, the best first, take the free object of its class and image with which
    its IoU is largest, if that is at least `min_iou`.

    What a detection takes does not depend on detections of lower scores: at any score threshold
    the matches are those of the detections above it. A detection that takes no object but is in a
    crowd of its class, by at least that share of its area, does not count.
    """
    detection, object_, overlap = overlapping_pairs(data, min_iou)
    same = data.detections.classes[detection] == data.objects.classes[object_]
    crowd = data.crowd[object_]
    found = np.full(len(data.detections), -1)
    # Of equal IoUs COCO takes the last object.
    candidates = np.flatnonzero(same & ~crowd)
    order = np.lexsort((-object_[candidates], -overlap[candidates], detection[candidates]))
    taken: set[int] = set()
    for k in candidates[order].tolist():
        d, o = detection[k], object_[k]
        if found[d] < 0 and o not in taken:
            taken.add(o)
            found[d] = o
    ignored = np.zeros(len(data.detections), bool)
    ignored[detection[same & crowd]] = True
    return Matches(data, found, ignored & (found < 0), detection, object_, overlap)


def overlapping_pairs(
    data: DetectionData, min_iou: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detection, object and overlap of all pairs of an image with an overlap of at least `min_iou`,
    each (P,), the detections ascending."""
    detections, objects, overlaps = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)]
    for image in np.intersect1d(data.detections.image, data.objects.image):
        d, o = data.detections.of_image(image), data.objects.of_image(image)
        table = overlap_table(data.detections.xywh[d], data.objects.xywh[o], data.crowd[o])
        i, j = np.nonzero(table >= min_iou)
        detections.append(i + d.start)
        objects.append(j + o.start)
        overlaps.append(table[i, j])
    return np.concatenate(detections), np.concatenate(objects), np.concatenate(overlaps)


def overlap_table(detections: np.ndarray, objects: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """(n, m), IoU of boxes (n, 4) and (m, 4), each (x, y, width, height); for a crowd the share of
    the detection's area that is in it."""
    near = np.maximum(detections[:, None, :2], objects[None, :, :2])
    far = np.minimum(
        (detections[:, :2] + detections[:, 2:])[:, None], (objects[:, :2] + objects[:, 2:])[None]
    )
    common = (far - near).clip(min=0).prod(axis=2)
    area, object_area = detections[:, 2:].prod(axis=1), objects[:, 2:].prod(axis=1)
    union = np.where(crowd, area[:, None], area[:, None] + object_area - common)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def confusion_matrix(matches: Matches, threshold: float) -> np.ndarray:
    """(K + 1, K + 1), how many objects of each class (row) were detected as each class (column),
    by detections of at least the score `threshold`.

    The last column counts the objects that were missed, the last row the detections of background.
    The diagonal are the right detections. Of what is left, a detection and an object of another
    class that overlap enough are confused, those that overlap most first, each at most once.
    """
    data = matches.data
    num_classes = len(data.class_names)
    actual = np.append(data.objects.classes, num_classes)
    predicted = np.append(data.detections.classes, num_classes)
    shown = matches.at(threshold)
    right = np.flatnonzero(shown & matches.right)
    wrong, missed = shown & ~matches.right, matches.missed(threshold)

    left = wrong[matches.pair_detection] & missed[matches.pair_object]
    pairs = np.flatnonzero(left)
    cells = [(actual[matches.found[right]], predicted[right])]
    for k in pairs[np.argsort(-matches.pair_overlap[pairs], kind="stable")].tolist():
        d, o = matches.pair_detection[k], matches.pair_object[k]
        if wrong[d] and missed[o]:
            wrong[d] = missed[o] = False
            cells.append((actual[[o]], predicted[[d]]))
    cells.append((actual[:-1][missed], np.full(missed.sum(), num_classes)))
    cells.append((np.full(wrong.sum(), num_classes), predicted[:-1][wrong]))

    matrix = np.zeros((num_classes + 1, num_classes + 1), int)
    rows, columns = (np.concatenate(side) for side in zip(*cells, strict=True))
    np.add.at(matrix, (rows, columns), 1)
    return matrix
