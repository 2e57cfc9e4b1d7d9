"""Initial weights: `torchvision://resnet50`, `swin://swin_tiny_patch4_window7_224`."""

import re

from torch import Tensor, nn

from dual_weighting.checkpoint.backbones import swin as swin_weights
from dual_weighting.checkpoint.backbones import torchvision as torchvision_weights

SCHEMES = (torchvision_weights.SCHEME, swin_weights.SCHEME)

# First layer of each type of backbone; what precedes its name is the prefix of the backbone.
FIRST_LAYERS = ("stem.conv1.weight", "patch_embed.proj.weight")

# Parts of a detector's backbone that ImageNet networks lack: offsets of deformable convolutions,
# the norm of each level of Swin, and BatchNorm's counters.
BEYOND = re.compile(r"\boffset\.(weight|bias)$|^norm\d\.|num_batches_tracked$")


def is_backbone_address(path: str | None) -> bool:
    return bool(path) and path.startswith(SCHEMES)


def load_backbone_weights(address: str) -> dict[str, Tensor]:
    """The weights at `address` with the names of Detectron2's backbones; raises `UserError` if they
    cannot be loaded."""
    scheme, name = re.fullmatch(r"(\w+://)(.*)", address).groups()
    if scheme == swin_weights.SCHEME:
        return swin_weights.to_detectron2_names(swin_weights.load_swin_weights(name))
    weights = torchvision_weights.load_torchvision_weights(name)
    return torchvision_weights.to_detectron2_names(weights, prefix="")


def backbone_state(model: nn.Module) -> tuple[str, dict[str, Tensor]]:
    """The prefix of the backbone in `model`, and the names it expects in such weights, without the
    prefix; empty if there is none."""
    state = model.state_dict()
    for key in state:
        for first in FIRST_LAYERS:
            if key == first or key.endswith(f".{first}"):
                prefix = key.removesuffix(first)
                own = {k.removeprefix(prefix): x for k, x in state.items() if k.startswith(prefix)}
                return prefix, {k: x for k, x in own.items() if not BEYOND.search(k)}
    return "", {}
