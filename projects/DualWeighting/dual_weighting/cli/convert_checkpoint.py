"""Convert a checkpoint of the DW or O2F releases (MMDetection), or a ResNet of torchvision.

    python tools/convert_checkpoint.py dw_r50_fpn_1x.pth dw_R_50_FPN_1x.pth
    python tools/train_net.py --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py --eval-only \\
        train.init_checkpoint=dw_R_50_FPN_1x.pth

Prints the matching config and how each name was converted. Anything that does not match exactly is
an error.
"""

import argparse
import os
from collections.abc import Iterable, Mapping

import torch
from detectron2.config import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from dual_weighting.checkpoint.backbones.weights import backbone_state
from dual_weighting.checkpoint.convert.conversion import (
    Conversion,
    Rules,
    convert,
    read_foreign_weights,
)
from dual_weighting.checkpoint.convert.mmdetection import (
    MMDETECTION,
    RELEASES,
    TORCHVISION,
    Candidate,
    missing_names,
    recognize,
)
from dual_weighting.cli.command import run_command
from dual_weighting.config.load import load_config
from dual_weighting.model_zoo.model_zoo import config_names, get_config_file
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE.pth")
    parser.add_argument("dest", metavar="DEST.pth")
    parser.add_argument(
        "--config-file", metavar="FILE", help="your own config, instead of those of the model zoo"
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a file that contains more than weights; this can execute code in it",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_args()


def convert_command(args: argparse.Namespace) -> None:
    """`args`: source, dest, trust, config_file."""
    conversion, found = convert_file(
        args.source,
        args.dest,
        trust=args.trust,
        configs=[args.config_file] if args.config_file else None,
    )
    for name, sources in conversion.sources.items():
        print(f"renamed  {' + '.join(sources)} -> {name}")
    for name, reason in conversion.ignored.items():
        print(f"ignored  {name}: {reason}")
    for name in missing_names(conversion.state_dict, found):
        print(f"missing  {name}")
    print(f"\n{args.source} matches {' or '.join(found.configs)}.")
    print(f"Wrote {len(conversion.state_dict)} tensors to {args.dest}.")


def convert_file(
    source: str, dest: str, *, trust: bool = False, configs: Iterable[str] | None = None
) -> tuple[Conversion, Candidate]:
    """Convert the weights of `source` to this project's names and write them to `dest`.

    Args:
        trust: allow code in `source` to run.
        configs: candidate config files, by default those of the model zoo.

    Returns:
        How each weight was renamed, and the matching model.

    Raises:
        UserError: anything does not match.
    """
    weights = read_foreign_weights(source, trust=trust)
    rules, method = recognize_release(weights, file=source)
    try:
        conversion = convert(weights, rules)
    except (IndexError, RuntimeError) as error:  # a tensor with too few dimensions or too many rows
        raise UserError(
            f"The weights of {source} match no config ({' '.join(str(error).split())})."
        ) from error
    files = zoo_files(method) if configs is None else {file: file for file in configs}
    models = candidates(files, backbone_only=rules is TORCHVISION)
    found = recognize(conversion, models, file=source)
    try:
        with atomic_file(dest, "wb") as file:
            torch.save({"model": conversion.state_dict}, file)
    except OSError as error:
        raise UserError(f"{dest} cannot be written ({error.strerror}).") from error
    return conversion, found


def recognize_release(weights: Mapping[str, Tensor], *, file: str) -> tuple[Rules, str]:
    """The conversion rules for the code base of these names, and the prefix of matching configs.
    A ResNet matches all configs."""
    for name, method in RELEASES:
        if name in weights:
            return MMDETECTION, method
    if "conv1.weight" in weights and "layer1.0.conv1.weight" in weights:
        return TORCHVISION, ""
    raise UserError(
        f"{file} is neither of DW's or O2F's release nor a ResNet of torchvision: "
        f"its first weight is {next(iter(weights))}."
    )


def zoo_files(method: str) -> dict[str, str]:
    """Names and files of the model zoo's configs of a method."""
    return {
        name: get_config_file(name)
        for name in config_names()
        if os.path.basename(name).startswith(method)
    }


def candidates(files: Mapping[str, str], *, backbone_only: bool) -> list[Candidate]:
    """The distinct models of these configs (names and files)."""
    by_text: dict[str, Candidate] = {}
    for name, file in files.items():
        config = load_config(file).model
        text = str(OmegaConf.to_container(config, resolve=False))
        if text not in by_text:
            by_text[text] = Candidate([], shapes_of(config, backbone_only=backbone_only))
        by_text[text].configs.append(name)
    by_shapes: dict[str, Candidate] = {}
    for model in by_text.values():
        same = by_shapes.setdefault(str(sorted(model.shapes.items())), Candidate([], model.shapes))
        same.configs.extend(model.configs)
    return list(by_shapes.values())


def shapes_of(config: DictConfig, *, backbone_only: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the model's state dict, or of the part initialized from an ImageNet network."""
    with torch.device("meta"):
        model = instantiate(config)
    state = model.state_dict()
    if backbone_only:
        prefix, own = backbone_state(model)
        state = {prefix + name: value for name, value in own.items()}
    return {name: tuple(value.shape) for name, value in state.items()}


def main() -> None:
    run_command(convert_command, parse_arguments())
