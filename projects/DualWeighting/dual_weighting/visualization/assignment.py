"""A picture of an assignment: the points of every level that learn a ground truth, and how much."""

import os

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dual_weighting.visualization.assignment_panels import (
    INK,
    PANEL,
    POSITIVE,
    PREDICTION,
    RELEASED,
    TRUTH,
    draw_image,
    draw_level,
)
from dual_weighting.visualization.assignment_rows import AssignmentRow

PITCH = 2.75  # inches, from one panel to the next
LEFT, TOP, BOTTOM = 0.8, 0.4, 1.35  # inches: the margins of the page


def draw_assignment(
    rows: list[AssignmentRow], *, title: str, output_file: str | os.PathLike
) -> None:
    """Draw a page, a PNG: a row for each of `rows`, with the image and a panel for each level.

    On a level, the tint of a cell is 1 - negative weight: how far its point is released from being
    a negative of the ground truth's class. The color of the disc is the positive weight, on one
    scale for all rows and levels; areas compare the points of a level, that of the disc by the
    positive weight and that of the ring by the box weight. The number is the target, in schemes
    that have targets.
    """
    num_columns = 1 + max(len(row.level_names) for row in rows)
    width, height = LEFT + max(num_columns, 4) * PITCH, len(rows) * PITCH + TOP + BOTTOM
    figure = Figure(figsize=(width, height), dpi=150)
    figure.text(
        0.5, 1 - 0.25 / height, title, fontsize=12, parse_math=False, ha="center", va="center"
    )

    weights = [w for row in rows for w in (row.candidates.positive, row.candidates.box)]
    scale = Normalize(0, max((float(w.max()) for w in weights if len(w)), default=0.0) or 1.0)
    for k, row in enumerate(rows):
        bottom = BOTTOM + (len(rows) - 1 - k) * PITCH
        panels = [
            figure.add_axes(inches(figure, LEFT + column * PITCH, bottom, PANEL, PANEL))
            for column in range(1 + len(row.level_names))
        ]
        draw_image(panels[0], row)
        for level, axes in enumerate(panels[1:]):
            draw_level(axes, row, level, scale)
        if k == 0 or level_titles(row) != level_titles(rows[0]):
            for axes, text in zip(panels, ["image", *level_titles(row)], strict=True):
                axes.set_title(text, fontsize=10)
    has_target = any(row.candidates.target is not None for row in rows)
    draw_legend(figure, scale, has_target=has_target)
    figure.savefig(output_file, format="png")


def level_titles(row: AssignmentRow) -> list[str]:
    levels = zip(row.level_names, row.level_strides, strict=True)
    return [f"{name}, stride {stride:g}" for name, stride in levels]


def inches(figure: Figure, *place: float) -> np.ndarray:
    """Left, bottom, width, height, in inches, as shares of the figure."""
    return np.array(place) / np.tile(figure.get_size_inches(), 2)


def draw_legend(figure: Figure, scale: Normalize, *, has_target: bool) -> None:
    """Two color bars and the signs of the page, at its foot."""
    for left, norm, colors, text in (
        (LEFT, scale, POSITIVE, "positive weight: color, and area on its level"),
        (LEFT + 1.25 * PITCH, Normalize(0, 1), RELEASED, "1 - negative weight: tint of the cell"),
    ):
        axes = figure.add_axes(inches(figure, left, 0.55, 1.1 * PANEL, 0.13))
        bar = figure.colorbar(ScalarMappable(norm, colors), cax=axes, orientation="horizontal")
        bar.set_label(text, fontsize=8)
        bar.ax.tick_params(labelsize=8)
    ring = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": INK, "linestyle": ""}
    dot = {"marker": "o", "color": INK, "markersize": 2.5, "linestyle": ""}
    signs = [
        Line2D([], [], color=TRUTH, label="ground truth"),
        Line2D([], [], color=PREDICTION, linestyle="--", label="box of the strongest point"),
        Line2D([], [], markersize=9, label="box weight: area of the ring", **ring),
        Line2D([], [], label="candidate", **dot),
    ]
    if has_target:
        number = {"marker": "$.20$", "color": INK, "markersize": 13, "linestyle": ""}
        signs.append(Line2D([], [], label="target", **number))
    x, y, _, _ = inches(figure, LEFT + 2.45 * PITCH, 0.9, 0, 0)
    figure.legend(
        handles=signs, loc="upper left", bbox_to_anchor=(x, y), ncols=2, fontsize=8, frameon=False
    )
