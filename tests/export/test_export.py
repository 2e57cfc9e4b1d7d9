"""Files of detectors that have every part: they answer as the detector does, for images of any
size."""

import argparse
import json
import logging
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commands.tiny_project import write_tiny_project
from PIL import Image
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, tiny_head
from torch import nn

from dual_weighting import Predictor
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import load_config
from dual_weighting.demo.demo import demo_command
from dual_weighting.engine.evaluation import Evaluation
from dual_weighting.export import ExportableDetector
from dual_weighting.export.check import Difference, compare
from dual_weighting.export.description import Description
from dual_weighting.export.onnx_file import OnnxRunner, operators, write_onnx
from dual_weighting.export.program import ProgramRunner, record, save_program
from dual_weighting.export.wrapper import OUTPUTS
from dual_weighting.modeling import AnchorDeltas, BoxRefinement, DeformConv2d

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_detect.py"
CLASSES = ["cat", "dog", "cow"]
SIDES = ("width", "height")
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


def everything(num_classes=3):
    settings = {"num_classes": num_classes, "test_nms_thresh": 0.6, "norm": "FrozenBN"}
    return tiny_condinst(deformable_and_refined(), **settings)


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
    model.test_score_thresh = 1.0
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


@pytest.fixture(scope="module")
def onnx_file(recorded, tmp_path_factory) -> Path:
    pytest.importorskip("onnxruntime", minversion="1.25")  # deformable convolutions
    exportable, program = recorded
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    about = Description(CLASSES, "RGB", 70, 200, True, exportable.detector.test_score_thresh, 0.6)
    write_onnx(program, file, output_names=exportable.output_names, metadata=about.texts())
    return file


def test_onnx(recorded, onnx_file):
    exportable, _ = recorded
    assert_same(difference(exportable.detector, OnnxRunner(onnx_file)))
    assert {"NonMaxSuppression", "DeformConv", "GridSample"} < operators(onnx_file)


def test_the_example(onnx_file, tmp_path):
    """It enlarges an image of 70 x 35 to 140 x 70, and finds the boxes of that one, in halves of
    its pixels."""
    image = noise((70, 35)).numpy()
    Image.fromarray(image).save(tmp_path / "image.png")
    run = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    run += "; assert 'torch' not in sys.modules"
    files = onnx_file, tmp_path / "image.png", tmp_path / "drawn.png"
    example = subprocess.run(
        [sys.executable, "-c", run, EXAMPLE, *files],
        capture_output=True,
        text=True,
    )
    assert example.returncode == 0, example.stderr
    enlarged = np.array(Image.fromarray(image).resize((70, 140), Image.Resampling.BILINEAR))
    found = OnnxRunner(onnx_file)(torch.from_numpy(enlarged))
    shown = [
        f"{CLASSES[k]} {score:.2f} at {', '.join(str(round(x / 2)) for x in box)}"
        for box, score, k in zip(*(found[name].tolist() for name in OUTPUTS), strict=True)
        if score > 0.3
    ]
    *found, summary = example.stdout.splitlines()
    assert found == shown and shown
    assert summary.startswith(f"{len(shown)} detections of score 0.3 or more, drawn in ")
    assert (np.array(Image.open(tmp_path / "drawn.png")) != image).any()


CONFIG = """
from detectron2.data import transforms as T
from export.test_export import everything

model = L(everything)(num_classes=3)
dataloader["test"].batch_size = 8
resize = L(T.ResizeShortestEdge)(short_edge_length=70, max_size=200)
dataloader["test"].mapper.augmentations = [resize]
dataloader["evaluator"].tasks = ("bbox",)
"""
FILES = {  # width and height
    "portrait.png": (90, 160), "landscape.png": (160, 90), "small.png": (23, 17),
    "odd.jpg": (131, 77), "thin.png": (31, 240), "large.png": (401, 333), "as small.png": (23, 18),
}  # fmt: skip


@pytest.fixture
def mixed_sizes(recorded, tmp_path) -> tuple[Path, list[Path], Path]:
    """A config whose test images have many sizes, these, one of them on its side, and weights."""
    config = write_tiny_project(tmp_path, name="mixed_sizes", images=0)
    config.write_text(config.read_text() + CONFIG)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    content = {"categories": [{"id": 7 + k, "name": x} for k, x in enumerate(CLASSES)]}
    for key in ("images", "annotations"):
        content[key] = []
    for k, (name, (width, height)) in enumerate(FILES.items(), start=1):
        turned = name == "odd.jpg"
        image = Image.fromarray(noise((height, width), seed=k).numpy())
        image.save(tmp_path / name, **({"exif": exif} if turned else {}))
        size = (height, width) if turned else (width, height)
        content["images"].append({"id": k, "file_name": name} | dict(zip(SIDES, size, strict=True)))
        box = {"bbox": [1, 1, 9, 9], "area": 81, "iscrowd": 0}
        content["annotations"].append({"id": k, "image_id": k, "category_id": 7, **box})
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    Checkpointer(recorded[0].detector, str(tmp_path)).save("weights")
    return config, [tmp_path / name for name in FILES], tmp_path / "weights.pth"


def test_demo_predictor_evaluation_and_onnx_agree(mixed_sizes, onnx_file, tmp_path):
    """In 1e-4 of a score and 0.05 pixel, on every image, whatever runs together."""
    config, files, weights = mixed_sizes
    found = {"predictor": [], "onnx": []}
    for output in Predictor(config, weights, device="cpu")(files):
        instances = output["instances"]
        fields = instances.pred_boxes.tensor, instances.scores, instances.pred_classes
        found["predictor"].append(dict(zip(OUTPUTS, fields, strict=True)))
    example = runpy.run_path(str(EXAMPLE))
    detector = example["Detector"](str(onnx_file))
    for file in files:
        arrays = map(torch.from_numpy, detector(example["read"](str(file))))
        found["onnx"].append(dict(zip(OUTPUTS, arrays, strict=True)))

    options = {"config_file": str(config), "checkpoint": weights, "json": tmp_path / "demo.json"}
    options |= {"inputs": list(map(str, files)), "score_threshold": 0.0, "batch_size": 3}
    options |= {"run": None, "webcam": None, "output": None, "device": "cpu", "half": False}
    demo_command(argparse.Namespace(**options))
    found["demo"] = from_coco(tmp_path / "demo.json")

    cfg = load_config(str(config))
    alone = Predictor(cfg, weights, device="cpu", batch_size=1)
    Evaluation(cfg, alone.model)()
    found["evaluation"] = from_coco(tmp_path / "output/inference/coco_instances_results.json")

    for k, file in enumerate(files):
        expected = alone(file)["instances"]
        for way, results in found.items():
            assert len(results[k]["scores"]) == len(expected) > 10
            limits = {"score_thresh": alone.model.test_score_thresh, "limit": len(expected)}
            result = compare(expected, {n: x.float() for n, x in results[k].items()}, **limits)
            assert result.unmatched == 0, (way, file)
            assert result.score < 1e-4 and result.box < 0.05, (way, file, str(result))


def from_coco(file: Path) -> list[dict[str, torch.Tensor]]:
    """Detections of each image by their file in COCO's result format."""
    found = [[] for _ in FILES]
    for x in json.loads(file.read_text()):
        left, top, width, height = x["bbox"]
        box = [left, top, left + width, top + height]
        found[x["image_id"] - 1].append((box, x["score"], x["category_id"] - 7))
    return [dict(zip(OUTPUTS, map(torch.tensor, zip(*x, strict=True)), strict=True)) for x in found]
