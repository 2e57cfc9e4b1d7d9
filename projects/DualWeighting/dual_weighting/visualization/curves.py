"""The course of a training: losses, AP, learning rate and assignment over its iterations."""

from collections.abc import Mapping

import numpy as np

from dual_weighting.visualization.charts import FAINT, INK, PALETTE, Chart, Line

SMOOTHING = 0.05  # width of the moving average, as a share of the curve
AP_NAMES = {"bbox/AP": "AP", "bbox/AP50": "AP50", "bbox/AP75": "AP75"}
ASSIGNMENT = {
    "Positives": {
        "assignment/positives_per_gt": "positive points per object",
        "assignment/soft_positives_per_gt": "sum of positive weights per object",
    },
    "Quality of the positives": {
        "assignment/positive_iou": "IoU of their boxes",
        "assignment/gts_without_positive": "share of objects without a positive",
    },
}
LEVEL = "assignment/positives_level_"

Series = tuple[np.ndarray, np.ndarray]  # iterations, values


def training_charts(metrics: Mapping[str, Series]) -> list[Chart]:
    """Losses, AP, learning rate, and what the assignment did, of the metrics of a training."""
    end = float(metrics["total_loss"][0][-1] + 1)
    charts = [loss_chart(metrics), ap_chart(metrics), rate_chart(metrics)]
    levels = sorted(name for name in metrics if name.startswith(LEVEL))
    by_level = {
        name: f"level {name.removeprefix(LEVEL)}" + (", the finest" if k == 0 else "")
        for k, name in enumerate(levels)
    }
    for title, names in (ASSIGNMENT | {"Positives by level": by_level}).items():
        lines = [
            Line(text, metrics[name][0], smoothed(metrics[name][1]), color)
            for (name, text), color in zip(names.items(), PALETTE * 2, strict=False)
            if name in metrics
        ]
        charts.append(Chart(title, lines))
    return [chart_until(chart, end) for chart in charts if chart.lines]


def chart_until(chart: Chart, end: float) -> Chart:
    return Chart(**vars(chart) | {"x_limits": (0, end)})


def loss_chart(metrics: Mapping[str, Series]) -> Chart:
    """Every loss smoothed, over its raw values drawn lightly; dashed, that of the validation."""
    lines = []
    names = ["total_loss", *sorted(name for name in metrics if name.startswith("loss_"))]
    for k, name in enumerate(names):
        color = PALETTE[(k - 1) % len(PALETTE)] if k else INK
        label = name.removeprefix("loss_").replace("total_loss", "total")
        iterations, values = metrics[name]
        lines.append(Line(label, iterations, smoothed(values), color))
        lines.append(Line(label, iterations, values, color, 0.8, opacity=0.25, named=False))
        if f"val_{name}" in metrics:
            series = metrics[f"val_{name}"]
            lines.append(Line(f"{label}, validation", *series, color, dashed=True, dots=True))
    # The first raw values may be far above all others.
    shown = [line.y[np.isfinite(line.y)].max(initial=0) for line in lines if line.named]
    return Chart("Losses", lines, y_limits=(0, 1.05 * float(max(shown)) or 1))


def ap_chart(metrics: Mapping[str, Series]) -> Chart:
    """AP after each evaluation; the last value stands in the legend."""
    lines = [
        Line(f"{label} {metrics[name][1][-1]:.1f}", *metrics[name], color, dots=True)
        for (name, label), color in zip(AP_NAMES.items(), PALETTE, strict=False)
        if name in metrics
    ]
    about = "One evaluation, after the training." if lines and len(lines[0].x) == 1 else ""
    return Chart("Average precision", lines, y_label="percent", y_limits=(0, 100), about=about)


def rate_chart(metrics: Mapping[str, Series]) -> Chart:
    lines = [Line("learning rate", *metrics["lr"], FAINT, named=False)] if "lr" in metrics else []
    return Chart("Learning rate", lines)


def seeds_chart(curves: Mapping[str, list[Series]]) -> Chart:
    """AP of several configs over their training: mean and range of the seeds, of each at the
    iterations that all its seeds have; the best at the end first.

    `curves`: of each config the (iterations, AP) of each seed.
    """
    lines = []
    for k, name in enumerate(sorted(curves, key=lambda name: -curves[name][0][1][-1])):
        iterations, values = common_iterations(curves[name])
        lines.append(
            Line(name, iterations, values.mean(axis=0), PALETTE[k % len(PALETTE)], dots=True,
                 dashed=k >= len(PALETTE), low=values.min(axis=0), high=values.max(axis=0))
        )  # fmt: skip
    title = "AP of boxes over training: mean and range of the seeds"
    return Chart(title, lines, y_label="AP, percent", x_limits=(None, None), y_limits=(None, None))


def common_iterations(series: list[Series]) -> tuple[np.ndarray, np.ndarray]:
    """The (I,) iterations that all series have, and their values (S, I)."""
    iterations = series[0][0]
    for other, _ in series[1:]:
        iterations = np.intersect1d(iterations, other)
    values = [v[np.searchsorted(i, iterations)] for i, v in series]
    return iterations, np.stack(values)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Centered moving average, (N,); at the ends over what there is of the window."""
    radius = round(SMOOTHING * len(values) / 2)
    window = np.ones(2 * radius + 1)
    counts = np.convolve(np.ones(len(values)), window, mode="same")
    return np.convolve(values, window, mode="same") / counts
