"""Drawing what scenes of digits consist of: backgrounds, ink and paint."""

import cv2
import numpy as np

MAX_STRETCH = 1.3  # of the width, either way
VISIBLE_INK = 0.3  # opacity from which a pixel counts as ink
MIN_CONTRAST = 80  # between ink and what is under it, of 255

LUMA = np.array([0.299, 0.587, 0.114])  # brightness of RGB as ITU-R BT.601 weighs it


def random_background(
    photographs: list[np.ndarray], *, size: int, rng: np.random.Generator
) -> np.ndarray:
    """(size, size, 3) float32 in [0, 255]: a square crop of a photograph, paler than it."""
    photograph = photographs[rng.integers(len(photographs))]
    height, width = photograph.shape[:2]
    side = int(rng.integers(size // 2, height))
    y, x = rng.integers(height - side), rng.integers(width - side)
    crop = cv2.resize(
        photograph[y : y + side, x : x + side],
        (size, size),
        interpolation=cv2.INTER_AREA,
    ).astype(np.float32)
    mean = crop.mean(axis=(0, 1))
    contrast, brightness = rng.uniform(0.4, 0.8), rng.uniform(-60, 20)
    return np.clip(mean + contrast * (crop - mean) + brightness, 0, 255)


def random_ink(
    image: np.ndarray, *, heights: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Opacity in [0, 1] of a digit (8, 8) at a random size and aspect ratio; cropped to its ink."""
    min_height, max_height = heights
    fine = cv2.resize(np.pad(image, 1), None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    ink = cut_to_ink(np.clip((fine - 0.3) / 0.3, 0, 1))
    height = np.exp(rng.uniform(np.log(min_height), np.log(max_height)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(MAX_STRETCH))
    width = height * stretch * ink.shape[1] / ink.shape[0]
    size = (min(round(width), round(max_height)), round(height))
    return cut_to_ink(cv2.resize(ink, size, interpolation=cv2.INTER_AREA))


def cut_to_ink(ink: np.ndarray) -> np.ndarray:
    """`ink` (H, W) without empty rows and columns around it."""
    x, y, width, height = cv2.boundingRect((ink >= VISIBLE_INK).astype(np.uint8))
    return ink[y : y + height, x : x + width]


def paint(canvas: np.ndarray, opacity: np.ndarray, *, rng: np.random.Generator) -> None:
    """Draw with opacity (H, W) on canvas (H, W, 3), in place, in a color that stands out there."""
    under = (canvas * opacity[..., None]).sum(axis=(0, 1)) / opacity.sum()
    colors = rng.uniform(0, 255, size=(16, 3))
    contrasts = np.abs((colors - under) @ LUMA)
    enough = np.flatnonzero(contrasts >= MIN_CONTRAST)
    color = colors[enough[0] if enough.size else contrasts.argmax()]
    canvas += opacity[..., None] * (color - canvas)
