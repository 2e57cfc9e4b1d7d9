"""What mixed precision computes in."""

import torch
from omegaconf import DictConfig

from dual_weighting.utils.errors import UserError

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def autocast_dtype(amp: DictConfig, device: torch.device) -> torch.dtype | None:
    """The number format that `train.amp` asks for on `device`, None where it is off.

    `amp`: `enabled`, and `dtype` ("float16", Detectron2's, where nothing else is said).
    """
    if not amp.enabled:
        return None
    name = amp.get("dtype", "float16")
    if name not in DTYPES:
        raise UserError(f"train.amp.dtype={name} is unknown: use {' or '.join(DTYPES)}.")
    if name == "float16" and device.type == "cpu":
        raise UserError(
            "train.amp.enabled=True needs a GPU for float16: "
            "use train.amp.dtype=bfloat16 or train.amp.enabled=False."
        )
    return DTYPES[name]
