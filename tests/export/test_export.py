"""Files of detectors that have every part: they answer as the detector does, for images of any
size."""

import json

import pytest
import torch
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, tiny_head
from torch import nn

from dual_weighting.export import ExportableDetector
from dual_weighting.export.check import Difference, compare
from dual_weighting.export.program import ProgramRunner, record, save_program
from dual_weighting.modeling import AnchorDeltas, BoxRefinement, DeformConv2d

SIZES = [(64, 96), (17, 40), (131, 70)]


def lively(model):
    """The detector with weights that detect many things in noise, and shift what they can shift."""
    for module in model.modules():
        if isinstance(module, DeformConv2d | BoxRefinement):
            nn.init.normal_(module.offset.weight, std=0.05)
    for name, std in (("cls_logits", 0.3), ("cls_score", 0.3), ("controller", 0.3)):
        if hasattr(model.head, name):
            nn.init.normal_(getattr(model.head, name).weight, std=std)
    return model.eval()


def dcn_with_refinement(**kwargs):
    refinement = BoxRefinement(in_channels=32)
    return tiny_detector(head=tiny_head(deformable=True, box_refinement=refinement), **kwargs)


MODELS = {
    "plain": lambda: tiny_detector(),
    "dcn": lambda: tiny_detector(head=tiny_head(deformable=True)),
    "refine": lambda: tiny_detector(head=tiny_head(box_refinement=BoxRefinement(in_channels=32))),
    "DCN, refinement, NMS": dcn_with_refinement,
    "DCN, refinement, no NMS": lambda: dcn_with_refinement(test_nms_thresh=None),
    "anchors": lambda: tiny_detector(head=tiny_head(box_form=AnchorDeltas(), box_bias=0.0)),
    "FCOS": lambda: tiny_fcos(test_score_thresh=0.05),
    "masks": tiny_condinst,
    "masks, NMS": lambda: tiny_condinst(test_nms_thresh=0.6),
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
    assert not found.is_large and found.detections > 50, found


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


@pytest.fixture(scope="module", params=["DCN, refinement, NMS", "masks"])
def recorded(request):
    model = lively(MODELS[request.param]())
    exportable = ExportableDetector(model)
    return model, exportable, record(exportable)


def test_program(recorded, tmp_path):
    model, exportable, program = recorded
    save_program(program, tmp_path / "model.pt2", {"classes": '["cat"]'})
    assert_same(difference(model, ProgramRunner(tmp_path / "model.pt2", exportable.output_names)))
    texts = {"classes": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=texts)
    assert json.loads(texts["classes"]) == ["cat"]


def test_onnx(recorded, tmp_path):
    pytest.importorskip("onnxruntime")
    from dual_weighting.export.onnx_file import OnnxRunner, operators, quantize, write_onnx

    model, exportable, program = recorded
    file = tmp_path / "model.onnx"
    write_onnx(program, file, output_names=exportable.output_names, metadata={"classes": '["cat"]'})
    runner = OnnxRunner(file)
    assert_same(difference(model, runner))
    assert ("NonMaxSuppression" in operators(file)) == (model.test_nms_thresh is not None)
    assert runner.session.get_modelmeta().custom_metadata_map["classes"] == '["cat"]'

    black = torch.zeros(40, 50, 3, dtype=torch.uint8)
    nothing = {name: x.shape for name, x in runner(black).items()}
    if model.test_nms_thresh is None:
        quantize(file, tmp_path / "small.onnx")
        assert (tmp_path / "small.onnx").stat().st_size < 0.5 * file.stat().st_size
        assert nothing["boxes"][1:] == (4,)
