"""Training, validation, several processes, detection and export where there is a GPU."""

import json
import math
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from commands.run import command
from commands.tiny_training import rows_of
from detectron2.structures import BitMasks
from detectron2.utils import comm
from export.test_export import MODELS, lively, noise
from on_gpu import DEVICE, NEEDS_GPU
from tiny_detector import tiny_condinst, tiny_detector, tiny_fcos, training_image
from torch.nn.parallel import DistributedDataParallel

from dual_weighting import Predictor
from dual_weighting.engine.trainer import Trainer
from dual_weighting.export import ExportableDetector
from dual_weighting.export.check import compare
from dual_weighting.export.program import record

pytestmark = NEEDS_GPU
ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "configs" / "Digits"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """DETECTRON2_DATASETS with Digits."""
    root = tmp_path_factory.mktemp("datasets")
    made = command(
        *("--root", root / "digits", "--num-train", 400, "--num-val", 60),
        script=ROOT / "tools" / "prepare_digits.py",
    )
    assert made.returncode == 0, made.stderr
    return root


OPTIONS = {
    "dw": (
        *("train.amp.enabled=True", "train.amp.dtype=float16", "train.clip_grad_norm=10"),
        *("train.ema.enabled=True", "train.ema.decay=0.9"),
    ),
    "fcos": ("train.amp.enabled=True", "train.amp.dtype=bfloat16"),
}


@pytest.fixture(scope="module", params=OPTIONS)
def trained(request, data, tmp_path_factory) -> tuple[Path, Path]:
    """Config and output folder of a short training on the GPU."""
    config = DIGITS / f"{request.param}_R_18_FPN.py"
    output = tmp_path_factory.mktemp("output")
    run = command(
        *("--config-file", config, f"train.output_dir={output}", "train.max_iter=300"),
        *("train.device=cuda", "train.eval_period=150"),
        *("dataloader.train.num_workers=4", *OPTIONS[request.param]),
        DETECTRON2_DATASETS=str(data),
    )
    assert run.returncode == 0, run.stderr
    assert "Running on " + torch.cuda.get_device_name() in run.stdout + run.stderr
    return config, output


def test_training_and_validation(trained):
    _, output = trained
    rows = rows_of(output)
    totals = [row["total_loss"] for row in rows if "total_loss" in row]
    assert totals[-1] < 0.8 * totals[0]
    assert all(map(math.isfinite, totals))
    assert json.loads((output / "evaluation.json").read_text())["bbox"]["AP"] > 0.5


def test_predictor(trained, data, exact_convolutions):
    """It finds on the GPU what it finds on the CPU, in half precision nearly so."""
    config, output = trained
    images = sorted((data / "digits").rglob("*.png"))[:12]
    arguments = config, output / "model_final.pth"
    expected = Predictor(*arguments, device="cpu")(images)
    for half, tolerance in ((False, 1e-3), (True, 0.05)):
        found = Predictor(*arguments, device="cuda", half=half)(images)
        for ours, theirs in zip(found, expected, strict=True):
            ours, theirs = ours["instances"].scores[:5], theirs["instances"].scores[:5]
            assert ours.device.type == "cpu" and len(ours) > 0
            torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


def test_pictures_of_an_assignment(trained, data, tmp_path):
    config, output = trained
    if config.stem.startswith("fcos"):
        pytest.skip("Detectron2's FCOS has no scheme")
    run = command(
        *("--run", output, "--output", tmp_path),
        script=ROOT / "tools" / "visualize_assignment.py",
        DETECTRON2_DATASETS=str(data),
    )
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.glob("*.png")) and list(tmp_path.glob("*_points.csv"))


@pytest.mark.parametrize("build", [tiny_detector, tiny_fcos, tiny_condinst])
def test_nccl(build, tmp_path):
    """A process group of one process: the losses are those without one."""
    images = [training_image([[8, 8, 40, 40], [50, 10, 90, 60]], [0, 1])]
    if build is tiny_condinst:
        images[0]["instances"].gt_masks = BitMasks(torch.ones(2, 64, 96, dtype=torch.bool))

    def losses(wrap) -> list[float]:
        model = wrap(build().to(DEVICE).train())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        trainer = Trainer(model, [images] * 3, optimizer)
        seen = []
        model.register_forward_hook(lambda m, a, out: seen.append(float(sum(out.values()))))
        trainer.train(0, 3)
        return seen

    expected = losses(lambda model: model)
    dist.init_process_group("nccl", init_method=f"file://{tmp_path}/s", rank=0, world_size=1)
    try:
        comm.create_local_process_group(1)
        found = losses(lambda model: DistributedDataParallel(model, device_ids=[0]))
    finally:
        comm._LOCAL_PROCESS_GROUP = None
        dist.destroy_process_group()
    assert len(found) == 3 and found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["FCOS", "everything"])
@torch.no_grad()
def test_export(name, exact_convolutions):
    """What is exported, on a CPU, answers as the detector on the GPU (without NMS, where two
    boxes at its threshold would make a difference of the last digit a difference of boxes)."""
    model = lively(MODELS[name]())
    model.test_nms_thresh = None
    exportable = ExportableDetector(model)
    program = record(exportable).module()
    image = noise((131, 70))
    found = dict(zip(exportable.output_names, program(image), strict=True))
    (output,) = model.to(DEVICE)([{"image": image.permute(2, 0, 1)}])
    difference = compare(
        output["instances"].to("cpu"),
        found,
        score_thresh=model.test_score_thresh,
        limit=model.max_detections_per_image,
    )
    assert not difference.is_large and difference.detections > 20, difference
