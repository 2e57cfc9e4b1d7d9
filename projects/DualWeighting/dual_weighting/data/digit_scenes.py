"""Scenes of handwritten digits before photographs, made of what scikit-learn ships."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from sklearn.datasets import load_digits, load_sample_images

Split = Literal["train", "val"]

SCENE_SIZE = 160  # pixels, width and height
MAX_DIGITS = 10
MIN_HEIGHT, MAX_HEIGHT = 12, 80  # of a digit's box, in pixels
MAX_STRETCH = 1.3  # of the width, either way
MIN_VISIBLE = 0.75  # of a digit's ink, when everything is drawn
VISIBLE_INK = 0.3  # opacity from which a pixel counts as ink
MIN_CONTRAST = 80  # between ink and what is under it, of 255
VAL_SHARE = 0.25  # of scikit-learn's digits
PLACING_ATTEMPTS = 30

LUMA = np.array([0.299, 0.587, 0.114])  # brightness of RGB as ITU-R BT.601 weighs it


@dataclass(frozen=True)
class PlacedDigit:
    """A digit of a scene."""

    label: int
    """0 to 9."""

    source: int
    """Its number among scikit-learn's 1,797 digits."""

    box: tuple[int, int, int, int]
    """x, y, width, height in pixels, tight around its ink as if nothing were in front of it."""


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    """(160, 160, 3) RGB in [0, 255]."""

    digits: tuple[PlacedDigit, ...]
    """From back to front."""


class DigitScenes:
    """The scenes of one split: scene `index` is the same whenever and wherever it is asked for.

    No digit of scikit-learn's is in scenes of both splits.
    """

    def __init__(self, *, split: Split) -> None:
        digits = load_digits()
        self.sources = sources_of_split(digits.target.size, split=split)
        self._split_seed = {"train": 0, "val": 1}[split]
        self._images = digits.images.astype(np.float32) / digits.images.max()
        self._labels = digits.target
        self._photographs = load_sample_images().images

    def __getitem__(self, index: int) -> Scene:
        rng = np.random.Generator(np.random.PCG64([self._split_seed, index]))
        canvas = random_background(self._photographs, rng=rng)
        # Which digit is in front at each pixel, -1 for the background.
        owner = np.full(canvas.shape[:2], -1)
        placed: list[PlacedDigit] = []
        ink_sizes: list[int] = []
        for _ in range(rng.integers(1, MAX_DIGITS, endpoint=True)):
            for _ in range(PLACING_ATTEMPTS):
                source = int(rng.choice(self.sources))
                opacity = random_ink(self._images[source], rng=rng)
                height, width = opacity.shape
                x, y = (int(rng.integers(0, SCENE_SIZE - side)) for side in (width, height))
                window = np.s_[y : y + height, x : x + width]
                ink = opacity >= VISIBLE_INK
                if leaves_visible(owner, window, ink, ink_sizes):
                    break
            else:
                break  # the scene is full
            owner[window][ink] = len(placed)
            ink_sizes.append(int(ink.sum()))
            paint(canvas[window], opacity, rng=rng)
            label = int(self._labels[source])
            placed.append(PlacedDigit(label=label, source=source, box=(x, y, width, height)))
        return Scene(image=canvas.round().astype(np.uint8), digits=tuple(placed))


def sources_of_split(num_sources: int, *, split: Split) -> np.ndarray:
    """The numbers of the digits that `split` may show, a fixed random share of all."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(num_sources)
    num_val = round(VAL_SHARE * num_sources)
    return np.sort(order[:num_val] if split == "val" else order[num_val:])


def random_background(photographs: list[np.ndarray], *, rng: np.random.Generator) -> np.ndarray:
    """(160, 160, 3) float32 in [0, 255]: a square cut from a photograph, paler than it was."""
    photograph = photographs[rng.integers(len(photographs))]
    height, width = photograph.shape[:2]
    side = int(rng.integers(SCENE_SIZE // 2, height))
    y, x = rng.integers(height - side), rng.integers(width - side)
    crop = cv2.resize(
        photograph[y : y + side, x : x + side],
        (SCENE_SIZE, SCENE_SIZE),
        interpolation=cv2.INTER_AREA,
    ).astype(np.float32)
    mean = crop.mean(axis=(0, 1))
    contrast, brightness = rng.uniform(0.4, 0.8), rng.uniform(-60, 20)
    return np.clip(mean + contrast * (crop - mean) + brightness, 0, 255)


def random_ink(image: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Opacity in [0, 1] of a digit (8, 8) drawn large or small, wide or narrow; cut to its ink."""
    fine = cv2.resize(np.pad(image, 1), None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    ink = cut_to_ink(np.clip((fine - 0.3) / 0.3, 0, 1))
    height = np.exp(rng.uniform(np.log(MIN_HEIGHT), np.log(MAX_HEIGHT)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(MAX_STRETCH))
    width = height * stretch * ink.shape[1] / ink.shape[0]
    size = (min(round(width), MAX_HEIGHT), round(height))
    return cut_to_ink(cv2.resize(ink, size, interpolation=cv2.INTER_AREA))


def cut_to_ink(ink: np.ndarray) -> np.ndarray:
    """`ink` (H, W) without the rows and columns around it that show none."""
    x, y, width, height = cv2.boundingRect((ink >= VISIBLE_INK).astype(np.uint8))
    return ink[y : y + height, x : x + width]


def leaves_visible(
    owner: np.ndarray, window: tuple[slice, slice], ink: np.ndarray, ink_sizes: list[int]
) -> bool:
    """Whether ink (H, W) put on the window of `owner` leaves enough to be seen of every digit.

    `ink_sizes`: pixels of ink of each digit already there, hidden or not.
    """
    num_digits = len(ink_sizes)
    visible = np.bincount(owner[owner >= 0], minlength=num_digits)
    under = owner[window][ink]
    hidden = np.bincount(under[under >= 0], minlength=num_digits)
    return bool(np.all(visible - hidden >= MIN_VISIBLE * np.array(ink_sizes)))


def paint(canvas: np.ndarray, opacity: np.ndarray, *, rng: np.random.Generator) -> None:
    """Draw with opacity (H, W) on canvas (H, W, 3), in place, in a colour that stands out there."""
    under = (canvas * opacity[..., None]).sum(axis=(0, 1)) / opacity.sum()
    colours = rng.uniform(0, 255, size=(16, 3))
    contrasts = np.abs((colours - under) @ LUMA)
    enough = np.flatnonzero(contrasts >= MIN_CONTRAST)
    colour = colours[enough[0] if enough.size else contrasts.argmax()]
    canvas += opacity[..., None] * (colour - canvas)
