"""The panels of the picture of an assignment: the image, and the points of a level."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from dual_weighting.visualization.assignment_rows import AssignmentRow
from dual_weighting.visualization.candidates import strongest

PANEL = 2.4  # inches, the side of a panel
MARGIN = 0.35  # around the box, as a share of its longer side
SMALLEST_RADIUS, LARGEST_RADIUS = 3.5, 13.0  # points, of the disc of the largest weight
ROOM_FOR_TARGET = 9.0  # points: on smaller cells a target would hide the discs
NEGLIGIBLE = 0.005  # smaller weights and targets are not drawn
POSITIVE = LinearSegmentedColormap.from_list(
    "positive", ["#fdd49e", "#fc8d59", "#d7301f", "#7f0000"]
)
RELEASED = LinearSegmentedColormap.from_list("released", ["#e3eef9", "#9ecae1", "#3182bd"])
TRUTH, PREDICTION, INK = "#00a651", "#d7301f", "#222222"


def draw_image(axes: Axes, row: AssignmentRow) -> None:
    """The image around the ground truth, with the box that the strongest point predicts."""
    show_image(axes, row, row.image)
    draw_box(axes, row.gt_box, color=TRUTH)
    axes.set_ylabel(row.title.replace(", ", "\n"), fontsize=8, parse_math=False)
    if len(row.candidates) == 0:
        axes.set_xlabel("no candidate", fontsize=8)
        return
    (best,) = strongest(row.candidates, 1)
    draw_box(axes, row.candidates.boxes[best], color=PREDICTION, linestyle="--")
    axes.plot(*row.candidates.centers[best], marker="o", color=PREDICTION, markeredgecolor="white")
    score, iou = row.candidates.score[best], row.candidates.iou[best]
    axes.set_xlabel(f"strongest point: score {score:.2f}, IoU {iou:.2f}", fontsize=8)


def draw_level(axes: Axes, row: AssignmentRow, level: int, scale: Normalize) -> None:
    """The points of a level and their weights."""
    candidates, stride = row.candidates, float(row.level_strides[level])
    gray = row.image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    show_image(axes, row, (0.3 * gray + 0.7 * 255).astype(np.uint8))
    here = np.flatnonzero(candidates.level == level)
    draw_released(axes, row, level, here)
    draw_box(axes, row.gt_box, color=TRUTH)

    columns, lines = row.level_sizes[level]
    x, y = np.meshgrid((np.arange(columns) + 0.5) * stride, (np.arange(lines) + 0.5) * stride)
    cell = cell_size(row, level)
    axes.scatter(x, y, s=min(1.6, 0.2 * cell) ** 2, color="#777777", linewidths=0)
    here = here[np.argsort(candidates.positive[here], kind="stable")]  # the largest on top
    x, y = candidates.centers[here].T
    radius = disc_radius(cell)
    area = (2 * radius) ** 2
    positive, box = candidates.positive[here], candidates.box[here]
    axes.scatter(x, y, s=min(2.2, 0.3 * cell) ** 2, color=INK, linewidths=0)
    axes.scatter(
        x,
        y,
        s=area * scale(positive) * (positive > NEGLIGIBLE * scale.vmax),
        c=positive,
        cmap=POSITIVE,
        norm=scale,
        linewidths=0,
    )
    axes.scatter(
        x,
        y,
        s=area * scale(box) * (box > NEGLIGIBLE * scale.vmax),
        facecolors="none",
        edgecolors=INK,
        linewidths=min(0.8, 0.15 * radius),
    )
    if candidates.target is not None and cell > ROOM_FOR_TARGET:
        draw_targets(axes, row, here[::-1], below=radius)
    noun = "candidate" if len(here) == 1 else "candidates"
    axes.set_xlabel(f"{len(here)} {noun}, positive weight {positive.sum():.2f}", fontsize=8)


def draw_released(axes: Axes, row: AssignmentRow, level: int, here: np.ndarray) -> None:
    """Tint the cells of the candidates `here` by 1 - negative weight."""
    columns, lines = row.level_sizes[level]
    stride = float(row.level_strides[level])
    released = np.zeros((lines, columns))
    column, line = (row.candidates.centers[here] / stride).astype(int).T
    released[line, column] = 1 - row.candidates.negative[here]
    axes.imshow(
        np.ma.masked_less(released, NEGLIGIBLE),
        extent=(0, columns * stride, lines * stride, 0),
        cmap=RELEASED,
        norm=Normalize(0, 1),
        alpha=0.8,
        interpolation="nearest",
    )
    set_limits(axes, row)


def draw_targets(axes: Axes, row: AssignmentRow, order: np.ndarray, *, below: float) -> None:
    """Write targets `below` (in points) their points, as many of `order` as find room."""
    left, _, right, _ = crop(row)
    room = np.array([0.075, 0.05]) * (right - left)  # of a number, in pixels of the image
    written: list[np.ndarray] = []
    for k in order:
        center, target = row.candidates.centers[k], row.candidates.target[k]
        if target < NEGLIGIBLE or any((np.abs(center - other) < room).all() for other in written):
            continue
        written.append(center)
        text = axes.annotate(
            f"{target:.2f}".removeprefix("0"),
            center,
            xytext=(0, -below - 1),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=6.5,
            color=INK,
            annotation_clip=True,
        )
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])


def crop(row: AssignmentRow) -> tuple[float, float, float, float]:
    """The square that is shown: left, top, right, bottom in pixels, the box and a margin."""
    x1, y1, x2, y2 = row.gt_box.astype(float)
    half = (0.5 + MARGIN) * max(x2 - x1, y2 - y1)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return x - half, y - half, x + half, y + half


def cell_size(row: AssignmentRow, level: int) -> float:
    """Side of a cell of the level on the page, in points."""
    left, _, right, _ = crop(row)
    return 72 * PANEL * float(row.level_strides[level]) / (right - left)


def disc_radius(cell: float) -> float:
    """Radius of the disc of the largest weight, in points: three quarters of a cell across."""
    return float(np.clip(0.375 * cell, SMALLEST_RADIUS, LARGEST_RADIUS))


def show_image(axes: Axes, row: AssignmentRow, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    axes.imshow(image, extent=(0, width, height, 0), interpolation="bilinear")
    axes.set(xticks=[], yticks=[], facecolor="#f2f2f2")
    set_limits(axes, row)


def set_limits(axes: Axes, row: AssignmentRow) -> None:
    left, top, right, bottom = crop(row)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def draw_box(axes: Axes, box: np.ndarray, **line: str) -> None:
    x1, y1, x2, y2 = box.astype(float)
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, linewidth=1.5, **line))
