"""Images with what a detector found, missed and got wrong on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dual_weighting.data.images import read_image
from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.visualization.charts import shortened
from dual_weighting.visualization.instances import draw_box, draw_label

TILE_SIZE = 480  # pixels of the longer side
RIGHT, WRONG, MISSED = (104, 211, 145), (246, 173, 85), (252, 129, 129)
CROWD = (170, 170, 170)
LETTERS = 16  # pixels
CROWDED = 25  # boxes of an image; of more, each is thin and has no text
QUALITY = 82  # of a JPEG, in percent


@dataclass(frozen=True)
class Mark:
    """A box (x, y, width, height) in pixels of the image, in one of the colors above."""

    xywh: np.ndarray
    text: str
    color: tuple[int, int, int]


def error_picture(found: Diagnosis, image: int, *, image_root: Path) -> bytes:
    """A JPEG of that image with the objects it misses and the detections of at least the best
    threshold."""
    truth, names = found.truth, [shortened(name) for name in found.truth.class_names]
    missed = np.isin(np.arange(len(truth.image)), found.objects[found.missed])
    marks = []
    for o in np.flatnonzero((truth.image == image) & (missed | truth.crowd)).tolist():
        name = names[truth.classes[o]]
        if truth.crowd[o]:
            marks.append(Mark(truth.xywh[o], f"{name} (crowd)", CROWD))
        else:
            marks.append(Mark(truth.xywh[o], name, MISSED))
    counted = found.counted
    shown = np.flatnonzero((counted.image == image) & found.shown)
    for d in shown[np.argsort(-counted.scores[shown], kind="stable")].tolist():
        text = f"{names[counted.classes[d]]} {counted.scores[d]:.2f}"
        marks.append(Mark(counted.xywh[d], text, RIGHT if found.right[d] else WRONG))
    marks.sort(key=lambda mark: (RIGHT, CROWD, MISSED, WRONG).index(mark.color))
    pixels = read_image(str(image_root / truth.file_names[image]), format="RGB")
    return jpeg(draw_marks(pixels, marks))


def draw_marks(image: np.ndarray, marks: Sequence[Mark], *, size: int = TILE_SIZE) -> np.ndarray:
    """The image (H, W, 3), RGB, brought to `size`, with the marks; the last on top, then all
    texts, if they are not too many."""
    crowded = len(marks) > CROWDED
    scale = size / max(image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shape = [max(round(scale * side), 1) for side in image.shape[1::-1]]  # of a thin one too
    picture = np.ascontiguousarray(cv2.resize(image, shape, interpolation=how))
    boxes = [corners(mark.xywh * scale) for mark in marks]
    for mark, box in zip(marks, boxes, strict=True):
        if crowded:
            cv2.rectangle(picture, box[:2], box[2:], mark.color, thickness=1)
        else:
            draw_box(picture, box, mark.color, line=2)
    for mark, box in zip(marks, boxes, strict=True):
        if not crowded:
            draw_label(picture, box, mark.text, mark.color, size=LETTERS)
    return picture


def corners(xywh: np.ndarray) -> list[int]:
    return np.append(xywh[:2], xywh[:2] + xywh[2:]).round().astype(int).tolist()


def jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3), RGB, as a JPEG file."""
    _, code = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    return code.tobytes()
