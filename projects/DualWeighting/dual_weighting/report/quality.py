"""Sections of a report about the quality of a detector."""

from typing import Any

import cv2
import numpy as np
from markupsafe import Markup

from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.report.page import Cell, svg_of, text
from dual_weighting.report.run import WAY_NUMBERS, WAYS, Missing, RunFiles
from dual_weighting.visualization.charts import (
    BLUE,
    FAINT,
    INK,
    NUMBERED,
    ORANGE,
    PALETTE,
    Chart,
    Line,
    matrix_figure,
    svg,
)
from dual_weighting.visualization.error_pictures import error_picture

TASKS = {"bbox": "boxes", "segm": "masks"}
NUM_CONFUSED, LARGEST_MATRIX = 15, 100  # classes of the readable and of the whole matrix
NUM_WORST = 12


def average_precision(run: RunFiles) -> dict[str, Any]:
    tasks = {noun: run.numbers(name) for name, noun in TASKS.items() if name in run.evaluation}
    if not any(tasks.values()):
        raise Missing("evaluation.json has no box or mask metrics.")
    heads = list(dict.fromkeys(name for numbers in tasks.values() for name in numbers))
    rows = [[noun, *(Cell(x.get(name, np.nan)) for name in heads)] for noun, x in tasks.items()]
    return {"heads": ["", *heads], "rows": rows}


def classes(run: RunFiles) -> dict[str, Any]:
    """AP and best threshold of each class."""
    found = run.diagnosis
    ap50 = 100 * found.precision[0].mean(axis=0)
    order = np.argsort(-np.nan_to_num(found.ap_per_class, nan=-1), kind="stable")
    rows = [
        [
            found.truth.class_names[k],
            Cell(float(found.objects_per_class[k]), 0),
            Cell(found.ap_per_class[k]),
            Cell(float(np.nan_to_num(found.ap_per_class[k])), bar=True),
            Cell(ap50[k]),
            Cell(found.of_class[k].threshold, 3),
            *(Cell(getattr(found.of_class[k], key)) for key in ("f1", "precision", "recall")),
        ]
        for k in order.tolist()
    ]
    return {"rows": rows, "overall": found.overall}


def precision_and_recall(run: RunFiles) -> dict[str, Any]:
    found, recalls = run.diagnosis, np.linspace(0, 1, run.diagnosis.precision.shape[1])
    means = [
        Line("IoU 0.50", recalls, mean_curve(found.precision[:1]), BLUE),
        Line("IoU 0.75", recalls, mean_curve(found.precision[5:6]), ORANGE),
        Line("mean of 0.50 to 0.95", recalls, mean_curve(found.precision), INK),
    ]
    curve = found.curve
    rates = [
        Line("precision", curve.threshold, curve.precision / 100, BLUE),
        Line("recall", curve.threshold, curve.recall / 100, ORANGE),
        Line("F1", curve.threshold, curve.f1 / 100, INK, width=2.2),
    ]
    if best := found.threshold:
        rates.append(Line(f"best threshold, {best:.3f}", [best, best], [0, 1], FAINT, dashed=True))
    charts = [
        unit_chart("Mean of all classes", means),
        unit_chart("Each class, at IoU 0.50", class_lines(found, recalls)),
        unit_chart("Which threshold to choose", rates, "score threshold", ""),
    ]
    return {"charts": [svg_of(chart) for chart in charts]}


def unit_chart(title: str, lines: list[Line], x: str = "recall", y: str = "precision") -> Chart:
    return Chart(title, lines, x, y, (0, 1), (0, 1))


def mean_curve(precision: np.ndarray) -> np.ndarray:
    """(R,), mean over the IoUs and classes of a precision table (T, R, K) that have objects."""
    known = precision[..., np.isfinite(precision[0, 0])]
    return known.mean(axis=(0, 2)) if known.size else np.full(precision.shape[1], np.nan)


def class_lines(found: Diagnosis, recalls: np.ndarray, count: int = 3) -> list[Line]:
    """All classes: the `count` highest and lowest in color, highest first, the others faint."""
    at50, names = found.precision[0], found.truth.class_names
    ap = at50.mean(axis=0)
    order = [k for k in np.argsort(-ap, kind="stable").tolist() if np.isfinite(ap[k])]
    lines = [
        Line(names[k], recalls[::2], at50[::2, k], FAINT, 1.0, opacity=0.5, named=False)
        for k in order[count:-count]
    ]
    colored = [*order[:count], *order[count:][-count:]]
    return lines + [
        Line(f"{names[k]} {100 * ap[k]:.1f}", recalls, at50[:, k], color, 1.5)
        for k, color in zip(colored, PALETTE, strict=False)
    ]


def confusion(run: RunFiles) -> dict[str, Any]:
    """The confusion matrix, the most frequent confusions, and TIDE's error types."""
    found = run.diagnosis
    matrix, names = found.confusion, [*found.truth.class_names, "background"]
    chosen, whole = most_confused(matrix, LARGEST_MATRIX), None
    if len(names) > NUMBERED:
        whole = Markup(svg(matrix_figure(matrix, names, chosen=chosen)))
        chosen = most_confused(matrix, NUM_CONFUSED)
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    order = np.argsort(-between, axis=None, kind="stable")[:10]
    pairs = [np.unravel_index(k, between.shape) for k in order.tolist()]
    return {
        "threshold": found.threshold,
        "matrix": Markup(svg(matrix_figure(matrix, names, chosen=chosen))),
        "whole": whole,
        "num_drawn": len(chosen) - 1,
        "num_whole": min(len(names) - 1, LARGEST_MATRIX),
        "pairs": [
            [names[i], text(names[j]), Cell(float(between[i, j]), 0),
             Cell(f"{between[i, j] / matrix[i].sum():.1%}")]
            for i, j in pairs
            if between[i, j]
        ],
        "errors": [
            (kind, int(count), 100 * found.tide["delta_ap"][kind])
            for kind, count in found.tide["counts"].items()
        ],
    }  # fmt: skip


def most_confused(matrix: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` classes with the most errors, ascending, and of the background."""
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    chosen = np.sort(np.argsort(-errors[:-1], kind="stable")[:count])
    return np.append(chosen, len(matrix) - 1)


def calibration(run: RunFiles) -> dict[str, Any]:
    found = run.diagnosis
    bins = found.calibration["bins"]
    if not bins:
        raise Missing("There are no detections.")
    count = np.array([x["count"] for x in bins])
    score, precision = (
        np.where(count > 0, [x[key] for x in bins], np.nan)
        for key in ("avg_confidence", "avg_accuracy")
    )
    edges = np.linspace(0, 1, len(bins) + 1)
    high = (count > 0) & (edges[1:] > found.threshold)
    gap = np.abs(score - precision)[high]
    diagonal = Line("score = precision", [0, 1], [0, 1], FAINT, dashed=True)
    charts = [
        Chart("Reliability", [diagonal], "score", "precision", (0, 1), (0, 1),
              np.nan_to_num(precision), edges),
        Chart("How many detections", [], "score", "detections, power of ten", (0, 1),
              bars=np.log10(np.maximum(count, 1)), edges=edges),
    ]  # fmt: skip
    return {
        "ece": 100 * found.calibration["ece"],
        "ece_shown": 100 * float(np.average(gap, weights=count[high])) if high.any() else np.nan,
        "charts": [svg_of(chart) for chart in charts],
        "bins": [
            [f"{low:.1f} to {up:.1f}", Cell(float(n), 0), Cell(s, 2), Cell(p, 2)]
            for low, up, n, s, p in zip(edges, edges[1:], count, score, precision, strict=False)
        ],
    }


def nms(run: RunFiles) -> dict[str, Any]:
    """The effect of NMS on this detector."""
    report = run.evaluation.get("duplicates")
    if report is None:
        raise Missing(
            "evaluation.json has no report on duplicates, which needs a detector with optional NMS "
            "and data in COCO's format."
        )
    digits = (2, 2, 1, 3, 1, 1)
    rows = [
        [
            title,
            *(
                Cell(float(report[way].get(k, np.nan)), n)
                for k, n in zip(WAY_NUMBERS, digits, strict=True)
            ),
        ]
        for way, title in WAYS.items()
    ]
    return {"rows": rows, "own": 0 if run.has_nms else 1}


def worst_images(run: RunFiles) -> dict[str, Any]:
    """Pictures of the images with the most errors."""
    found = run.diagnosis
    errors, figures = found.image_errors, []
    for k in errors.worst(NUM_WORST).tolist():
        name, image = found.truth.file_names[k], None
        try:
            image = error_picture(found, k, image_root=run.image_root)
            fault = None
        except (OSError, ValueError, cv2.error) as error:
            fault = type(error).__name__
        counts = (int(x[k]) for x in (errors.missed, errors.wrong, errors.right))
        figures.append({"name": name, "jpeg": image, "fault": fault, "counts": list(counts)})
    return {
        "figures": figures,
        "total": int((errors.missed + errors.wrong > 0).sum()),
        "num_images": len(found.truth.file_names),
        "threshold": found.threshold,
    }
