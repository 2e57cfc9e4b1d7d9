"""Sections of a report about what a run's detections are worth."""

import cv2
import numpy as np
from detectron2.data.detection_utils import read_image

from dual_weighting.evaluation.coco_metrics import ThresholdCurve, threshold_curve
from dual_weighting.evaluation.detection_matching import confusion_matrix
from dual_weighting.evaluation.detection_statistics import (
    Reliability,
    image_errors,
    objects_per_class,
    reliability,
)
from dual_weighting.report.blocks import (
    Cell,
    chart,
    count_of,
    grid,
    number,
    number_cell,
    paragraph,
    picture,
    table,
)
from dual_weighting.report.run_files import Detections, Missing, RunFiles, flat
from dual_weighting.visualization.error_pictures import (
    CROWD,
    MISSED,
    RIGHT,
    WRONG,
    Mark,
    draw_marks,
    jpeg,
)
from dual_weighting.visualization.markup import Content, Markup, element
from dual_weighting.visualization.svg_charts import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    RED,
    Axis,
    Line,
    bar_chart,
    line_chart,
)
from dual_weighting.visualization.svg_matrix import matrix_chart, shortened

TASKS = {"bbox": "boxes", "segm": "masks"}
LARGEST_MATRIX = 100  # classes
NUM_WORST = 12
MOST_TEXTS = 25  # of detections on one image
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
    """All classes, the lowest and the highest `count` in colours, the others faint."""
    at50, names = found.precision[0], found.matches.data.class_names
    ap = at50.mean(axis=0)
    order = [k for k in np.argsort(ap, kind="stable").tolist() if np.isfinite(ap[k])]
    low, high = order[:count], order[count:][-count:]
    step = 1 if len(order) <= 20 else 2  # points of many classes would fill the file
    lines = []
    for k in [*order[len(low) : len(order) - len(high)], *high, *low]:
        style = {"colour": FAINT, "width": 1.0, "opacity": 0.5}
        if k in low or k in high:
            shades = (RED, ORANGE, "#b7791f") if k in low else (GREEN, BLUE, "#0d8a92")
            rank = low.index(k) if k in low else list(reversed(high)).index(k)
            style = {"colour": shades[rank], "width": 1.5}
        name = f"{names[k]} {100 * ap[k]:.1f}"
        lines.append(Line(name, recalls[::step], at50[::step, k], **style))
    return lines


def run_curve(found: Detections) -> ThresholdCurve:
    """F1, precision and recall over the score thresholds."""
    matches = found.matches
    counted = ~matches.ignored
    return threshold_curve(
        matches.data.scores[counted], matches.right[counted], int((~matches.data.crowd).sum())
    )


def confusion(run: RunFiles) -> Content:
    found = run.detections
    names = [*found.matches.data.class_names, "background"]
    matrix = confusion_matrix(found.matches, found.threshold)
    about = (
        f"Detections of score {found.threshold:.3f} or more, the best threshold, and the objects "
        "they find at IoU 0.5. A row is what is there, a column what was detected; the last column "
        "counts objects that were missed, the last row detections where nothing is. Of what found "
        "nothing of its class, a detection and an object that overlap are confused."
    )
    shown, left_out = matrix, ""
    if len(names) > LARGEST_MATRIX + 1:
        errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
        chosen = np.sort(np.argsort(-errors[:-1], kind="stable")[:LARGEST_MATRIX])
        chosen = np.append(chosen, len(names) - 1)
        shown = matrix[np.ix_(chosen, chosen)]
        left_out = f" Drawn are the {LARGEST_MATRIX} classes with the most errors."
    else:
        chosen = np.arange(len(names))
    drawing = matrix_chart(shown, [names[k] for k in chosen], title="Confusion matrix")
    return [
        paragraph(about + left_out),
        element(
            "div",
            element("div", drawing, class_="scroll"),
            element("div", confused_pairs(matrix, names)),
            class_="split",
        ),
    ]


def confused_pairs(matrix: np.ndarray, names: list[str], count: int = 10) -> Content:
    """The classes that are most often taken for one another."""
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    order = np.argsort(-between, axis=None, kind="stable")[:count]
    pairs = [np.unravel_index(k, between.shape) for k in order]
    rows = [
        [
            names[i],
            Cell(names[j], kind="text"),
            f"{between[i, j]:,}",
            f"{between[i, j] / matrix[i].sum():.1%}",
        ]
        for i, j in pairs
        if between[i, j]
    ]
    if not rows:
        return paragraph("No object was taken for one of another class.")
    heads = ["is a", "detected as", "times", "of its objects"]
    return [element("h3", "Most often confused"), table(heads, rows, left=[1])]


def calibration(run: RunFiles) -> Content:
    found = run.detections
    matches = found.matches
    counted = ~matches.ignored
    scores, right = matches.data.scores[counted], matches.right[counted]
    bins = reliability(scores, right)
    shown = scores >= found.threshold
    ece = 100 * bins.expected_error()
    ece_shown = 100 * reliability(scores[shown], right[shown]).expected_error()
    diagonal = Line("score = precision", [0, 1], [0, 1], FAINT, dashed=True)
    hints = [
        f"{count_of(n, 'detection')}, mean score {s:.2f}, precision {p:.2f}"
        for n, s, p in zip(bins.count.tolist(), bins.score, bins.precision, strict=True)
    ]
    edges = np.linspace(0, 1, len(bins.count) + 1)
    amount = np.log10(np.maximum(bins.count, 1))
    return [
        paragraph(
            "If scores were probabilities, the bars would reach the diagonal: of the detections of "
            "score 0.8, 80% would be right at IoU 0.5. Above it scores are too low, below it too "
            f"high. Expected calibration error (ECE): {number(ece)} points over all detections, "
            f"{number(ece_shown)} over those above the best threshold. AP does not depend on it, "
            "thresholds and people who read scores do."
        ),
        grid(
            chart(
                "Reliability",
                bar_chart(
                    edges, bins.precision, hints, Axis("score", 0, 1), PRECISION,
                    title="Precision of the detections by score", lines=[diagonal],
                ),
                [diagonal],
            ),
            chart(
                "How many detections",
                bar_chart(
                    edges, amount, hints, Axis("score", 0, 1),
                    Axis("detections, power of ten", low=0), title="Detections by score",
                ),
            ),
            table_of_bins(bins),
        ),
    ]  # fmt: skip


def table_of_bins(bins: Reliability) -> Markup:
    rows = [
        [f"{k / len(bins.count):.1f} to {(k + 1) / len(bins.count):.1f}", f"{n:,}", number(s, 2),
         number(p, 2)]
        for k, (n, s, p) in enumerate(
            zip(bins.count.tolist(), bins.score, bins.precision, strict=True)
        )
    ]  # fmt: skip
    return table(["score", "detections", "mean score", "precision"], rows)


def duplicates(run: RunFiles) -> Content:
    """What NMS does for this detector."""
    report = run.evaluation.get("duplicates")
    if not isinstance(report, dict) or "with_nms" not in report:
        raise Missing(
            "evaluation.json has no duplicate report: it is made for detectors with an optional "
            "NMS on data in COCO's format."
        )
    own_thresh = run.cfg.model.get("test_nms_thresh")
    titles = {"with_nms": "with NMS", "without_nms": "without NMS"}
    own = "without_nms" if own_thresh is None else "with_nms"
    keys = ["AP", "duplicates_per_image", "f1", "threshold", "precision", "recall"]
    digits = [2, 2, 1, 3, 1, 1]
    rows = [
        [
            titles[name],
            *(
                number_cell(float(report[name].get(key, np.nan)), n)
                for key, n in zip(keys, digits, strict=True)
            ),
        ]
        for name in titles
        if name in report
    ]
    heads = ["", "AP", "duplicates an image", "best F1", "at score", "precision", "recall"]
    return [
        paragraph(
            "Both ways of selecting detections from the same forward pass. A duplicate repeats a "
            "better detection of its class, by a large IoU. The bold row is this model's own way."
        ),
        table(heads, rows, own=list(titles).index(own)),
    ]


def worst_images(run: RunFiles) -> Content:
    """The images with the most errors, drawn."""
    found = run.detections
    data = found.matches.data
    errors = image_errors(found.matches, found.threshold)
    worst = errors.worst(NUM_WORST)
    if not len(worst):
        return paragraph("No object was missed and nothing wrong was detected.")
    figures = []
    for k in worst.tolist():
        name = data.file_names[k]
        counts = f"{errors.missed[k]} missed, {errors.wrong[k]} wrong, {errors.right[k]} right"
        try:
            shown = picture(error_picture(found, k), about=f"{name}: {counts}")
        except (OSError, ValueError, cv2.error) as error:
            shown = element("p", f"cannot be read ({type(error).__name__})", class_="missing")
        caption = element("figcaption", element("strong", name), element("br"), counts)
        figures.append(element("figure", shown, caption))
    keys = [("missed", MISSED), ("wrong", WRONG), ("right", RIGHT), ("crowd, ignored", CROWD)]
    legend = [
        element(
            "li",
            element("i", class_="box", style=f"border-color: rgb{colour}"),
            element("span", text),
        )
        for text, colour in keys
    ]
    total = int((errors.missed + errors.wrong > 0).sum())
    return [
        paragraph(
            f"The {count_of(len(worst), 'image')} with the most errors of the {total:,} that have "
            f"any, of {len(data.file_names):,}, at score {found.threshold:.3f}, the best threshold."
        ),
        element("ul", *legend, class_="legend"),
        element("div", *figures, class_="pictures"),
    ]


def error_picture(found: Detections, image: int) -> bytes:
    """A JPEG of that image with its objects and detections."""
    matches, data = found.matches, found.matches.data
    names = [shortened(name) for name in data.class_names]
    objects, detections = data.objects.of_image(image), data.detections.of_image(image)
    missed, shown = matches.missed(found.threshold), matches.at(found.threshold)
    marks = []
    for o in range(objects.start, objects.stop):
        name, box = names[data.objects.classes[o]], data.objects.xywh[o]
        if data.crowd[o]:
            marks.append(Mark(box, f"{name} (crowd)", CROWD))
        elif missed[o]:
            marks.append(Mark(box, name, MISSED))
    best = [d for d in range(detections.start, detections.stop) if shown[d]]
    for k, d in enumerate(best):
        text = f"{names[data.detections.classes[d]]} {data.scores[d]:.2f}" if k < MOST_TEXTS else ""
        colour = RIGHT if matches.right[d] else WRONG
        marks.append(Mark(data.detections.xywh[d], text, colour))
    marks.sort(key=lambda mark: (RIGHT, CROWD, MISSED, WRONG).index(mark.colour))
    pixels = read_image(str(found.image_root / data.file_names[image]), format="RGB")
    return jpeg(draw_marks(pixels, marks))
