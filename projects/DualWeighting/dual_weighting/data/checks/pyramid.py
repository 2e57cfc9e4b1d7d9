"""How the boxes of a data set suit the feature pyramid of a config. Shape letters: M boxes, N
images, L levels."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from detectron2.config import instantiate
from detectron2.data import transforms as T
from omegaconf import DictConfig

from dual_weighting.assignment import (
    Assignment,
    Batch,
    CenterSampling,
    DualWeighting,
    GroundTruths,
    PointGrid,
    Predictions,
    WeightedCandidates,
)
from dual_weighting.assignment.points import pairs_inside
from dual_weighting.data.checks.findings import Finding
from dual_weighting.data.checks.table import AnnotationTable
from dual_weighting.data.transforms import LONGEST, ResizeShortestEdge
from dual_weighting.utils.progress import with_progress

SLIP = 2  # pixels of the file
REACH = 4.0  # strides, of the boxes of an untrained detector
PRIOR_SCALE = 8.0  # strides, the side of a prior in ATSS


def pyramid_strides(model: DictConfig) -> list[int]:
    """Stride of each level that the head of `model` predicts on."""
    with torch.device("meta"):  # shapes without weights
        shapes = instantiate(model.backbone).output_shape()
    return [shapes[name].stride for name in model.head_in_features]


def resized(sizes: np.ndarray, resize: T.ResizeShortestEdge | None) -> np.ndarray:
    """Width and height (N, 2) of the smallest network input that images of `sizes` become."""
    if resize is None:
        return sizes
    short = min(resize.short_edge_length)
    shapes = [
        ResizeShortestEdge.get_output_shape(int(height), int(width), short, resize.max_size)
        for width, height in sizes
    ]
    return np.array(shapes, dtype=np.float64)[:, ::-1]


class PyramidCheck:
    """The objects of a data set in pixels of the network input."""

    def __init__(self, table: AnnotationTable, model: DictConfig, mapper: DictConfig):
        self.table = table
        self.model = model
        self.strides = pyramid_strides(model)
        steps = instantiate(mapper.augmentations) or []
        self.resize = next((x for x in steps if isinstance(x, T.ResizeShortestEdge)), None)
        self.index = table.is_object().nonzero()[0]
        self.image = table.image[self.index]
        self.sizes = resized(table.sizes, self.resize)
        scale = (self.sizes / table.sizes)[self.image]
        raw = table.clipped_boxes()[self.index]
        self.raw_sides = raw[:, 2:] - raw[:, :2]  # (M, 2), in pixels of the file
        self.boxes = raw * np.tile(scale, 2)
        self.sides = self.boxes[:, 2:] - self.boxes[:, :2]

    def describe_input(self) -> str:
        if self.resize is None:
            return "images as they are"
        short = self.resize.short_edge_length
        what = f"a shorter side of {min(short)}, {self.resize.max_size} at most"
        return what if min(short) == max(short) else f"{what}, the smallest that the training draws"

    def borders(self) -> list[float]:
        """Sides of boxes between the levels, (L - 1,)."""
        return [PRIOR_SCALE * math.sqrt(a * b) for a, b in itertools.pairwise(self.strides)]

    def levels(self) -> np.ndarray:
        """The level of each box, (M,): the one whose prior is nearest, as a ratio, to the square
        root of its area."""
        return np.searchsorted(self.borders(), np.sqrt(self.sides.prod(axis=1)))

    def table_of_levels(self, width: int = 30) -> str:
        """Lines that say how many boxes each level has."""
        counts = np.bincount(self.levels(), minlength=len(self.strides))
        borders = [f"{x:.0f}" for x in self.borders()]
        ranges = [f"{a} to {b}" for a, b in itertools.pairwise(borders)]
        if borders:
            ranges = [f"below {borders[0]}", *ranges, f"above {borders[-1]}"]
        lines = [f"{'stride':>8}  {'side of a box':16} {'boxes':>9}"]
        shares = counts / max(counts.sum(), 1)
        for row in zip(self.strides, ranges or ["any"], counts, shares, strict=True):
            bar = "#" * round(width * row[-1])
            lines.append("{:>8}  {:16} {:>9,}  {:4.0%}  ".format(*row) + bar)
        return "\n".join(line.rstrip() for line in lines)

    def findings(self) -> Iterator[Finding]:
        unseen, slips = self.unseen(), self.raw_sides.min(axis=1, initial=np.inf) <= SLIP
        yield Finding(
            f"objects of at most {SLIP} pixels that no point of any level is inside of",
            self.describe(unseen & slips),
            "nothing learns them; a slip? correct or remove these annotations",
        )
        yield Finding(
            "objects that no point of any level is inside of",
            self.describe(unseen & ~slips),
            f"nothing learns them; {self.remedy(unseen & ~slips, ~slips)}",
        )
        yield Finding(
            "objects that the scheme gives no positive point while the detector is untrained",
            self.describe(self.unlearnt() & ~unseen),
            "points of others, or none on their level",
        )

    def describe(self, mask: np.ndarray) -> list[str]:
        """The objects of a mask (M,), with their size in the network."""
        return [
            f"{self.table.text_of(self.index[k])}, {self.sides[k, 0]:.1f} x {self.sides[k, 1]:.1f} "
            "resized"
            for k in mask.nonzero()[0]
        ]

    def remedy(
        self, unseen: np.ndarray, counted: np.ndarray, tolerated: float = 0.01, multiple: int = 32
    ) -> str:
        """What to do about the objects of mask `unseen` (M,), of those of mask `counted` (M,): the
        --image-size at which all but a share have both sides longer than the finest stride, and so
        a point inside."""
        if unseen.sum() <= tolerated * counted.sum():
            return "few enough to do without, or correct these annotations"
        # --image-size p scales by p * min(1 / short, LONGEST / long).
        sizes = self.table.sizes[self.image]
        scale = np.minimum(1 / sizes.min(axis=1), LONGEST / sizes.max(axis=1))
        needed = (min(self.strides) / (self.raw_sides.min(axis=1) * scale))[counted]
        pixels = np.quantile(needed, 1 - tolerated, method="higher")
        size = multiple * (int(pixels / multiple) + 1)
        return f"--image-size {size} is large enough for {1 - tolerated:.0%} of the objects"

    def unseen(self) -> np.ndarray:
        """Mask (M,) of the objects that no point is inside of."""
        # A box whose both sides are longer than the finest stride has a point inside.
        small = (self.sides.min(axis=1, initial=np.inf) <= min(self.strides)).nonzero()[0]
        grid = self.grid(self.sizes)
        result = np.zeros(len(self.boxes), dtype=bool)
        for start in range(0, len(small), 4096):
            part = small[start : start + 4096]
            boxes = torch.from_numpy(self.boxes[part]).float()
            _, gt = pairs_inside(boxes, torch.zeros(len(part), dtype=torch.long), grid)
            result[part] = np.bincount(gt.numpy(), minlength=len(part)) == 0
        return result

    def unlearnt(self, batch_size: int = 64) -> np.ndarray:
        """Mask (M,) of the objects without a positive point, each image as the scheme of the config
        assigns it to a detector that predicts the same everywhere."""
        scheme = self.scheme()
        if isinstance(scheme, DualWeighting | WeightedCandidates):
            return self.unseen()  # every point inside is a positive
        result = np.zeros(len(self.boxes), dtype=bool)
        order = self.image.argsort(kind="stable")
        images, starts = np.unique(self.image[order], return_index=True)
        ends = np.append(starts[batch_size::batch_size], len(order))
        batches = list(zip(starts[::batch_size], ends, strict=True)) if len(images) else []
        for start, end in with_progress(batches, description="Assigning points"):
            chosen = order[start:end]
            _, number = np.unique(self.image[chosen], return_inverse=True)
            targets = GroundTruths(
                boxes=torch.from_numpy(self.boxes[chosen]).float(),
                classes=torch.zeros(len(chosen), dtype=torch.long),
                image=torch.from_numpy(number),
            )
            assignment = scheme(untrained(targets, self.grid(self.sizes[self.image[chosen]])))
            positive = assignment.gt[assignment.positive > 0].numpy()
            result[chosen] = np.bincount(positive, minlength=len(chosen)) == 0
        return result

    def scheme(self) -> Callable[..., Assignment]:
        """The scheme of the config; Detectron2's FCOS, which has none, does CenterSampling."""
        return instantiate(self.model.scheme) if "scheme" in self.model else CenterSampling()

    def grid(self, sizes: np.ndarray) -> PointGrid:
        """The points of a batch of images of these widths and heights (N, 2)."""
        width, height = sizes.max(axis=0, initial=1)
        return PointGrid.from_image((int(height), int(width)), self.strides)


def untrained(targets: GroundTruths, grid: PointGrid) -> Batch:
    """A batch of a detector of one class that predicts the same everywhere: score 1/2, and a box
    that reaches `REACH` strides to each side. `grid`: of all its images."""
    num_images = int(targets.image.max()) + 1
    logits = torch.zeros(1, 1, 1).expand(num_images, len(grid), 1)  # one number in memory
    distances = (REACH * grid.strides)[None, :, None].expand(num_images, -1, 4)
    return Batch(Predictions(logits, distances, logits), targets, grid)
