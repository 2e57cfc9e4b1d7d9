import json
import shutil

import cv2
import numpy as np
import pytest
from coco_files import write_results
from omegaconf import OmegaConf

from dual_weighting.comparison.html import write_comparison
from dual_weighting.report import RunFiles, write_report
from dual_weighting.report.run import get, read_metrics
from dual_weighting.report.sections import SECTIONS
from dual_weighting.visualization.error_pictures import RIGHT, WRONG, error_picture

from .conftest import CLASSES
from .page_text import Page


def report(config, folder):
    file = write_report(RunFiles(config, folder))
    assert file == folder / "report.html"
    return Page(file.read_text(encoding="utf-8"))


def test_every_section_has_what_it_promises(config, folder):
    page = report(config, folder)
    assert list(page.sections) == ["head", *SECTIONS]
    expected = {
        "head": ("Detector with the assignment scheme Scheme", "40 steps of 2 images", "41.5",
                 "3 images, 3 objects of 3 classes", "AP with NMS", "44.5", "20 s"),
        "notices": ("It needs NMS: without it AP is 3.0 lower",
                    "finds 67% of the objects and 67% of its detections are right",
                    f"Not evaluated, for lack of objects in this data: {CLASSES[2]}"),
        "training": ("Losses", "Learning rate", "AP 41.5"),
        "ap": ("41.5", "60.0", "—"),
        "classes": ("best threshold", "cat & dog"),
        "confusion": ("Most often confused", "cat & dog", "background", "object not found"),
        "calibration": ("ECE", "0.9 to 1.0"),
        "nms": ("with NMS", "44.50", "0.25"),
        "images": ("The 1 image with the most errors of the 1", "1.png",
                   "1 missed, 1 wrong, 1 right"),
        "assignment": ("After 40 iterations",),
        "settings": ("3.11.7 (main)", "No: <b>none</b>", "test_nms_thresh: null"),
    }  # fmt: skip
    for section, texts in expected.items():
        for text in texts:
            assert text in page.sections[section], (section, text, page.sections[section])
    assert not any(attributes.get("class") == "missing" for _, attributes in page.elements)
    assert len(page.attributes("img")) == 2


def test_what_is_missing_is_said(config, folder):
    (folder / "evaluation.json").write_text('{"bbox": {')
    assert "not complete JSON" in report(config, folder).sections["ap"]
    for name in ("metrics.json", "evaluation.json", "log.txt"):
        (folder / name).unlink()
    shutil.rmtree(folder / "inference")
    shutil.rmtree(folder / "assignment")
    page = report(config, folder)
    assert "not trained in this folder" in page.sections["head"]
    for section, text in {
        "training": "This folder has no metrics.json",
        "ap": "evaluation.json is not in this folder",
        "classes": "This folder has no inference/coco_instances_results.json",
        "images": "This folder has no inference/coco_instances_results.json",
        "nms": "evaluation.json is not in this folder",
        "assignment": "train.assignment_snapshots",
        "settings": "This folder has no log.txt",
        "notices": "neither a training nor an evaluation",
    }.items():
        assert text in page.sections[section]


def test_an_image_and_the_annotations_that_are_gone(config, folder):
    (folder.parent / "1.png").unlink()
    assert "cannot be read (FileNotFoundError)" in report(config, folder).sections["images"]
    (folder.parent / "truth.json").unlink()
    page = report(config, folder)
    assert "truth.json does not exist" in page.sections["confusion"]


def test_colors_of_the_worst_image(config, folder):
    """Left edges of the boxes at x 10 and 60 of 100 pixels, where the picture has 480. The second
    object was detected, but as another class."""
    run = RunFiles(config, folder)
    jpeg = error_picture(run.diagnosis, 0, image_root=run.image_root)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)[..., ::-1].astype(int)
    assert np.abs(picture[144, 48] - RIGHT).max() < 60 > np.abs(picture[384, 288] - WRONG).max()
    assert np.abs(picture[144, 96] - 200).max() < 5


def test_results_of_other_data(config, folder):
    file = folder / "inference" / "coco_instances_results.json"
    row = {"image_id": 77, "category_id": 10, "bbox": [0, 0, 1, 1], "score": 0.5}
    file.write_text(json.dumps([row]))
    assert "these are not detections of the images" in report(config, folder).sections["classes"]


@pytest.mark.parametrize("detections", [[], [(2, 0, (0, 0, 5, 5), 0.5)]])
def test_nothing_was_found(config, folder, detections):
    write_results(folder / "inference" / "coco_instances_results.json", detections)
    page = report(config, folder)
    assert "No detection is right at IoU 0.5" in page.sections["notices"]
    assert "2 missed, 0 wrong, 0 right" in page.sections["images"]


def test_a_run_with_metrics_of_crowds(config, folder):
    """CrowdHuman's evaluator writes no detections in COCO's format."""
    metrics = {"AP": 80.5, "MR": 45.0, "Recall": 90.0, "JI": 77.0}
    (folder / "evaluation.json").write_text(json.dumps({"bbox": metrics}))
    shutil.rmtree(folder / "inference")
    config.dataloader.evaluator.dataset_name = "crowdhuman_val"
    page = report(config, folder)
    assert all(text in page.sections["head"] for text in ("80.5", "MR", "45.0", "crowdhuman_val"))
    assert "JI" in page.sections["ap"] and "Losses" in page.sections["training"]
    assert "in COCO's format" in page.sections["confusion"]


def test_comparison(config, folder, tmp_path):
    other_folder = tmp_path / "other" / "run"
    shutil.copytree(folder, other_folder)
    evaluation = json.loads((folder / "evaluation.json").read_text())
    evaluation["bbox"]["AP"] = 40.0
    (other_folder / "evaluation.json").write_text(json.dumps(evaluation))
    (other_folder / "log.txt").unlink()
    other = OmegaConf.merge(config, {"train": {"max_iter": 99, "output_dir": "elsewhere"}})
    runs = [RunFiles(config, folder), RunFiles(other, other_folder)]
    page = Page(write_comparison(runs, tmp_path / "new" / "c.html").read_text(encoding="utf-8"))
    assert "other/run" in page.sections["head"] and "-1.5" in page.sections["head"]
    assert "-1.5" in page.sections["ap"] and "cat & dog" in page.sections["classes"]
    assert "1 value differs" in page.sections["config"]
    assert "train.max_iter" in page.sections["config"] and "99" in page.sections["config"]
    assert "PyTorch" in page.sections["versions"]
    assert {"curves", "precision", "nms"} <= set(page.sections)


def test_runs_of_different_data_do_not_compare(config, folder, tmp_path):
    other = OmegaConf.merge(config, {"dataloader": {"evaluator": {"dataset_name": "digits_val"}}})
    runs = [RunFiles(config, folder), RunFiles(other, tmp_path)]
    page = Page(write_comparison(runs, tmp_path / "c.html").read_text(encoding="utf-8"))
    assert "do not compare" in page.sections["head"]


def test_metrics_are_sorted_and_the_later_line_counts(tmp_path):
    """Lines cut short and values that are no numbers are passed over."""
    lines = [
        {"iteration": 20, "total_loss": 2.0},
        {"iteration": 0, "total_loss": 3.0, "note": "text", "flag": True, "huge": 10**400},
        {"iteration": 20, "total_loss": 7.0},
        {"iteration": 99, "bbox/AP": 41.25},
    ]
    file = tmp_path / "metrics.json"
    text = "".join(json.dumps(line) + "\n" for line in lines)
    file.write_text(text + '[1]\n{"iteration": 40, "total_l')
    metrics = read_metrics(file)
    del metrics["iteration"]
    assert {name: (i.tolist(), v.tolist()) for name, (i, v) in metrics.items()} == {
        "total_loss": ([0, 20], [3.0, 7.0]), "bbox/AP": ([99], [41.25])
    }  # fmt: skip
    assert get(lambda: read_metrics(tmp_path / "nowhere.json"), "missing") == "missing"
