"""The head of a report: summary, key numbers and notices."""

import math

import numpy as np
from omegaconf import OmegaConf

from dual_weighting.report.page import count_of, duration, number
from dual_weighting.report.run import Missing, RunFiles, get
from dual_weighting.report.training import value_text

Notice = tuple[str, str]  # "good", "bad" or "", and a sentence

MANY_POINTS = 1.0  # of AP, from which a difference is worth a word
LITTLE_AP = 5.0  # below it nothing else is worth a word
UNCALIBRATED = 0.1  # between score and precision


def lead(run: RunFiles) -> str:
    """A summary of the model, its training and its evaluation."""

    def select(key: str) -> str:
        return value_text(OmegaConf.select(run.cfg, key))

    model = select("model")
    if OmegaConf.select(run.cfg, "model.scheme") is not None:
        model += f" with the assignment scheme {select('model.scheme')}"
    trained = f"{model}, not trained in this folder."
    if run.num_iterations:
        trained = (
            f"{model}, trained on {select('dataloader.train.dataset.names')} for "
            f"{count_of(run.num_iterations, 'step')} of "
            f"{count_of(run.cfg.dataloader.train.total_batch_size, 'image')}."
        )
    amounts = ""
    if found := get(lambda: run.diagnosis, None):
        amounts = (
            f": {count_of(len(found.truth.file_names), 'image')}, "
            f"{count_of(len(found.objects), 'object')} of "
            f"{count_of(len(found.truth.class_names), 'class', 'classes')}"
        )
    try:
        return f"{trained} Evaluated on {run.dataset_name}{amounts}."
    except Missing as reason:
        return f"{trained} {reason}"


def figures(run: RunFiles) -> list[tuple[str, str, str]]:
    """Key numbers as name, value and remark, most important first."""
    boxes, masks = run.numbers("bbox"), run.numbers("segm")
    names = ("AP50", "AP75") if "AP50" in boxes else tuple(n for n in boxes if n != "AP")[:3]
    found = [
        (name, number(boxes[name]), "boxes, percent") for name in ("AP", *names) if name in boxes
    ]
    if masks:
        found.append(("AP of masks", number(masks.get("AP", math.nan)), "percent"))
    if report := get(lambda: run.evaluation["duplicates"], None):
        other = "without" if run.has_nms else "with"
        about = f"{report['without_nms']['duplicates_per_image']:.2f} duplicates per image without"
        found.append((f"AP {other} NMS", number(report[f"{other}_nms"]["AP"]), about))
    if point := get(lambda: run.diagnosis.overall, None):
        found.append(("best F1", number(point.f1), f"at score {number(point.threshold, 3)}"))
    if run.num_iterations:
        about = f"{count_of(run.num_iterations, 'step')}, without evaluation"
        found.append(("training time", duration(run.training_seconds), about))
    return found


def notices(run: RunFiles) -> list[Notice]:
    """What an expert would notice first about these numbers."""
    found = [*of_training(run), *of_nms(run), *get(lambda: of_detections(run), [])]
    if not found:
        raise Missing("There is neither a training nor an evaluation in this folder.")
    return found


def of_training(run: RunFiles) -> list[Notice]:
    found: list[Notice] = []
    losses = run.metrics.get("total_loss")
    if losses is not None and not np.isfinite(losses[1]).all():
        found.append(("bad", "The loss was not finite at some steps."))
    planned = OmegaConf.select(run.cfg, "train.max_iter")
    if run.num_iterations and planned and run.num_iterations < planned:
        text = f"Training ended after {run.num_iterations:,} of {planned:,} steps."
        found.append(("bad", text))
    iterations, ap = run.metrics.get("bbox/AP", (np.zeros(0), np.zeros(0)))
    if np.isfinite(ap).any():
        best = int(np.nanargmax(ap))
        if ap[-1] < LITTLE_AP:
            found.append(("bad", f"AP is {ap[-1]:.1f}: the detector has hardly learned."))
        if ap[best] - ap[-1] > MANY_POINTS:
            text = (
                f"AP was highest, {ap[best]:.1f}, at step {int(iterations[best]):,}; the last one "
                f"is {ap[-1]:.1f}."
            )
            found.append(("bad", text))
    return found


def of_nms(run: RunFiles) -> list[Notice]:
    report = get(lambda: run.evaluation["duplicates"], None)
    if report is None or not report["with_nms"]["AP"] >= LITTLE_AP:
        return []
    gap = report["with_nms"]["AP"] - report["without_nms"]["AP"]
    seen = f"with {report['without_nms']['duplicates_per_image']:.1f} duplicates per image."
    if gap <= MANY_POINTS:
        change = 0 - round(gap, 1)
        return [("good", f"It does not need NMS: AP changes by {change:+.1f} without it, {seen}")]
    text = f"It needs NMS: without it AP is {gap:.1f} lower, {seen}"
    return [("" if run.has_nms else "bad", text)]


def of_detections(run: RunFiles) -> list[Notice]:
    found, names = run.diagnosis, run.diagnosis.truth.class_names
    if math.isnan(found.overall.threshold):
        return [("bad", "No detection is right at IoU 0.5: the detector has learned nothing yet.")]
    matrix = found.confusion
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    texts = [
        f"At the best threshold, {found.threshold:.3f}, it finds {found.overall.recall:.0f}% of "
        f"the objects and {found.overall.precision:.0f}% of its detections are right. It misses "
        f"{count_of(int(matrix[:-1, -1].sum()), 'object')}, confuses the class of "
        f"{between.sum():,}, and detects {matrix[-1].sum():,} in the background."
    ]
    if between.any():
        i, j = np.unravel_index(between.argmax(), between.shape)
        texts.append(
            f"The most frequent confusion: {names[i]} detected as {names[j]}, "
            f"{count_of(int(between[i, j]), 'time')}."
        )
    ap = found.ap_per_class
    if np.isfinite(ap).sum() > 1:
        low, high = int(np.nanargmin(ap)), int(np.nanargmax(ap))
        texts.append(
            f"The weakest class is {names[low]} (AP {ap[low]:.1f}), the strongest {names[high]} "
            f"(AP {ap[high]:.1f})."
        )
    scores, right = found.counted.scores[found.shown], found.right[found.shown]
    distance = float(scores.mean() - right.mean())
    if abs(distance) > UNCALIBRATED:
        texts.append(
            f"Scores are too {'high' if distance > 0 else 'low'} to be read as probabilities: "
            f"{scores.mean():.2f} on average above the threshold, where {right.mean():.0%} are "
            "right."
        )
    result: list[Notice] = [("", text) for text in texts]
    empty = np.flatnonzero(found.objects_per_class == 0)
    if len(empty):
        few = ", ".join(names[k] for k in empty[:5].tolist())
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        result.append(("bad", f"Not evaluated, for lack of objects in this data: {few}{more}."))
    return result
