"""torchvision's ResNet weights with the names of Detectron2's ResNet."""

import re
from collections.abc import Mapping

from torch import Tensor
from torchvision.models import get_model_weights

from dual_weighting.checkpoint.backbones.download import download_weights
from dual_weighting.utils.errors import UserError

SCHEME = "torchvision://"
MODELS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnext101_64x4d")


def load_torchvision_weights(name: str) -> dict[str, Tensor]:
    """The state dict of torchvision's `name`, trained on ImageNet (IMAGENET1K_V1).

    Raises:
        UserError: the name is unknown, or the file cannot be downloaded.
    """
    if name not in MODELS:
        raise UserError(
            f"train.init_checkpoint={SCHEME}{name} is unknown: "
            f"use {SCHEME} with one of {', '.join(MODELS)}."
        )
    return download_weights(get_model_weights(name).IMAGENET1K_V1.url, check_hash=True)


def to_detectron2_names(state_dict: Mapping[str, Tensor], *, prefix: str) -> dict[str, Tensor]:
    """Convert the names of a torchvision ResNet to Detectron2's, with `prefix`.

    The classifier and BatchNorm's batch counters are dropped.
    """
    return {
        prefix + _detectron2_name(name): value
        for name, value in state_dict.items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }


def _detectron2_name(name: str) -> str:
    """For example layer1.0.bn2.bias -> res2.0.conv2.norm.bias."""
    name = re.sub(r"^layer(\d)", lambda layer: f"res{int(layer[1]) + 1}", name)
    name = re.sub(r"^(?=conv1\.|bn1\.)", "stem.", name)
    name = re.sub(r"\bbn(\d)\.", r"conv\1.norm.", name)
    return name.replace("downsample.0.", "shortcut.").replace("downsample.1.", "shortcut.norm.")
