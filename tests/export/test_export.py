"""Files of detectors that have every part: they answer as the detector does, for images of any
size."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, tiny_head
from torch import nn

from dual_weighting.export import ExportableDetector
from dual_weighting.export.check import Difference, compare
from dual_weighting.export.description import Description
from dual_weighting.export.onnx_file import OnnxRunner, operators, write_onnx
from dual_weighting.export.program import ProgramRunner, record, save_program
from dual_weighting.export.wrapper import OUTPUTS
from dual_weighting.modeling import AnchorDeltas, BoxRefinement, DeformConv2d

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_detect.py"
SIZES = [(64, 96), (17, 40), (131, 70)]


def lively(model):
    """The detector with weights that detect many things in noise, and shift what they can shift."""
    for module in model.modules():
        if isinstance(module, DeformConv2d | BoxRefinement):
            nn.init.normal_(module.offset.weight, std=0.05)
    for name, std in (("cls_logits", 0.3), ("cls_score", 0.3), ("controller", 0.05)):
        if hasattr(model.head, name):
            nn.init.normal_(getattr(model.head, name).weight, std=std)
    return model.eval()


def deformable_and_refined():
    return {"deformable": True, "box_refinement": BoxRefinement(in_channels=32)}


def everything():
    return tiny_condinst(deformable_and_refined(), test_nms_thresh=0.6, norm="FrozenBN")


MODELS = {
    "DW": tiny_detector,
    "DW, DCN, refinement": lambda: tiny_detector(head=tiny_head(**deformable_and_refined())),
    "no NMS": lambda: tiny_detector(test_nms_thresh=None),
    "anchors": lambda: tiny_detector(head=tiny_head(box_form=AnchorDeltas(), box_bias=0.0)),
    "FCOS": lambda: tiny_fcos(test_score_thresh=0.05),
    "masks": tiny_condinst,
    "everything": everything,
}


@pytest.fixture(params=MODELS)
def model(request):
    return lively(MODELS[request.param]())


def noise(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*size, 3), generator=generator, dtype=torch.uint8)


@torch.no_grad()
def difference(model, runner, sizes=SIZES):
    """The largest one on noise."""
    total = Difference()
    for image in map(noise, sizes):
        (output,) = model([{"image": image.permute(2, 0, 1)}])
        found = runner(image)
        total += compare(
            output["instances"],
            found,
            score_thresh=model.test_score_thresh,
            limit=model.max_detections_per_image,
        )
        assert (found["scores"].diff() <= 0).all()
        assert len(found["boxes"]) == len(output["instances"])
    return total


def named(exportable):
    """Its outputs by name."""
    return lambda image: dict(zip(exportable.output_names, exportable(image), strict=True))


def assert_same(found):
    assert not found.is_large and found.detections > 20, found


def test_the_wrapper_is_the_detector(model):
    assert_same(difference(model, named(ExportableDetector(model))))


def test_limits_and_thresholds_of_the_detector(model):
    """All of them matter here."""
    exportable = ExportableDetector(model)
    many = len(exportable(noise(SIZES[0]))[1])
    model.test_topk_candidates, model.max_detections_per_image = 30, 40
    few = len(exportable(noise(SIZES[0]))[1])
    assert few <= 40 and few < many
    difference(model, named(exportable))
    model.test_score_thresh = 0.999
    assert len(exportable(noise(SIZES[0]))[1]) == 0


@pytest.fixture(scope="module")
def recorded():
    """All parts in one model, because torch.export is slow."""
    exportable = ExportableDetector(lively(everything()))
    logging.disable(logging.DEBUG)  # pytest would make torch write down its every thought
    yield exportable, record(exportable)
    logging.disable(logging.NOTSET)


def test_program(recorded, tmp_path):
    exportable, program = recorded
    save_program(program, tmp_path / "model.pt2", {"classes": '["cat"]'})
    runner = ProgramRunner(tmp_path / "model.pt2", exportable.output_names)
    assert_same(difference(exportable.detector, runner, sizes=[(64, 96), (131, 70)]))
    texts = {"classes": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=texts)
    assert json.loads(texts["classes"]) == ["cat"]


def test_onnx_and_its_example(recorded, tmp_path):
    """The example enlarges an image of 70 x 35 to 140 x 70, and finds the boxes of that one, in
    halves of its pixels."""
    pytest.importorskip("onnxruntime")
    exportable, program = recorded
    file = tmp_path / "model.onnx"
    about = Description(
        ["cat", "dog", "cow"], "RGB", 70, 200, exportable.detector.test_score_thresh, 0.6
    )
    write_onnx(program, file, output_names=exportable.output_names, metadata=about.texts())
    runner = OnnxRunner(file)
    assert_same(difference(exportable.detector, runner))
    assert {"NonMaxSuppression", "DeformConv", "GridSample"} < operators(file)

    image = noise((70, 35)).numpy()
    cv2.imwrite(str(tmp_path / "image.png"), image[:, :, ::-1])
    run = "import runpy, sys; runpy.run_path(sys.argv.pop(1)); assert 'torch' not in sys.modules"
    example = subprocess.run(
        [sys.executable, "-c", run, EXAMPLE, file, tmp_path / "image.png", tmp_path / "drawn.png"],
        capture_output=True,
        text=True,
    )
    assert example.returncode == 0, example.stderr
    found = runner(torch.from_numpy(cv2.resize(image, (70, 140))))
    shown = [
        f"{about.classes[k]} {score:.2f} at {', '.join(str(round(x / 2)) for x in box)}"
        for box, score, k in zip(*(found[name].tolist() for name in OUTPUTS), strict=True)
        if score > 0.3
    ]
    *found, summary = example.stdout.splitlines()
    assert found == shown and shown
    assert summary.startswith(f"{len(shown)} detections of score 0.3 or more, drawn in ")
    assert (cv2.imread(str(tmp_path / "drawn.png"))[:, :, ::-1] != image).any()
