"""From a checkpoint to a file that is checked."""

import argparse
import json
from pathlib import Path

import pytest
import torch
from commands.run import run_here
from detectron2.config import instantiate

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.cli import export
from dual_weighting.config.load import load_config
from dual_weighting.export.onnx_file import OnnxRunner, operators
from dual_weighting.utils.errors import UserError


@pytest.fixture(scope="module")
def checkpoint(tiny_config, tmp_path_factory):
    """Random weights that detect many things."""
    torch.manual_seed(0)
    model = instantiate(load_config(str(tiny_config)).model)
    torch.nn.init.normal_(model.head.cls_logits.weight, std=0.5)
    folder = tmp_path_factory.mktemp("weights")
    Checkpointer(model, str(folder)).save("model_final")
    return folder / "model_final.pth"


@pytest.fixture
def arguments(tiny_config, checkpoint, tmp_path):
    return argparse.Namespace(
        config_file=str(tiny_config),
        checkpoint=str(checkpoint),
        format="onnx",
        output=tmp_path / "model.onnx",
        image=[],
        overrides=[],
    )


def test_command(tiny_config, checkpoint, tmp_path):
    pytest.importorskip("onnxruntime")
    file = tmp_path / "model.onnx"
    result = run_here(
        export, "--config-file", tiny_config, "--checkpoint", checkpoint, "--output", file,
        "--image", tiny_config.parent / "000.png", "model.test_nms_thresh=null",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    exported, checked, latency = result.stdout.splitlines()
    assert str(file) in exported and "largest difference: boxes" in checked
    assert "PyTorch" in latency and "ONNX Runtime" in latency

    assert "NonMaxSuppression" not in operators(file)
    texts = OnnxRunner(file).session.get_modelmeta().custom_metadata_map
    assert {name: json.loads(text) for name, text in texts.items()} == {
        "classes": ["red", "green"],
        "image_format": "RGB",
        "min_size": 0,
        "max_size": 0,
        "antialias": True,
        "score_threshold": 0.01,
        "nms_threshold": None,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"output": Path("model.pt")}, r"--output model.pt must end with .onnx"),
        ({"image": ["none.png"]}, "none.png cannot be read"),
    ],
)
def test_errors(arguments, changes, sentence):
    pytest.importorskip("onnxruntime")
    with pytest.raises(UserError, match=sentence):
        export.export_command(argparse.Namespace(**{**vars(arguments), **changes}))


def test_a_missing_package(arguments, monkeypatch):
    monkeypatch.setattr(
        "dual_weighting.export.onnx_file.find_spec", lambda name: None if name == "onnx" else name
    )
    with pytest.raises(UserError, match=r"ONNX needs onnx, which is not installed: run pip"):
        export.export_command(arguments)


def test_another_answer_is_an_error(arguments, monkeypatch):
    """The runner moves every box by half a pixel."""

    def moving(predictor, cfg, kind, file):
        file.touch()

        def run(image):
            (found,) = predictor.detect([{"image": image.permute(2, 0, 1)}])
            boxes = found.pred_boxes.tensor + 0.5
            return {"boxes": boxes, "scores": found.scores, "classes": found.pred_classes}

        return run

    monkeypatch.setattr(export, "check_packages", lambda: None)
    monkeypatch.setattr(export, "export", moving)
    with pytest.raises(UserError, match="exported file"):
        export.export_command(arguments)
