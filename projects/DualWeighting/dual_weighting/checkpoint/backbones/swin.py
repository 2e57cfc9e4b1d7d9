"""Weights published by the authors of Swin Transformer."""

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

    Raises:
        UserError: the name is unknown, or the file cannot be downloaded.
    """
    if name not in URLS:
        raise UserError(
            f"train.init_checkpoint={SCHEME}{name} is unknown: "
            f"use {SCHEME} with one of {', '.join(URLS)}."
        )
    return download_weights(URLS[name])["model"]


def to_detectron2_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop the classifier, the norm before it and the size-dependent masks, which Detectron2's Swin
    does not have. Names are the same."""
    return {
        name: value
        for name, value in state_dict.items()
        if not name.startswith(("head.", "norm.")) and not name.endswith("attn_mask")
    }
