"""The examples for other people's libraries, run on a detector that finds something."""

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from commands.tiny_project import write_tiny_project
from detectron2.config import instantiate

from dual_weighting import Predictor
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import load_config

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Config, checkpoint and an image of four others; a detector that knows the squares."""
    folder = tmp_path_factory.mktemp("project")
    config = write_tiny_project(folder, name="tiny_of_test_examples")
    cfg = load_config(str(config))
    torch.manual_seed(0)
    model = instantiate(cfg.model)
    torch.nn.init.normal_(model.head.cls_logits.weight, std=0.5)
    Checkpointer(model, str(folder)).save("model_final")
    images = [cv2.imread(str(folder / f"{k:03d}.png")) for k in range(4)]
    rows = [np.hstack(images[:2]), np.hstack(images[2:])]
    cv2.imwrite(str(folder / "four.png"), np.vstack(rows))
    return config, folder / "model_final.pth", folder / "four.png"


def run(example, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [example, *map(str, arguments)])
    return runpy.run_path(str(EXAMPLES / example))


def test_supervision(project, monkeypatch, tmp_path, capsys):
    pytest.importorskip("supervision")
    names = run("supervision_annotate.py", monkeypatch, *project, tmp_path / "drawn.png")
    found = Predictor(*project[:2])(project[2])["instances"]
    count = int((found.scores >= 0.3).sum())
    assert count > 0 and f"{count} detections" in capsys.readouterr().out
    np.testing.assert_allclose(names["detections"].xyxy, found.pred_boxes.tensor[:count])
    assert {label.split()[0] for label in names["labels"]} <= {"red", "green"}
    drawn, image = cv2.imread(str(tmp_path / "drawn.png")), cv2.imread(str(project[2]))
    assert drawn.shape == image.shape and (drawn != image).any()


def test_sahi(project, monkeypatch, tmp_path, capsys):
    """The best detection is that of all slices, cut by hand, and of the image as a whole."""
    slicing = pytest.importorskip("sahi.slicing")
    names = run("sahi_slices.py", monkeypatch, *project, tmp_path / "drawn.png", 64)
    results = names["result"].object_prediction_list
    assert results and f"{len(results)} detections" in capsys.readouterr().out
    assert {x.category.name for x in results} <= {"red", "green"}
    assert (tmp_path / "drawn.png").is_file()
    image = cv2.imread(str(project[2]))
    boxes = slicing.get_slice_bboxes(128, 128, 64, 64)
    slices = [np.ascontiguousarray(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in boxes]
    predict = Predictor(*project[:2])
    best = max(predict(x)["instances"].scores.max().item() for x in (image, *slices))
    assert len(slices) == 9
    assert max(x.score.value for x in results) == pytest.approx(best, rel=1e-4)
