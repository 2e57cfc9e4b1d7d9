"""Inference on single images."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from detectron2.config import instantiate
from detectron2.data import transforms as T
from detectron2.structures import Instances
from omegaconf import DictConfig, OmegaConf
from PIL import UnidentifiedImageError

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import build, load_config
from dual_weighting.data import class_names
from dual_weighting.data.images import UNREADABLE, read_image
from dual_weighting.modeling.compilation import compile_detector
from dual_weighting.utils.device import choose_device
from dual_weighting.utils.errors import UserError

Image = str | os.PathLike | np.ndarray


class Predictor:
    """A drop-in replacement for Detectron2's `DefaultPredictor` that takes files or arrays, one or
    many, and returns detections in the pixels of the given images.

    Images are resized like the test data of the config and run in batches.

        predictor = Predictor("configs/COCO-Detection/dw_R_50_FPN_1x.py", "model_final.pth")
        instances = predictor("street.jpg")["instances"]
        instances.pred_boxes, instances.scores, instances.pred_classes

    Attributes:
        input_format: "BGR", the default channel order of arrays.
    """

    input_format = "BGR"

    def __init__(
        self,
        config: DictConfig | str | os.PathLike,
        checkpoint: str | os.PathLike,
        *,
        device: str = "auto",
        half: bool = False,
        batch_size: int = 8,
        compile: bool = False,
    ):
        """
        Args:
            config: a LazyConfig with `model` and `dataloader.test`, or its file.
            checkpoint: file with all weights of the model.
            device: "auto" is the GPU if there is one.
            half: use autocast (float16, or bfloat16 on a CPU).
            batch_size: number of images to run at once.
            compile: compile backbone and head with `torch.compile`; the first call takes a minute.

        Raises:
            UserError: a file or the device does not exist, or the checkpoint does not match the
                config.
        """
        cfg = config if isinstance(config, DictConfig) else load_config(os.fspath(config))
        self.device = choose_device(device)
        self.half = half
        self.batch_size = batch_size
        self.model = build(cfg, "model").to(self.device).eval()
        Checkpointer(self.model, complete=True).load(os.fspath(checkpoint))
        if compile:
            compile_detector(self.model)
        mapper = OmegaConf.select(cfg, "dataloader.test.mapper")
        if mapper is None:
            raise UserError("The config has no dataloader.test.mapper, which resizes the images.")
        self.cfg = cfg
        self.image_format = mapper.image_format
        self.augmentations = T.AugmentationList(instantiate(mapper.augmentations))

    def __call__(
        self, images: Image | Sequence[Image], *, array_format: Literal["BGR", "RGB"] = input_format
    ) -> dict[str, Instances] | list[dict[str, Instances]]:
        """Detections of one image or of a list of images, as `{"instances": Instances}` each.

        Args:
            images: files, or uint8 arrays of shape (H, W, 3).
            array_format: channel order of arrays; OpenCV reads BGR.

        Returns:
            On the CPU, sorted by score, with boxes in pixels of the given image.

        Raises:
            UserError: a file cannot be read.
        """
        if isinstance(images, str | os.PathLike | np.ndarray):
            return self([images], array_format=array_format)[0]
        found = []
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            found += self.detect([self.prepare(image, array_format) for image in batch])
        return [{"instances": instances} for instances in found]

    @cached_property
    def classes(self) -> list[str]:
        """Class names, or numbers if the names are unknown."""
        return class_names(self.cfg)

    def prepare(self, image: Image, array_format: str = input_format) -> dict:
        """The model input for one image."""
        array = self.read(image, array_format)
        height, width = array.shape[:2]
        augmented = T.AugInput(array)
        self.augmentations(augmented)
        tensor = torch.from_numpy(augmented.image.transpose(2, 0, 1).copy())
        return {"image": tensor, "height": height, "width": width}

    def read(self, image: Image, array_format: str) -> np.ndarray:
        """(H, W, 3), in the channel order of the model's training."""
        if isinstance(image, np.ndarray):
            if image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(f"an image is an array (H, W, 3), not {image.shape}")
            if array_format not in ("BGR", "RGB"):
                raise ValueError(f'array_format is "BGR" or "RGB", not {array_format!r}')
            return image if array_format == self.image_format else image[:, :, ::-1]
        try:
            return read_image(os.fspath(image), format=self.image_format)
        except UnidentifiedImageError as error:
            raise UserError(f"The image {image} cannot be read (not an image).") from error
        except UNREADABLE as error:
            raise UserError(f"The image {image} cannot be read ({error}).") from error

    @torch.inference_mode()
    def detect(self, inputs: list[dict]) -> list[Instances]:
        """Detections of a batch of prepared images, on the CPU."""
        dtype = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        with torch.autocast(self.device.type, dtype=dtype, enabled=self.half):
            outputs = self.model(inputs)
        return [output["instances"].to("cpu") for output in outputs]
