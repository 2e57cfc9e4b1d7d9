"""Random batches, and what can be done to one without changing what a scheme should make of it."""

from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from scenes import INPUTS
from torch import Tensor

from dual_weighting.assignment import Batch, GroundTruths, PointGrid, Predictions

# Coordinates are multiples of this: sums and differences of them are exact, also in float32, so
# that a mirrored batch has exactly the mirrored areas, distances and IoUs.
UNIT = 1 / 64
NUM_CLASSES = 3
PYRAMIDS = ((8,), (4, 8), (8, 16), (16, 32), (8, 16, 32))
KINDS = ("any", "on points", "border", "tiny", "huge", "twin")
FAR = 2.0**20  # pixels, of huge boxes


@dataclass(frozen=True, kw_only=True)
class RandomBatch(Batch):
    """A batch of images of `image_size` (height, width)."""

    image_size: tuple[int, int]

    @property
    def num_images(self) -> int:
        return len(self.predictions.cls_logits)

    def double(self) -> "RandomBatch":
        """The same in float64."""
        parts = {
            name: as_double(getattr(self, name)) for name in ("predictions", "targets", "grid")
        }
        return replace(self, **parts)


def as_double(record):
    floats = {k: x for k, x in vars(record).items() if torch.is_tensor(x) and x.is_floating_point()}
    return replace(record, **{name: value.double() for name, value in floats.items()})


@st.composite
def boxes(draw, image_size, strides, *, kinds, far):
    """A box (x1, y1, x2, y2) of one of the `kinds`, at most `far` pixels out of the image."""
    height, width = image_size
    kind = draw(st.sampled_from(kinds))
    stride = draw(st.sampled_from(strides))
    sides = []
    for length in (width, height):
        steps, cells = round(length / UNIT), -(-length // stride)
        if kind == "on points":
            first = draw(st.integers(0, cells - 1))
            side = (first + 0.5, first + draw(st.integers(1, cells)) + 0.5)
            side = [stride * cell for cell in side]
        elif kind == "border":
            at = draw(st.integers(1, steps)) * UNIT
            side = draw(st.sampled_from([(0.0, at), (length - at, length), (0.0, length)]))
        elif kind == "tiny":
            start = draw(st.integers(0, steps)) * UNIT
            side = start, start + draw(st.integers(1, 70)) * UNIT
        elif kind == "huge":
            out = st.floats(0, far).map(lambda x: round(x / UNIT) * UNIT)
            side = -draw(out), length + draw(out)
        else:
            start, end = sorted(draw(st.integers(0, steps)) for _ in range(2))
            side = start * UNIT, (end + 1) * UNIT
        sides.append(side)
    (x1, x2), (y1, y2) = sides
    return x1, y1, x2, y2


@st.composite
def batches(draw, *, wild):
    """Up to three images of up to five ground truths, some of them twice.

    `wild`: logits beyond any that a training sees, boxes of any size, images that no stride
    divides, ground truths that differ in their class alone. Without, images can be mirrored.
    """
    strides = draw(st.sampled_from(PYRAMIDS))
    image_size = tuple(strides[-1] * draw(st.integers(1, 4)) for _ in range(2))
    if wild:
        image_size = tuple(side - draw(st.integers(0, 7)) for side in image_size)
        image_size = tuple(max(side, 1) for side in image_size)
    gt_boxes, gt_classes = [], []
    one_box = boxes(image_size, strides, kinds=KINDS, far=FAR if wild else 64.0)
    for _ in range(draw(st.integers(1, 3))):
        here, classes = draw(st.lists(one_box, max_size=5)), []
        classes = [draw(st.integers(0, NUM_CLASSES - 1)) for _ in here]
        for _ in range(draw(st.integers(0, 2)) if here else 0):
            k = draw(st.integers(0, len(here) - 1))
            here.append(here[k])
            classes.append(draw(st.integers(0, NUM_CLASSES - 1)) if wild else classes[k])
        gt_boxes.append(torch.tensor(here, dtype=torch.float32).reshape(-1, 4))
        gt_classes.append(torch.tensor(classes, dtype=torch.long))
    targets = GroundTruths.from_images(gt_boxes, gt_classes)
    grid = PointGrid.from_image(image_size, strides)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):  # centres of masks, somewhere in the boxes
        targets = replace(targets, centers=random_centers(targets.boxes, generator))
    predictions = random_predictions(gt_boxes, grid, generator)
    if wild:
        predictions = draw(extremes(predictions))
    share = draw(st.sampled_from([0.0, 0.2]))
    ignored = torch.rand(len(gt_boxes) * len(grid), generator=generator) < share
    return RandomBatch(predictions, targets, grid, ignored=ignored, image_size=image_size)


def random_centers(boxes, generator) -> Tensor:
    """A place in each box, the same one in equal boxes."""
    share = torch.rand(2, generator=generator)
    return ((boxes[:, :2] + share * (boxes[:, 2:] - boxes[:, :2])) / UNIT).round() * UNIT


def random_predictions(gt_boxes, grid, generator) -> Predictions:
    """Logits of some size; boxes near a ground truth at half of the points, some without area."""

    def rand(*shape):
        return torch.rand(*shape, generator=generator)

    shape = (len(gt_boxes), len(grid))
    distances = grid.strides[:, None] * 4 * rand(*shape, 4) * (rand(*shape, 1) > 0.1)
    for n, here in enumerate(gt_boxes):
        for box in here:
            sides = torch.cat((grid.centers - box[:2], box[2:] - grid.centers), dim=1)
            near = (sides.amin(dim=1) > 0) & (rand(len(grid)) > 0.5)
            distances[n, near] = (sides * (0.7 + 0.6 * rand(len(grid), 4)))[near]
    distances = (distances / UNIT).round() * UNIT
    logits = [8 * torch.randn(*shape, k, generator=generator) for k in (NUM_CLASSES, 1)]
    return Predictions(logits[0].clamp(-15, 15), distances, logits[1].clamp(-15, 15))


@st.composite
def extremes(draw, predictions):
    """Some numbers, or all, replaced by others at the end of what is finite in practice."""
    arrays = []
    for name in INPUTS:
        values = getattr(predictions, name).clone()
        far = (0.0, 1.0, 1e4) if name == "box_distances" else (-50.0, 0.0, 50.0, 1e-30)
        for _ in range(draw(st.integers(0, 3))):
            value, flat = draw(st.sampled_from(far)), values.view(-1)
            start = draw(st.integers(0, len(flat) - 1))
            flat[start : start + draw(st.sampled_from([1, 7, len(flat)]))] = value
        arrays.append(values)
    return Predictions(*arrays)


def mirrored_points(grid: PointGrid) -> Tensor:
    """(R,), the point that stands in the place of each when left and right are exchanged."""
    places = []
    sizes = zip(grid.level_starts.tolist(), grid.level_sizes.tolist(), strict=True)
    for start, (width, height) in sizes:
        places.append((start + torch.arange(height * width)).view(height, width).flip(1).flatten())
    return torch.cat(places)


def per_image(batch: RandomBatch) -> Tensor:
    """Which points to ignore, (N, R)."""
    return batch.ignored.view(batch.num_images, -1)


def flip(batch: RandomBatch) -> RandomBatch:
    """Left and right exchanged."""
    point, width = mirrored_points(batch.grid), batch.image_size[1]
    arrays = [getattr(batch.predictions, name)[:, point] for name in INPUTS]
    arrays[1] = arrays[1][..., [2, 1, 0, 3]]
    x1, y1, x2, y2 = batch.targets.boxes.unbind(dim=1)
    mirrored = torch.stack((width - x2, y1, width - x1, y2), dim=1)
    targets = replace(batch.targets, boxes=mirrored)
    if targets.centers is not None:
        x, y = targets.centers.unbind(dim=1)
        targets = replace(targets, centers=torch.stack((width - x, y), dim=1))
    return replace(
        batch,
        predictions=Predictions(*arrays),
        targets=targets,
        ignored=per_image(batch)[:, point].flatten(),
    )


def permute_images(batch: RandomBatch, order: Tensor) -> RandomBatch:
    """Image n of the result is image order[n]."""
    arrays = [getattr(batch.predictions, name)[order] for name in INPUTS]
    image = order.argsort()[batch.targets.image]
    chosen = image.argsort(stable=True)
    targets = replace(take(batch.targets, chosen), image=image[chosen])
    return replace(
        batch,
        predictions=Predictions(*arrays),
        targets=targets,
        ignored=per_image(batch)[order].flatten(),
    )


def permute_ground_truths(batch: RandomBatch, order: Tensor) -> RandomBatch:
    """The ground truths in the order of `order` (M,) within each image."""
    chosen = order[batch.targets.image[order].argsort(stable=True)]
    return replace(batch, targets=take(batch.targets, chosen))


def take(targets: GroundTruths, index: Tensor) -> GroundTruths:
    return GroundTruths(*(None if x is None else x[index] for x in vars(targets).values()))
