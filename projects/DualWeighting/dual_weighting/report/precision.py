"""Sections of a report about precision and recall."""

import numpy as np

from dual_weighting.evaluation.coco_metrics import ThresholdCurve, threshold_curve
from dual_weighting.evaluation.detection_statistics import objects_per_class
from dual_weighting.report.blocks import (
    Cell,
    chart,
    grid,
    number,
    number_cell,
    paragraph,
    table,
)
from dual_weighting.report.run_files import Detections, Missing, RunFiles, flat
from dual_weighting.visualization.markup import Content
from dual_weighting.visualization.svg_charts import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    PALETTE,
    Axis,
    Line,
    line_chart,
)

TASKS = {"bbox": "boxes", "segm": "masks"}
RECALL = Axis("recall", low=0, high=1)
PRECISION = Axis("precision", low=0, high=1)
SCORE = Axis("score threshold", low=0, high=1)


def average_precision(run: RunFiles) -> Content:
    """The table of metrics, a row a task."""
    tasks = {name: flat(run.evaluation[name]) for name in TASKS if name in run.evaluation}
    if not tasks:
        raise Missing("evaluation.json has no metrics of boxes or masks.")
    heads = list(dict.fromkeys(name for numbers in tasks.values() for name in numbers))
    rows = [
        [TASKS[task], *(number_cell(numbers.get(name, np.nan)) for name in heads)]
        for task, numbers in tasks.items()
    ]
    return [
        paragraph(
            "In percent, from evaluation.json. AP is the mean over IoU 0.50 to 0.95, AP50 and AP75 "
            "at one IoU; s, m and l are small, medium and large objects, of less than 32 by 32 "
            "pixels, up to 96 by 96, and above."
        )
        if "AP75" in heads
        else paragraph("In percent, from evaluation.json."),
        table(["", *heads], rows),
    ]


def classes(run: RunFiles) -> Content:
    """AP and best threshold of each class."""
    found = run.detections
    names = found.matches.data.class_names
    amounts = objects_per_class(found.matches)
    ap = 100 * class_means(found.precision)
    ap50 = 100 * class_means(found.precision[:1])
    order = np.argsort(-np.nan_to_num(ap, nan=-1), kind="stable")
    rows = []
    for k in order.tolist():
        point = found.of_class[k]
        rows.append(
            [
                names[k],
                Cell(f"{amounts[k]:,}", value=float(amounts[k])),
                number_cell(ap[k]),
                Cell("", bar=float(np.nan_to_num(ap[k]))),
                number_cell(ap50[k]),
                number_cell(point.threshold, 3),
                *(number_cell(x) for x in (point.f1, point.precision, point.recall)),
            ]
        )
    heads = ["class", "objects", "AP", "", "AP50", "best threshold", "F1", "precision", "recall"]
    return [
        paragraph(
            "The best threshold is the score at which F1, at IoU 0.5, is largest for this class; "
            f"F1, precision and recall are those at it. For all classes together it is "
            f"{number(found.overall.threshold, 3)}, with F1 {number(found.overall.f1)}. "
            "A click on a head sorts."
        ),
        table(heads, rows, sortable=True, wide=True),
    ]


def class_means(precision: np.ndarray) -> np.ndarray:
    """(K,), AP of each class of a precision table (T, R, K); NaN for one without objects."""
    return precision.mean(axis=(0, 1))


def mean_curve(precision: np.ndarray) -> np.ndarray:
    """(R,), mean over the IoUs and classes of a precision table (T, R, K) that have objects."""
    known = precision[..., np.isfinite(precision[0, 0])]
    return known.mean(axis=(0, 2)) if known.size else np.full(precision.shape[1], np.nan)


def precision_and_recall(run: RunFiles) -> Content:
    found = run.detections
    recalls = np.linspace(0, 1, found.precision.shape[1])
    means = [
        Line("IoU 0.50", recalls, mean_curve(found.precision[:1]), BLUE),
        Line("IoU 0.75", recalls, mean_curve(found.precision[5:6]), ORANGE),
        Line("mean of 0.50 to 0.95", recalls, mean_curve(found.precision), INK),
    ]
    each = class_lines(found, recalls)
    curve = run_curve(found)
    rates = [
        Line("precision", curve.threshold, curve.precision / 100, BLUE),
        Line("recall", curve.threshold, curve.recall / 100, ORANGE),
        Line("F1", curve.threshold, curve.f1 / 100, INK, width=2.2),
    ]
    marks = []
    if found.threshold:
        best = found.threshold
        marks = [Line(f"best threshold, {best:.3f}", [best, best], [0, 1], FAINT, dashed=True)]
    return grid(
        chart(
            "Mean of all classes",
            line_chart(means, RECALL, PRECISION, title="Precision over recall"),
            means,
        ),
        chart(
            "Each class, at IoU 0.50",
            line_chart(each, RECALL, PRECISION, title="Precision over recall of each class"),
            [line for line in each if line.opacity == 1],
        ),
        chart(
            "Which threshold to choose",
            line_chart(
                [*marks, *rates], SCORE, Axis("", low=0, high=1), title="F1 over thresholds"
            ),
            [*rates, *marks],
        ),
    )


def class_lines(found: Detections, recalls: np.ndarray, count: int = 3) -> list[Line]:
    """All classes, the `count` highest and lowest in colors, highest first, the others faint."""
    at50, names = found.precision[0], found.matches.data.class_names
    ap = at50.mean(axis=0)
    order = [k for k in np.argsort(-ap, kind="stable").tolist() if np.isfinite(ap[k])]
    step = 1 if len(order) <= 20 else 2  # points of many classes would fill the file
    faint = {"colour": FAINT, "width": 1.0, "opacity": 0.5}
    styles = [(k, faint) for k in order[count:-count]]
    colored = [*order[:count], *order[count:][-count:]]
    styles += [(k, {"colour": c, "width": 1.5}) for k, c in zip(colored, PALETTE, strict=False)]
    return [
        Line(f"{names[k]} {100 * ap[k]:.1f}", recalls[::step], at50[::step, k], **style)
        for k, style in styles
    ]


def run_curve(found: Detections) -> ThresholdCurve:
    """F1, precision and recall over the score thresholds."""
    matches = found.matches
    counted = ~matches.ignored
    return threshold_curve(
        matches.data.scores[counted], matches.right[counted], int((~matches.data.crowd).sum())
    )
