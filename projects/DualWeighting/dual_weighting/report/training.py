"""Sections of a report about how a run was made: curves, assignments, settings."""

import cv2
import numpy as np
from omegaconf import DictConfig, OmegaConf

from dual_weighting.report.blocks import Cell, chart, count_of, grid, paragraph, picture, table
from dual_weighting.report.run_files import Missing, RunFiles
from dual_weighting.visualization.curves import AP_NAMES, Series, smoothed
from dual_weighting.visualization.error_pictures import jpeg
from dual_weighting.visualization.markup import Content, Markup, element
from dual_weighting.visualization.svg_charts import FAINT, INK, PALETTE, Axis, Line, line_chart

WIDEST = 1400  # pixels of an assignment's picture in the page
NOT_TRAINED = "There is no metrics.json of a training in this folder."


def curves(run: RunFiles) -> Content:
    """Losses, AP, learning rate, and what the assignment did."""
    metrics = run.metrics
    if "total_loss" not in metrics:
        raise Missing(NOT_TRAINED)
    charts = [loss_chart(metrics), ap_chart(metrics), rate_chart(metrics), *assignment(metrics)]
    return grid(*charts)


def iteration_axis(num_iterations: float) -> Axis:
    return Axis("iteration", low=0, high=float(num_iterations))


def axis_of(metrics: dict[str, Series]) -> Axis:
    """From the first iteration to the last."""
    return iteration_axis(metrics["total_loss"][0][-1] + 1)


def loss_chart(metrics: dict[str, Series]) -> Markup:
    lines, ghosts = [], []
    names = ["total_loss", *sorted(name for name in metrics if name.startswith("loss_"))]
    for k, name in enumerate(names):
        colour = PALETTE[(k - 1) % len(PALETTE)] if k else INK
        label = name.removeprefix("loss_").replace("total_loss", "total")
        iterations, values = metrics[name]
        lines.append(Line(label, iterations, smoothed(values), colour))
        ghosts.append(Line(label, iterations, values, colour, width=0.8, opacity=0.25))
        if f"val_{name}" in metrics:
            series = metrics[f"val_{name}"]
            lines.append(Line(f"{label}, validation", *series, colour, dashed=True, dots=True))
    # The first steps may be far above all others.
    shown = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    drawing = line_chart(
        [*ghosts, *lines],
        axis_of(metrics),
        Axis("", low=0, high=1.05 * float(shown.max(initial=0)) or 1),
        title="Losses over iterations",
    )
    return chart("Losses", drawing, lines)


def ap_chart(metrics: dict[str, Series]) -> Markup:
    lines = [
        Line(f"{label} {metrics[name][1][-1]:.1f}", *metrics[name], colour, dots=True)
        for (name, label), colour in zip(AP_NAMES.items(), PALETTE, strict=False)
        if name in metrics
    ]
    if not lines:
        return chart("Average precision", paragraph("There was no evaluation."))
    drawing = line_chart(
        lines,
        axis_of(metrics),
        Axis("percent", low=0, high=100),
        title="Average precision over iterations",
    )
    about = "One evaluation, after the training." if len(lines[0].x) == 1 else None
    return chart("Average precision", drawing, lines, about)


def rate_chart(metrics: dict[str, Series]) -> Markup | None:
    if "lr" not in metrics:
        return None
    line = Line("learning rate", *metrics["lr"], FAINT)
    return chart(
        "Learning rate",
        line_chart([line], axis_of(metrics), Axis("", low=0), title="Learning rate"),
    )


ASSIGNMENT_CHARTS = {
    "Positives": {
        "assignment/positives_per_gt": "points that are positive, for each object",
        "assignment/soft_positives_per_gt": "sum of positive weights, for each object",
    },
    "Quality of the positives": {
        "assignment/positive_iou": "IoU of their boxes",
        "assignment/gts_without_positive": "share of objects without a positive",
    },
}
LEVEL = "assignment/positives_level_"


def assignment(metrics: dict[str, Series]) -> list[Markup]:
    """What the assignment did over the training, where the run has written it down."""
    charts = dict(ASSIGNMENT_CHARTS)
    levels = sorted(name for name in metrics if name.startswith(LEVEL))
    charts["Positives by level"] = {
        name: f"level {name.removeprefix(LEVEL)}" + (", the finest" if k == 0 else "")
        for k, name in enumerate(levels)
    }
    figures = []
    for title, names in charts.items():
        lines = [
            Line(text, metrics[name][0], smoothed(metrics[name][1]), colour)
            for (name, text), colour in zip(names.items(), PALETTE * 2, strict=False)
            if name in metrics
        ]
        if lines:
            drawing = line_chart(lines, axis_of(metrics), Axis("", low=0), title=title)
            figures.append(chart(title, drawing, lines))
    return figures


def snapshots(run: RunFiles) -> Content:
    """The pictures that the training made of the assignment of one image."""
    if not run.snapshots:
        raise Missing(
            "This run has made no pictures: train.assignment_snapshots says how many a training of "
            "a detector with an assignment scheme makes."
        )
    figures = []
    for iteration, file in run.snapshots:
        image = cv2.imread(str(file))
        if image is None:
            figures.append(paragraph(f"{file.name} cannot be read."))
            continue
        scale = min(WIDEST / image.shape[1], 1)
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        about = f"Assignment after {count_of(iteration, 'iteration')}"
        shown = picture(jpeg(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), about=about)
        figures.append(
            element(
                "figure",
                element("div", f"After {count_of(iteration, 'iteration')}", class_="chart-title"),
                element("div", shown, class_="scroll"),
            )
        )
    return [
        paragraph(
            "The same objects of one image of the evaluation as the training went on: on each "
            "level the points that learn the object and how much. Drawn as "
            "tools/visualize_assignment.py does."
        ),
        element("div", *figures, class_="snapshots"),
    ]


def settings(run: RunFiles) -> Content:
    """The main values, the versions, and the whole config."""
    facts = element("div", element("h3", "Settings"), table([], main_settings(run.cfg)))
    try:
        rows = [[name, text(value)] for name, value in run.environment.items()]
        versions = table([], rows)
    except Missing as reason:
        versions = element("p", str(reason), class_="missing")
    return [
        element("div", facts, element("div", element("h3", "Versions"), versions), class_="pair"),
        element("details", element("summary", "config.yaml"), element("pre", run.config_text)),
    ]


SETTINGS = {
    "model": "model",
    "backbone": "model.backbone",
    "bottom-up network": "model.backbone.bottom_up",
    "head": "model.head",
    "assignment scheme": "model.scheme",
    "losses": "model.losses",
    "classes": "model.num_classes",
    "NMS at IoU": "model.test_nms_thresh",
    "lowest score": "model.test_score_thresh",
    "trained on": "dataloader.train.dataset.names",
    "evaluated on": "dataloader.test.dataset.names",
    "images a step": "dataloader.train.total_batch_size",
    "steps": "train.max_iter",
    "optimizer": "optimizer",
    "learning rate": "optimizer.lr",
    "weight decay": "optimizer.weight_decay",
    "seed": "train.seed",
    "started from": "train.init_checkpoint",
    "mixed precision": "train.amp.enabled",
}


def main_settings(cfg: DictConfig) -> list[list[Content]]:
    """Name and value of those of `SETTINGS` that the config has."""
    absent = object()
    found = {name: OmegaConf.select(cfg, key, default=absent) for name, key in SETTINGS.items()}
    return [[name, text(value_text(value))] for name, value in found.items() if value is not absent]


def value_text(value: object) -> str:
    """A value of a config for people; of a lazy call the name of what it calls."""
    if isinstance(value, DictConfig) and "_target_" in value:
        target = value["_target_"]
        return str(target if isinstance(target, str) else target.__name__).rpartition(".")[2]
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value) or "nothing"


def text(content: str) -> Cell:
    """A cell of words in a column of numbers."""
    return Cell(content, kind="text")
