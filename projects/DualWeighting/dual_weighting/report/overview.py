"""The head of a report: what was trained, how good it is, and what one should notice."""

import math

import numpy as np
from omegaconf import OmegaConf

from dual_weighting.evaluation.detection_matching import confusion_matrix
from dual_weighting.evaluation.detection_statistics import objects_per_class, reliability
from dual_weighting.report.blocks import (
    count_of,
    duration,
    number,
    numbers,
)
from dual_weighting.report.precision import class_means
from dual_weighting.report.run_files import Missing, RunFiles, flat
from dual_weighting.report.training import value_text
from dual_weighting.visualization.markup import Content, element

Notice = tuple[str, str]  # "good", "bad" or "", and a sentence

MANY_POINTS = 1.0  # of AP, from which a difference is worth a word
LITTLE_AP = 5.0  # below it nothing else is worth a word
UNCALIBRATED = 0.1  # between score and precision


def head(run: RunFiles) -> Content:
    return [
        element("p", "Training report", class_="kind"),
        element("h1", run.name),
        element("p", lead(run), class_="lead"),
        numbers(figures(run)),
    ]


def lead(run: RunFiles) -> str:
    """What was trained, on what, and on what it was evaluated."""

    def select(key: str) -> str:
        return value_text(OmegaConf.select(run.cfg, key))

    model = select("model")
    if OmegaConf.select(run.cfg, "model.scheme") is not None:
        model += f" with the assignment scheme {select('model.scheme')}"
    if run.num_iterations:
        sentences = [
            f"{model}, trained on {select('dataloader.train.dataset.names')} for "
            f"{count_of(run.num_iterations, 'step')} of "
            f"{count_of(run.cfg.dataloader.train.total_batch_size, 'image')}."
        ]
    else:
        sentences = [f"{model}, not trained in this folder."]
    try:
        data = run.detections.matches.data
        amounts = (
            f": {count_of(len(data.file_names), 'image')}, "
            f"{count_of(int((~data.crowd).sum()), 'object')} of "
            f"{count_of(len(data.class_names), 'class', 'classes')}"
        )
    except Missing:
        amounts = ""
    try:
        sentences.append(f"Evaluated on {run.dataset_name}{amounts}.")
    except Missing as reason:
        sentences.append(str(reason))
    return " ".join(sentences)


def figures(run: RunFiles) -> list[tuple[str, str, str]]:
    """The large numbers."""
    try:
        evaluation = run.evaluation
    except Missing:
        evaluation = {}
    found = []
    boxes = flat(evaluation.get("bbox") or {})
    if boxes:
        found.append(("AP", number(boxes.get("AP", math.nan)), "boxes, percent"))
    names = ("AP50", "AP75") if "AP50" in boxes else tuple(n for n in boxes if n != "AP")[:3]
    found += [(name, number(boxes[name]), "boxes, percent") for name in names if name in boxes]
    if "segm" in evaluation:
        ap = flat(evaluation["segm"]).get("AP", math.nan)
        found.append(("AP of masks", number(ap), "percent"))
    found += the_other_way(run, evaluation.get("duplicates") or {})
    try:
        point = run.detections.overall
        found.append(("best F1", number(point.f1), f"at score {number(point.threshold, 3)}"))
    except Missing:
        pass
    if run.num_iterations:
        about = f"{count_of(run.num_iterations, 'step')}, without evaluation"
        found.append(("training time", duration(run.training_seconds), about))
    return found


def the_other_way(run: RunFiles, report: dict[str, dict]) -> list[tuple[str, str, str]]:
    """AP without NMS of a model that has it, with NMS of one that has none."""
    own = "without" if run.cfg.model.get("test_nms_thresh") is None else "with"
    other = "with" if own == "without" else "without"
    if f"{other}_nms" not in report:
        return []
    about = f"{report['without_nms']['duplicates_per_image']:.2f} duplicates an image without"
    return [(f"AP {other} NMS", number(report[f"{other}_nms"]["AP"]), about)]


def notices(run: RunFiles) -> Content:
    """What a person who knows the field would say first of these numbers."""
    said = [*of_training(run), *of_nms(run), *of_detections(run)]
    if not said:
        raise Missing("There is nothing to look at: neither a training nor an evaluation.")
    return element(
        "ul", *(element("li", text, class_=kind or None) for kind, text in said), class_="notices"
    )


def of_training(run: RunFiles) -> list[Notice]:
    said: list[Notice] = []
    losses = run.metrics.get("total_loss")
    if losses is not None and not np.isfinite(losses[1]).all():
        said.append(("bad", "The loss was not a finite number at some steps."))
    planned = OmegaConf.select(run.cfg, "train.max_iter")
    if run.num_iterations and planned and run.num_iterations < planned:
        said.append(
            ("bad", f"The training ended after {run.num_iterations:,} of {planned:,} steps.")
        )
    if "bbox/AP" in run.metrics:
        iterations, ap = run.metrics["bbox/AP"]
        if np.isfinite(ap).any():
            best = int(np.nanargmax(ap))
            if ap[-1] < LITTLE_AP:
                said.append(("bad", f"AP is {ap[-1]:.1f}: the detector has hardly learnt."))
            if ap[best] - ap[-1] > MANY_POINTS:
                said.append(
                    (
                        "bad",
                        f"AP was highest, {ap[best]:.1f}, at step {int(iterations[best]):,}; the "
                        f"last one is {ap[-1]:.1f}.",
                    )
                )
    return said


def of_nms(run: RunFiles) -> list[Notice]:
    try:
        report = run.evaluation["duplicates"]
        gap = report["with_nms"]["AP"] - report["without_nms"]["AP"]
        duplicates = report["without_nms"]["duplicates_per_image"]
    except (Missing, KeyError):
        return []
    own = run.cfg.model.get("test_nms_thresh") is None
    if not report["with_nms"]["AP"] >= LITTLE_AP:
        return []
    seen = f"with {duplicates:.1f} duplicates an image."
    if gap <= MANY_POINTS:
        change = 0 - round(gap, 1)
        return [("good", f"It does without NMS: AP changes by {change:+.1f} without it, {seen}")]
    text = f"It needs NMS: without it AP is {gap:.1f} lower, {seen}"
    return [("bad" if own else "", text)]


def of_detections(run: RunFiles) -> list[Notice]:
    try:
        found = run.detections
    except Missing:
        return []
    matches, data = found.matches, found.matches.data
    if math.isnan(found.overall.threshold):
        return [("bad", "No detection is right at IoU 0.5: the detector has learnt nothing yet.")]
    said: list[Notice] = []
    matrix = confusion_matrix(matches, found.threshold)
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    said.append(
        (
            "",
            f"At the best threshold, {found.threshold:.3f}, it finds "
            f"{found.overall.recall:.0f}% of the objects and {found.overall.precision:.0f}% of its "
            f"detections are right. It misses {count_of(int(matrix[:-1, -1].sum()), 'object')}, "
            f"takes {between.sum():,} for another class, and sees {matrix[-1].sum():,} where "
            "nothing is.",
        )
    )
    if between.any() and len(data.class_names) > 1:
        i, j = np.unravel_index(between.argmax(), between.shape)
        said.append(
            (
                "",
                f"The most frequent confusion: {data.class_names[i]} detected as "
                f"{data.class_names[j]}, {count_of(int(between[i, j]), 'time')}.",
            )
        )
    ap = 100 * class_means(found.precision)
    if np.isfinite(ap).sum() > 1:
        low, high = int(np.nanargmin(ap)), int(np.nanargmax(ap))
        said.append(
            (
                "",
                f"The weakest class is {data.class_names[low]} (AP {ap[low]:.1f}), the strongest "
                f"{data.class_names[high]} (AP {ap[high]:.1f}).",
            )
        )
    empty = np.flatnonzero(objects_per_class(matches) == 0)
    if len(empty):
        names = ", ".join(data.class_names[k] for k in empty[:5].tolist())
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        said.append(("bad", f"Without an object in this data, so not judged: {names}{more}."))
    shown = matches.at(found.threshold)
    scores, right = data.scores[shown], matches.right[shown]
    distance = float(scores.mean() - right.mean())
    if reliability(scores, right).expected_error() > UNCALIBRATED:
        what = "high" if distance > 0 else "low"
        said.append(
            (
                "",
                f"Scores are too {what} to be read as probabilities: {scores.mean():.2f} on "
                f"average above the threshold, where {right.mean():.0%} are right.",
            )
        )
    return said
