"""The course of a training: losses, learning rate and AP over its iterations."""

import json
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dual_weighting.data.checks.value_types import is_whole
from dual_weighting.utils.errors import UserError

SMOOTHING = 0.05  # width of the moving average, as a share of the curve
AP_NAMES = {"bbox/AP": "AP", "bbox/AP50": "AP50", "bbox/AP75": "AP75"}

Series = tuple[np.ndarray, np.ndarray]  # iterations, values


def draw_training_curves(
    *, metrics_json: str | os.PathLike, output_file: str | os.PathLike
) -> None:
    """Draw losses, learning rate and, if there was an evaluation, AP over iterations, as a PNG.

    `metrics_json`: a training's; where an iteration is there twice, the later line counts.

    Raises:
        UserError: the file holds no training.
    """
    metrics = read_metrics(metrics_json)
    if "total_loss" not in metrics:
        raise UserError(
            f"{metrics_json} holds no total_loss to draw; give the metrics.json that a training "
            "has written."
        )
    panels = [draw_losses, draw_learning_rate]
    if any(name in metrics for name in AP_NAMES):
        panels.append(draw_ap)
    figure = Figure(figsize=(5 * len(panels), 4), dpi=120, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12)
    for axes, draw in zip(figure.subplots(1, len(panels)), panels, strict=True):
        draw(axes, metrics)
        axes.set_xlabel("iteration")
        axes.set_xlim(0, 1.03 * metrics["total_loss"][0][-1] + 1)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(output_file, format="png")


def read_metrics(metrics_json: str | os.PathLike) -> dict[str, Series]:
    """Per metric its iterations, ascending, and values. Lines cut short are passed over."""
    rows: dict[int, dict[str, float]] = {}
    try:
        lines = Path(metrics_json).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{metrics_json} cannot be read ({error.strerror}).") from error
    for line in lines:
        try:
            row = json.loads(line)
            if is_whole(row["iteration"]):
                rows.setdefault(row["iteration"], {}).update(row)
        except (ValueError, LookupError, RecursionError, TypeError):
            continue
    series: dict[str, list[tuple[int, float]]] = {}
    for iteration, row in sorted(rows.items()):
        for name, value in row.items():
            if isinstance(value, float) or is_whole(value):
                series.setdefault(name, []).append((iteration, float(value)))
    return {
        name: (np.array([i for i, _ in points]), np.array([value for _, value in points]))
        for name, points in series.items()
    }


def draw_losses(axes: Axes, metrics: dict[str, Series]) -> None:
    """Every loss smoothed, over its raw values drawn lightly; dashed, that of the validation."""
    names = ["total_loss", *sorted(name for name in metrics if name.startswith("loss_"))]
    for name in names:
        iterations, values = metrics[name]
        colour = "black" if name == "total_loss" else None
        label = name.removeprefix("loss_").replace("total_loss", "total")
        (line,) = axes.plot(iterations, smoothed(values), color=colour, label=label)
        axes.plot(iterations, values, color=line.get_color(), alpha=0.25, linewidth=0.8)
        if f"val_{name}" in metrics:
            style = {"marker": "o", "markersize": 3, "linestyle": "--", "linewidth": 1}
            validation = f"{label}, validation" if name == "total_loss" else None
            series = metrics[f"val_{name}"]
            axes.plot(*series, color=line.get_color(), label=validation, **style)
    axes.set_title("Losses")
    axes.set_ylabel("loss")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def draw_learning_rate(axes: Axes, metrics: dict[str, Series]) -> None:
    if "lr" in metrics:
        axes.plot(*metrics["lr"], color="tab:gray")
    axes.set_title("Learning rate")
    axes.set_ylabel("learning rate")
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))


def draw_ap(axes: Axes, metrics: dict[str, Series]) -> None:
    """AP after each evaluation; the last value stands in the legend."""
    for name, label in AP_NAMES.items():
        if name in metrics:
            iterations, values = metrics[name]
            axes.plot(iterations, values, marker="o", label=f"{label}  {values[-1]:.1f}")
    axes.set_title("Average precision of boxes")
    axes.set_ylabel("AP, percent")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, title="last value")


def smoothed(values: np.ndarray) -> np.ndarray:
    """Centred moving average, (N,); at the ends over what there is of the window."""
    radius = round(SMOOTHING * len(values) / 2)
    window = np.ones(2 * radius + 1)
    counts = np.convolve(np.ones(len(values)), window, mode="same")
    return np.convolve(values, window, mode="same") / counts
