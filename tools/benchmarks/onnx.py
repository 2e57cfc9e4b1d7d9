"""Exported detectors: how they differ from PyTorch, and how long they take."""

import statistics
import tempfile
import time
from pathlib import Path

import torch
from detectron2.config import instantiate

from benchmarks.inference import set_candidates
from benchmarks.markdown import markdown_table, ms
from dual_weighting import model_zoo
from dual_weighting.cli.export import difference, export
from dual_weighting.engine.predictor import Predictor
from dual_weighting.export.onnx_file import check_packages

HEADING = "ONNX Runtime"
QUICK = {"repeats": 1, "configs": ("Digits/o2f_R_18_FPN.py",)}
CONFIGS = (
    "Digits/dw_R_18_FPN.py",
    "Digits/dw_refine_R_18_FPN.py",
    "Digits/o2f_R_18_FPN.py",
    "Digits/o2f_condinst_R_18_FPN.py",
    "COCO-Detection/dw_R_50_FPN_1x.py",
)


def predictor_of(cfg, image: dict, folder: str) -> Predictor:
    """Of random weights, with a hundredth of the scores above the threshold on this image."""
    torch.manual_seed(0)
    model = instantiate(cfg.model).eval()
    set_candidates(model, image, 1e-2)
    file = Path(folder, "model.pth")
    torch.save({"model": model.state_dict()}, file)
    return Predictor(cfg, file, device="cpu")


def measure(config: str, side: int, repeats: int) -> dict:
    """Seconds of PyTorch and ONNX Runtime in turn, and the largest difference."""
    cfg = model_zoo.get_config(config)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (3, side, side), dtype=torch.uint8, generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        predictor = predictor_of(cfg, {"image": pixels}, folder)
        runner = export(predictor, cfg, "onnx", Path(folder, "model.onnx"))
        found = difference(predictor, runner, [pixels])
        rows = pixels.permute(1, 2, 0).contiguous()
        calls = {
            "pytorch": lambda: predictor.detect([{"image": pixels}]),
            "onnx": lambda: runner(rows),
        }
        seconds = {name: [] for name in calls}
        for _ in range(repeats + 1):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    return medians | {
        "box": found.box,
        "score": found.score,
        "mask": found.mask,
        "detections": found.detections,
        "unmatched": found.unmatched,
    }


def run(*, configs: tuple[str, ...] = CONFIGS, side: int = 160, repeats: int = 9) -> dict:
    """The measurement of each config."""
    check_packages()
    return {"side": side, "models": {name: measure(name, side, repeats) for name in configs}}


def table(result: dict) -> str:
    rows = [
        (
            f"`{config}`",
            f"{found['box']:.1e} px",
            f"{found['score']:.1e}",
            f"{100 * found['mask']:.3f} %" if found["mask"] else "",
            f"{found['unmatched']} of {found['detections']}",
            ms(found["pytorch"]),
            ms(found["onnx"]),
        )
        for config, found in result["models"].items()
    ]
    side = result["side"]
    about = (
        f"Random weights, an image of {side} x {side} pixels and two parts of it of other shapes, "
        "on the CPU: the largest difference of a side of a box, of a score and of a mask's share "
        "of the pixels, and detections that only one side has. `tools/export_model.py` checks the "
        "same of a trained detector on its data."
    )
    note = (
        "With `tools/export_model.py --int8`, AP of trained detectors on the first 100 validation "
        "images of Digits was 58.4 (float32: 58.4) for dw and 55.8 (55.8) for o2f, in 3.7 instead "
        "of 13.1 MB, but slower than ONNX Runtime's float32 (43.6 against 26.2 ms, 63.2 against "
        "43.5 ms, measured once in November 2026)."
    )
    header = ("", "boxes", "scores", "masks", "without counterpart", "PyTorch", "ONNX Runtime")
    return f"{about}\n\n{markdown_table(header, rows)}\n\n{note}"
