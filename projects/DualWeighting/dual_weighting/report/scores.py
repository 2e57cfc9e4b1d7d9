"""Sections of a report about what scores mean, and what NMS does."""

import numpy as np

from dual_weighting.evaluation.detection_statistics import Reliability, reliability
from dual_weighting.report.blocks import (
    chart,
    count_of,
    grid,
    number,
    number_cell,
    paragraph,
    table,
)
from dual_weighting.report.run_files import Missing, RunFiles
from dual_weighting.visualization.markup import Content, Markup
from dual_weighting.visualization.svg_charts import FAINT, Axis, Line, bar_chart

PRECISION = Axis("precision", low=0, high=1)


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
