"""What a program that runs an exported detector has to know about it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from detectron2.config import instantiate
from detectron2.data import transforms as T
from omegaconf import DictConfig, ListConfig
from PIL import Image
from torch import nn

from dual_weighting.data.catalog import class_names
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class Description:
    """Stored in the exported file, see `texts`.

    Attributes:
        classes: name of each class.
        image_format: order of an image's channels, "RGB" or "BGR".
        min_size: an image's shorter side is resized to it, 0 for no resizing.
        max_size: but its longer side to this at most.
        antialias: whether the resizing averages where it shrinks; if not, it is plain bilinear.
        score_threshold: all detections have a larger score.
        nms_threshold: IoU of the NMS inside, None for none.
    """

    classes: Sequence[str]
    image_format: str
    min_size: int
    max_size: int
    antialias: bool
    score_threshold: float
    nms_threshold: float | None

    def texts(self) -> dict[str, str]:
        """Each attribute as JSON."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}


def describe(cfg: DictConfig, detector: nn.Module) -> Description:
    """Of a detector and the config, with `dataloader.test`, that it is trained with."""
    mapper = cfg.dataloader.test.mapper
    resize = test_resize(mapper.augmentations)
    return Description(
        classes=class_names(cfg),
        image_format=mapper.image_format,
        min_size=min(resize.short_edge_length) if resize else 0,
        max_size=resize.max_size if resize else 0,
        antialias=getattr(resize, "antialias", True),
        score_threshold=detector.test_score_thresh,
        nms_threshold=detector.test_nms_thresh,
    )


def test_resize(augmentations: ListConfig) -> T.ResizeShortestEdge | None:
    """What resizes test images; None for images as they are."""
    found = instantiate(augmentations)
    if not found:
        return None
    (resize, *others) = found
    described = isinstance(resize, T.ResizeShortestEdge) and not others
    if not described or len(set(resize.short_edge_length)) > 1 or resize.interp != Image.BILINEAR:
        raise UserError(
            "Test images can only be resized by one ResizeShortestEdge for an export, bilinear and "
            f"of one size, not by {', '.join(map(str, found))}: change "
            "dataloader.test.mapper.augmentations."
        )
    return resize
