"""The weights that the authors of Swin Transformer publish."""

from collections.abc import Mapping

from torch import Tensor

from dual_weighting.checkpoint.backbones.download import download_weights
from dual_weighting.utils.errors import UserError

SCHEME = "swin://"
URLS = {
    name: f"https://github.com/SwinTransformer/storage/releases/download/v1.0.0/{name}.pth"
    for name in ("swin_tiny_patch4_window7_224",)
}


def load_swin_weights(name: str) -> dict[str, Tensor]:
    """The state dict of the authors' `name`, trained on ImageNet-1K.

    Raises `UserError` when it is not known or cannot be had.
    """
    if name not in URLS:
        raise UserError(
            f"train.init_checkpoint={SCHEME}{name} is not known: "
            f"use {SCHEME} with one of {', '.join(URLS)}."
        )
    return download_weights(URLS[name])["model"]


def to_detectron2_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Detectron2's Swin has the authors' names; the classifier, the norm before it and the masks,
    which depend on the size of the image, have no place there."""
    return {
        name: value
        for name, value in state_dict.items()
        if not name.startswith(("head.", "norm.")) and not name.endswith("attn_mask")
    }
