"""Runs whose names are markup, and runs whose files are damaged."""

import json
import shutil

import pytest
from coco_files import write_annotations
from fuzz.damage import json_files, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from dual_weighting.cli.report import report_command
from dual_weighting.comparison.html import write_comparison
from dual_weighting.report import RunFiles, write_report

from .conftest import DETECTIONS, OBJECTS
from .page_text import Page

NAMES = (
    "</style><script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    "\"' onload=alert(1) style='x:expression(1)' javascript:alert(1) <!-- ]]> &lt; `",
)
TAGS = """html head meta title style body div nav ol ul li a main section header footer script p
    h1 h2 h3 table thead tbody tr th td dl dt dd figure figcaption span i strong br svg g text tspan
    path line rect circle defs use clippath image img details summary pre input label"""


def is_harmless(text: str) -> Page:
    """Nothing of the names has become markup."""
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= set(TAGS.split())
    assert page.attributes("script") == [{}] and len(page.attributes("style")) == 1
    (policy,) = [a["content"] for a in page.attributes("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'")
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert not any(name in attributes.get("style", "") for name in ("alert", "expression"))
        for name in ("src", "href", "xlink:href"):
            link = attributes.get(name, "#").lstrip()
            assert link.startswith(("#", "data:image/jpeg;", "data:image/png;"))
    return page


def test_names_that_are_markup(config, folder, tmp_path):
    write_annotations(tmp_path / "truth.json", OBJECTS, num_images=3, names=NAMES)
    content = json.loads((tmp_path / "truth.json").read_text())
    for image, name in zip(content["images"], NAMES, strict=True):
        image["file_name"] = name
    (tmp_path / "truth.json").write_text(json.dumps(content))
    evil = tmp_path / NAMES[1].replace("/", "_")
    shutil.copytree(folder, evil)
    metrics = {
        "iteration": 41,
        "loss_" + NAMES[0]: 1.0,
        "assignment/positives_level_" + NAMES[1]: 1,
    }
    with (evil / "metrics.json").open("a") as file:
        file.write(json.dumps(metrics) + "\n")
    evaluation = json.loads((evil / "evaluation.json").read_text())
    evaluation["bbox"][NAMES[2].replace("-", "")] = 5.0
    evaluation["segm"] = {NAMES[0]: 1.0}
    (evil / "evaluation.json").write_text(json.dumps(evaluation))
    row = f"Python           {NAMES[0]}\n{NAMES[1].replace(' ', '_')}    1"
    log = (evil / "log.txt").read_text().replace("Python           3.11.7 (main)", row)
    (evil / "log.txt").write_text(log)
    cfg = OmegaConf.merge(
        config,
        {
            "datasets": [{**config.datasets[0], "name": NAMES[0], "thing_classes": list(NAMES)}],
            "model": {"_target_": NAMES[0], "scheme": {"_target_": NAMES[1]}, NAMES[2]: NAMES[0]},
            "dataloader": {
                "train": {"dataset": {"names": NAMES[0]}},
                "evaluator": {"dataset_name": NAMES[0]},
            },
            "train": {"init_checkpoint": NAMES[2], "seed": NAMES[1]},
        },
    )
    OmegaConf.save(cfg, evil / "config.yaml")
    page = is_harmless(write_report(RunFiles(cfg, evil)).read_text(encoding="utf-8"))
    for section, name in {"head": 1, "confusion": 0, "classes": 0, "images": 0, "ap": 2}.items():
        assert NAMES[name][:20] in page.sections[section], section
    assert NAMES[0] in page.sections["settings"] and NAMES[2] in page.sections["settings"]
    runs = [RunFiles(config, folder), RunFiles(cfg, evil)]
    page = is_harmless(write_comparison(runs, tmp_path / "c.html").read_text(encoding="utf-8"))
    assert NAMES[1].replace("/", "_") in page.sections["head"]


EVALUATION = {
    "bbox": {"AP": 41.5, "AP50": 60.0, "AP75": 40.0, "AP-cat": 1.0},
    "duplicates": {
        way: {"AP": 41.5, "duplicates_per_image": 0.25, "f1": 66.7, "threshold": 0.7,
              "precision": 60.0, "recall": 50.0}
        for way in ("with_nms", "without_nms")
    },
}  # fmt: skip
METRICS = {"iteration": 39, "total_loss": 1.0, "loss_cls": 1.0, "lr": 0.1, "time": 0.5,
           "bbox/AP": 41.5}  # fmt: skip
RESULTS = [
    {"image_id": n + 1, "category_id": 10 * (k + 1), "bbox": list(box), "score": score}
    for n, k, box, score in DETECTIONS
]
RESULTS_FILE = "inference/coco_instances_results.json"
FILES = {
    "evaluation.json": EVALUATION,
    "metrics.json": METRICS,
    RESULTS_FILE: RESULTS,
    "log.txt": ["Environment info:\n---- -----\na  b\n"],
    "assignment/iteration_0000040.png": ["no picture"],
}


@pytest.fixture
def sound(config, folder):
    for name in ("optimizer", "lr_multiplier"):
        config[name] = {}
    OmegaConf.save(config, folder / "config.yaml")
    return {name: (folder / name).read_bytes() for name in FILES}


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_damaged_files_are_no_obstacle(sound, folder, name, data):
    """The report says what it cannot show, and shows the rest."""
    content = data.draw(json_files(FILES[name]))
    try:
        (folder / name).write_bytes(content + b"\n")
        code, sentence = outcome_of(report_command, runs=[str(folder)], output=None)
        assert (code, sentence) == (0, "")
        page = is_harmless((folder / "report.html").read_text(encoding="utf-8"))
        if name != "evaluation.json":
            assert "41.5" in page.sections["ap"]
        if name != RESULTS_FILE:
            assert "cat & dog" in page.sections["classes"]
        if name != "metrics.json":
            assert "Losses" in page.sections["training"]
    finally:
        (folder / name).write_bytes(sound[name])
