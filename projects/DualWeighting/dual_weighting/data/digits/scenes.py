"""Scenes of handwritten digits in front of photographs, both from scikit-learn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

from dual_weighting.data.digits.ink import VISIBLE_INK, paint, random_background, random_ink

Split = Literal["train", "val"]

VAL_SHARE = 0.25  # of scikit-learn's digits
PLACING_ATTEMPTS = 30
MAX_RATIO = 1.2  # of the heights of a digit and its neighbor
CLOSE = 0.3  # spread of the distance to the neighbor, in its width and height
HEAP_DENSITY = 3  # layers of small digits in a heap


@dataclass(frozen=True)
class SceneStyle:
    """What the scenes of a data set have in common. Pairs are minimum and maximum.

    Attributes:
        size: width and height of a scene, pixels.
        num_digits: uniform; fewer if the scene is full before.
        heights: of a digit's box, pixels.
        min_visible: of a digit's ink, when everything is drawn.
        closeness: probability that a digit stands close to another of about its size.
        num_heaps: of indistinguishable digits.
    """

    size: int
    num_digits: tuple[int, int]
    heights: tuple[int, int]
    min_visible: float
    closeness: float = 0.0
    num_heaps: tuple[int, int] = (0, 0)


DIGITS = SceneStyle(size=160, num_digits=(1, 10), heights=(12, 80), min_visible=0.75)
CROWD_DIGITS = SceneStyle(
    size=256,
    num_digits=(30, 80),
    heights=(12, 60),
    min_visible=0.4,
    closeness=0.6,
    num_heaps=(0, 3),
)


@dataclass(frozen=True)
class PlacedDigit:
    """A digit of a scene.

    Attributes:
        label: 0 to 9.
        source: its number among scikit-learn's 1,797 digits.
        box: x, y, width, height in pixels, tight around its ink, hidden or not.
    """

    label: int
    source: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Scene:
    """
    Attributes:
        image: (H, W, 3) RGB in [0, 255].
        digits: from back to front.
        owner: (H, W), which of the digits is in front at each pixel, -1 where none has ink.
        heaps: x, y, width, height of heaps of digits, behind all others.
    """

    image: np.ndarray
    digits: tuple[PlacedDigit, ...]
    owner: np.ndarray
    heaps: tuple[tuple[int, int, int, int], ...] = ()


class DigitScenes:
    """The scenes of one split: scene `index` is always the same. The splits share no digit of
    scikit-learn's."""

    def __init__(self, *, split: Split, style: SceneStyle = DIGITS) -> None:
        digits = load_digits()
        self.style = style
        self.sources = sources_of_split(digits.target.size, split=split)
        self._split_seed = {"train": 0, "val": 1}[split]
        self._images = digits.images.astype(np.float32) / digits.images.max()
        self._labels = digits.target
        self._photographs = load_sample_images().images

    def __getitem__(self, index: int) -> Scene:
        rng = np.random.Generator(np.random.PCG64([self._split_seed, index]))
        style = self.style
        canvas = random_background(self._photographs, size=style.size, rng=rng)
        heaps = tuple(
            self._draw_heap(canvas, rng=rng)
            for _ in range(rng.integers(*style.num_heaps, endpoint=True))
        )
        owner = np.full(canvas.shape[:2], -1)
        placed: list[PlacedDigit] = []
        ink_sizes: list[int] = []
        for _ in range(rng.integers(*style.num_digits, endpoint=True)):
            for _ in range(PLACING_ATTEMPTS):
                source = int(rng.choice(self.sources))
                neighbor = None
                if placed and style.closeness and rng.random() < style.closeness:
                    neighbor = placed[rng.integers(len(placed))].box
                heights = style.heights if neighbor is None else similar_heights(neighbor, style)
                opacity = random_ink(self._images[source], heights=heights, rng=rng)
                height, width = opacity.shape
                x, y = random_place((width, height), neighbor, size=style.size, rng=rng)
                window = np.s_[y : y + height, x : x + width]
                ink = opacity >= VISIBLE_INK
                if leaves_visible(owner, window, ink, ink_sizes, style.min_visible):
                    break
            else:
                break  # the scene is full
            owner[window][ink] = len(placed)
            ink_sizes.append(int(ink.sum()))
            paint(canvas[window], opacity, rng=rng)
            label = int(self._labels[source])
            placed.append(PlacedDigit(label=label, source=source, box=(x, y, width, height)))
        image = canvas.round().astype(np.uint8)
        return Scene(image=image, digits=tuple(placed), owner=owner, heaps=heaps)

    def _draw_heap(
        self, canvas: np.ndarray, *, rng: np.random.Generator
    ) -> tuple[int, int, int, int]:
        """Fill a rectangle with layers of small digits; its x, y, width, height."""
        low, high = self.style.heights
        sides = rng.integers(2 * low, high, size=2, endpoint=True)
        x, y = rng.integers(0, self.style.size - sides)
        heap = canvas[y : y + sides[1], x : x + sides[0]]
        for _ in range(HEAP_DENSITY * heap.shape[0] * heap.shape[1] // low**2):
            source = rng.choice(self.sources)
            opacity = random_ink(self._images[source], heights=(low, low), rng=rng)
            height, width = opacity.shape
            i, j = rng.integers(0, np.subtract(heap.shape[:2], opacity.shape), endpoint=True)
            paint(heap[i : i + height, j : j + width], opacity, rng=rng)
        return int(x), int(y), int(sides[0]), int(sides[1])


def sources_of_split(num_sources: int, *, split: Split) -> np.ndarray:
    """The numbers of the digits of `split`, a fixed random share of all."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(num_sources)
    num_val = round(VAL_SHARE * num_sources)
    return np.sort(order[:num_val] if split == "val" else order[num_val:])


def similar_heights(neighbor: tuple[int, int, int, int], style: SceneStyle) -> tuple[float, float]:
    """Heights within `style` of a digit beside `neighbor` (x, y, width, height)."""
    return tuple(
        min(max(neighbor[3] * factor, style.heights[0]), style.heights[1])
        for factor in (1 / MAX_RATIO, MAX_RATIO)
    )


def random_place(
    sides: tuple[int, int],
    neighbor: tuple[int, int, int, int] | None,
    *,
    size: int,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """x and y of a box of `sides` (width, height): close to the box `neighbor` or anywhere."""
    if neighbor is None:
        return tuple(int(rng.integers(0, size - side)) for side in sides)
    return tuple(
        int(np.clip(start + rng.normal(0, CLOSE) * extent, 0, size - side))
        for start, extent, side in zip(neighbor[:2], neighbor[2:], sides, strict=True)
    )


def leaves_visible(
    owner: np.ndarray,
    window: tuple[slice, slice],
    ink: np.ndarray,
    ink_sizes: list[int],
    min_visible: float,
) -> bool:
    """Whether ink (H, W) put on the window of `owner` leaves `min_visible` of every digit's ink.

    `ink_sizes`: pixels of ink of each digit already there, hidden or not.
    """
    num_digits = len(ink_sizes)
    visible = np.bincount(owner[owner >= 0], minlength=num_digits)
    under = owner[window][ink]
    hidden = np.bincount(under[under >= 0], minlength=num_digits)
    return bool(np.all(visible - hidden >= min_visible * np.array(ink_sizes)))
