"""Images with what a detector found, missed and got wrong on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dual_weighting.visualization.instances import draw_box, draw_label

TILE_SIZE = 480  # pixels of the longer side
RIGHT, WRONG, MISSED = (104, 211, 145), (246, 173, 85), (252, 129, 129)
CROWD = (170, 170, 170)
LETTERS = 16  # pixels
CROWDED = 25  # boxes of an image; of more, each is thin and has no text
QUALITY = 82  # of a JPEG, in percent


@dataclass(frozen=True)
class Mark:
    """A box (x, y, width, height) in pixels of the image, in one of the colours above."""

    xywh: np.ndarray
    text: str
    colour: tuple[int, int, int]


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
            cv2.rectangle(picture, box[:2], box[2:], mark.colour, thickness=1)
        else:
            draw_box(picture, box, mark.colour, line=2)
    for mark, box in zip(marks, boxes, strict=True):
        if not crowded:
            draw_label(picture, box, mark.text, mark.colour, size=LETTERS)
    return picture


def corners(xywh: np.ndarray) -> list[int]:
    return np.append(xywh[:2], xywh[:2] + xywh[2:]).round().astype(int).tolist()


def jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3), RGB, as a JPEG file."""
    _, code = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    return code.tobytes()
