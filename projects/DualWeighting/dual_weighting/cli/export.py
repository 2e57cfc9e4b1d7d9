"""Export a detector to a file that runs without this project, and verify its outputs.

    python tools/export_model.py --config-file configs/Digits/o2f_R_18_FPN.py \\
        --checkpoint output/o2f/model_final.pth --format onnx --output o2f.onnx
    python examples/onnx_detect.py o2f.onnx image.jpg detections.png

The exported model takes an image of any size, (height, width, 3) uint8, and returns boxes, scores,
classes and, for mask models, masks. It includes NMS if the model uses NMS. Change the config with
key=value arguments, such as model.test_nms_thresh=null for no NMS, or model.test_score_thresh=0.3.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from detectron2.config import instantiate
from omegaconf import DictConfig
from torch import Tensor

from dual_weighting.cli.command import run_command
from dual_weighting.config.load import load_config
from dual_weighting.engine.predictor import Predictor
from dual_weighting.export.check import Difference, compare
from dual_weighting.export.description import describe
from dual_weighting.export.onnx_file import OnnxRunner, check_packages, write_onnx
from dual_weighting.export.program import ProgramRunner, record, save_program
from dual_weighting.export.wrapper import ExportableDetector
from dual_weighting.utils.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--checkpoint", required=True, metavar="FILE")
    parser.add_argument("--format", choices=list(ENDINGS), default="onnx")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE")
    parser.add_argument(
        "--image",
        nargs="+",
        default=[],
        metavar="FILE",
        help="images for verification (default: some of the config's test data)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    args = parser.parse_args()
    # argparse takes overrides that stand behind the images for images.
    args.overrides += [text for text in args.image if "=" in text]
    args.image = [text for text in args.image if "=" not in text]
    return args


ENDINGS = {"onnx": ".onnx", "torch-export": ".pt2"}
NUM_IMAGES = 4  # of the test data, where none are given
REPEATS = 9

Runner = Callable[[Tensor], dict[str, Tensor]]


def export_command(args: argparse.Namespace) -> None:
    """Export and verify; `args`: config_file, checkpoint, format, output, image, overrides.

    Raises:
        UserError: the outputs of the exported model differ from those of the detector.
    """
    if args.output.suffix != ENDINGS[args.format]:
        raise UserError(f"--output {args.output} must end with {ENDINGS[args.format]}.")
    if args.format == "onnx":
        check_packages()
    cfg = load_config(args.config_file, args.overrides)
    predictor = Predictor(cfg, args.checkpoint, device="cpu")
    images = [predictor.prepare(x)["image"] for x in args.image or test_images(cfg)]

    start = time.perf_counter()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    runner = export(predictor, cfg, args.format, args.output)
    print(
        f"Exported {args.config_file} to {args.output} "
        f"({os.path.getsize(args.output) / 1e6:.1f} MB) in {time.perf_counter() - start:.0f} s."
    )
    verify(predictor, runner, images)
    name = "ONNX Runtime" if args.format == "onnx" else "the program"
    print_latencies(predictor, {name: runner}, images[0])


def test_images(cfg: DictConfig) -> list[str]:
    """Evenly spaced image files of the config's test data."""
    try:
        records = instantiate(cfg.dataloader.test.dataset)
    except UserError as error:
        raise UserError(
            f"Images for verification are missing, add --image FILE ...: {error}"
        ) from error
    chosen = np.linspace(0, len(records) - 1, min(NUM_IMAGES, len(records))).round().astype(int)
    return [records[index]["file_name"] for index in chosen]


def export(predictor: Predictor, cfg: DictConfig, kind: str, file: os.PathLike) -> Runner:
    """Write the file, and load it."""
    detector = ExportableDetector(predictor.model)
    program = record(detector)
    texts = describe(cfg, predictor.model).texts()
    if kind == "onnx":
        write_onnx(program, file, output_names=detector.output_names, metadata=texts)
        return OnnxRunner(file)
    save_program(program, file, texts)
    return ProgramRunner(file, detector.output_names)


def verify(predictor: Predictor, runner: Runner, images: Sequence[Tensor]) -> None:
    """Print the largest difference from the detector; raise `UserError` if it is too large."""
    found = difference(predictor, runner, images)
    print(f"Verified on {len(images)} images in 3 sizes each; largest difference: {found}.")
    if found.is_large:
        raise UserError(
            "The outputs of the exported file differ from those of the model: do not use it."
        )
    if found.detections == 0:
        print("Nothing was detected, so this verifies little: pass other images with --image.")


def difference(predictor: Predictor, runner: Runner, images: Sequence[Tensor]) -> Difference:
    """The largest difference on these images (3, H, W) and on crops of them."""
    total = Difference()
    for image in itertools.chain.from_iterable(map(parts, images)):
        (expected,) = predictor.detect([{"image": image}])
        total += compare(
            expected,
            runner(image.permute(1, 2, 0).contiguous()),
            score_thresh=predictor.model.test_score_thresh,
            limit=predictor.model.max_detections_per_image,
        )
    return total


def parts(image: Tensor) -> Iterator[Tensor]:
    """An image, and corner crops with other shapes and sizes not divisible by any stride."""
    height, width = image.shape[-2:]
    yield image
    yield image[:, : height * 5 // 7 + 1, :]
    yield image[:, : height // 2 + 3, : width * 3 // 4 + 1]


def print_latencies(predictor: Predictor, runners: dict[str, Runner], image: Tensor) -> None:
    """Median time per image of the model and of each runner."""
    pixels = image.permute(1, 2, 0).contiguous()
    calls = {"PyTorch": lambda: predictor.detect([{"image": image}])}
    calls |= {name: lambda runner=runner: runner(pixels) for name, runner in runners.items()}
    times = {name: [] for name in calls}
    for _ in range(REPEATS + 1):  # in turn, so that other load affects all of them
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    threads = torch.get_num_threads()
    print(
        f"An image of {image.shape[2]} x {image.shape[1]} takes on {threads} CPU thread"
        f"{'s'[: threads > 1]}: "
        + ", ".join(f"{name} {statistics.median(x[1:]):.1f} ms" for name, x in times.items())
        + "."
    )


def main() -> None:
    run_command(export_command, parse_arguments())
