"""Print parameters and GFLOPs of configs as a Markdown table.

    python tools/model_complexity.py                     every config of the model zoo
    python tools/model_complexity.py configs/Digits/dw_R_18_FPN.py --image-size 160 160

GFLOPs are billions of multiply-adds, counted by fvcore, for one image with
the padding of the detector.
"""

import argparse
from collections import Counter
from math import prod

import torch
from detectron2.config import instantiate
from fvcore.nn import FlopCountAnalysis, parameter_count
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from dual_weighting import model_zoo
from dual_weighting.cli.command import run_command
from dual_weighting.config.load import load_config


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config_files", nargs="*", metavar="CONFIG")
    parser.add_argument("--image-size", type=int, nargs=2, default=(800, 1333), metavar=("H", "W"))
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_args()


def print_table(args: argparse.Namespace) -> None:
    files = {file: file for file in args.config_files} or {
        name: model_zoo.get_config_file(name) for name in model_zoo.config_names()
    }
    known = {}  # several configs share a network
    print("| config | parameters | GFLOPs |\n|---|---|---|")
    for name, file in files.items():
        model = load_config(file).model
        text = str(OmegaConf.to_container(model, resolve=False))
        if text not in known:
            known[text] = complexity(model, tuple(args.image_size))
        parameters, flops = known[text]
        print(f"| {name} | {parameters / 1e6:.1f} M | {flops / 1e9:.3g} |", flush=True)


class Network(nn.Module):
    """The part of a detector from padded images to dense predictions."""

    def __init__(self, detector: nn.Module):
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> list[Tensor]:
        detector = self.detector
        maps = detector.backbone(images)
        features = [maps[name] for name in detector.head_in_features]
        outputs = [x for level in detector.head(features) for x in level]
        if hasattr(detector, "mask_branch"):
            outputs.append(detector.mask_branch(features))
        return outputs


def complexity(model: DictConfig, image_size: tuple[int, int]) -> tuple[int, int]:
    """Number of parameters, and multiply-adds for one image of (height, width) plus padding.

    Counted by fvcore in one forward pass on the CPU, without normalization, activations, sampling,
    the selection of detections, and their masks.
    """
    detector = instantiate(model).eval()
    divisor = max(detector.backbone.size_divisibility, 1)
    padded = [-(-side // divisor) * divisor for side in image_size]
    count = FlopCountAnalysis(Network(detector), torch.zeros(1, 3, *padded))
    count.set_op_handle("torchvision::deform_conv2d", deform_conv_flops)
    count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    with torch.no_grad():
        total = count.total()
    return parameter_count(detector)[""], int(total)


def deform_conv_flops(inputs: list, outputs: list) -> Counter:
    """An fvcore handler that counts the plain convolution, without sampling its inputs."""
    weight = inputs[1].type().sizes()  # (out, in / groups, kernel height, kernel width)
    batch, _, height, width = outputs[0].type().sizes()
    return Counter(deform_conv2d=batch * height * width * prod(weight))


def main() -> None:
    run_command(print_table, parse_arguments())
