"""Curves of several runs over one another."""

from collections.abc import Sequence

import numpy as np

from dual_weighting.report.blocks import chart, grid
from dual_weighting.report.precision import mean_curve
from dual_weighting.report.run_files import Missing, RunFiles, get
from dual_weighting.report.training import iteration_axis
from dual_weighting.visualization.curves import smoothed
from dual_weighting.visualization.markup import Content
from dual_weighting.visualization.svg_charts import PALETTE, Axis, Line, line_chart


def curves(runs: Sequence[RunFiles], names: list[str]) -> Content:
    panels = {"AP over the training": "bbox/AP", "Total loss": "total_loss"}
    figures = []
    for title, metric in panels.items():
        lines = []
        for run, name, colour in coloured(runs, names):
            if metric in run.metrics:
                iterations, values = run.metrics[metric]
                dots = metric != "total_loss"
                values = values if dots else smoothed(values)
                lines.append(Line(name, iterations, values, colour, dots=dots))
        if lines:
            high = 100 if metric == "bbox/AP" else None
            end = max(run.num_iterations for run in runs)
            drawing = line_chart(
                lines, iteration_axis(end), Axis("", low=0, high=high), title=title
            )
            figures.append(chart(title, drawing, lines))
    if not figures:
        raise Missing("None of these folders holds a metrics.json of a training.")
    return grid(*figures)


def coloured(runs: Sequence[RunFiles], names: list[str]) -> list[tuple[RunFiles, str, str]]:
    """Run, label and colour; colours come again after the last."""
    return [
        (run, name, PALETTE[k % len(PALETTE)])
        for k, (run, name) in enumerate(zip(runs, names, strict=True))
    ]


def precision(runs: Sequence[RunFiles], names: list[str]) -> Content:
    """Precision over recall, mean of all classes."""
    figures = []
    for title, ious in {"IoU 0.50": slice(0, 1), "mean of IoU 0.50 to 0.95": slice(None)}.items():
        lines = []
        for run, name, colour in coloured(runs, names):
            found = get(lambda run=run: run.detections, None)
            if found is not None:
                curve = mean_curve(found.precision[ious])
                lines.append(Line(name, np.linspace(0, 1, len(curve)), curve, colour))
        if lines:
            drawing = line_chart(lines, Axis("recall", 0, 1), Axis("precision", 0, 1), title=title)
            figures.append(chart(title, drawing, lines))
    if not figures:
        raise Missing("None of these folders holds detections in COCO's format.")
    return grid(*figures)
