"""Detections drawn on the very image, quickly enough for a video."""

import os
from collections.abc import Sequence
from functools import lru_cache

import cv2
import matplotlib
import numpy as np
from detectron2.structures import Instances
from PIL import Image, ImageDraw, ImageFont

from dual_weighting.visualization.detections import class_color

MASK_OPACITY = 0.45
DARK = (24, 24, 24)


def draw_instances(image: np.ndarray, instances: Instances, classes: Sequence[str]) -> np.ndarray:
    """A copy of the image (H, W, 3), RGB, with a box, class and score for each of `instances`, and
    its mask if it has one; the best on top. Lines and letters grow with the image."""
    picture = image.copy(order="C")
    scale = max(min(image.shape[:2]) / 500, 0.6)
    order = instances.scores.argsort().tolist()  # the best last
    colors = [color_of(c) for c in instances.pred_classes.tolist()]
    if instances.has("pred_masks"):
        masks = instances.pred_masks.numpy()
        for n in order:
            draw_mask(picture, masks[n], colors[n], line=max(round(scale), 1))
    boxes = instances.pred_boxes.tensor.round().int().tolist()
    for n in order:
        draw_box(picture, boxes[n], colors[n], line=max(round(2 * scale), 1))
    scores, numbers = instances.scores.tolist(), instances.pred_classes.tolist()
    for n in order:
        text = f"{classes[numbers[n]]} {scores[n]:.2f}"
        draw_label(picture, boxes[n], text, colors[n], size=max(round(15 * scale), 11))
    return picture


def color_of(number: int) -> tuple[int, int, int]:
    return tuple(round(255 * x) for x in class_color(number))


def draw_mask(picture: np.ndarray, mask: np.ndarray, color: tuple[int, int, int], line: int):
    """A veil of that color over the mask (H, W), and its outline."""
    mask = mask.astype(bool)
    veiled = (1 - MASK_OPACITY) * picture[mask] + MASK_OPACITY * np.array(color)
    picture[mask] = veiled.astype(np.uint8)
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    cv2.drawContours(picture, outlines, -1, color, line, cv2.LINE_AA)


def draw_box(picture: np.ndarray, box: Sequence[int], color: tuple[int, int, int], line: int):
    """A frame with a dark edge, which is seen on a bright ground too."""
    first, second = tuple(box[:2]), tuple(box[2:])
    cv2.rectangle(picture, first, second, DARK, line + 2)
    cv2.rectangle(picture, first, second, color, line)


def draw_label(
    picture: np.ndarray, box: Sequence[int], text: str, color: tuple[int, int, int], size: int
):
    """The text on a ground of that color: above its box, or inside where the image ends."""
    tile = label_tile(text, color, size)
    height, width = (min(a, b) for a, b in zip(tile.shape, picture.shape[:2], strict=False))
    x = min(max(box[0], 0), picture.shape[1] - width)
    above = box[1] - height
    y = min(above if above >= 0 else max(box[1], 0), picture.shape[0] - height)
    picture[y : y + height, x : x + width] = tile[:height, :width]


@lru_cache(maxsize=512)
def label_tile(text: str, color: tuple[int, int, int], size: int) -> np.ndarray:
    """(h, w, 3), the text in dark letters of so many pixels."""
    left, top, right, bottom = font(size).getbbox(text)
    edge = max(size // 5, 2)
    tile = Image.new("RGB", (right - left + 2 * edge, bottom - top + 2 * edge), color)
    ImageDraw.Draw(tile).text((edge - left, edge - top), text, fill=DARK, font=font(size))
    return np.asarray(tile)


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own, which has the letters of many languages."""
    name = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(name, size)
