"""Whole training steps of this project's detectors and of Detectron2's, in turn."""

import argparse

import torch
from detectron2.config import instantiate
from detectron2.modeling.meta_arch.fcos import FCOS
from detectron2.structures import PolygonMasks
from detectron2.utils.events import EventStorage
from omegaconf import DictConfig
from torch import nn

from benchmarks.losses import instances_of, random_batch
from benchmarks.measure import PeakAllocations, median_seconds, mib, ms, print_table
from dual_weighting.config.load import detectron2_config
from dual_weighting.model_zoo import get_config
from dual_weighting.modeling.fcos import to_float

MODELS = {
    "FCOS, config of Detectron2": (detectron2_config, "COCO-Detection/fcos_R_50_FPN_1x.py"),
    "RetinaNet, config of Detectron2": (
        detectron2_config,
        "COCO-Detection/retinanet_R_50_FPN_1x.py",
    ),
    "FCOS": (get_config, "COCO-Detection/fcos_R_50_FPN_1x.py"),
    "DW": (get_config, "COCO-Detection/dw_R_50_FPN_1x.py"),
    "DW + box refinement": (get_config, "COCO-Detection/dw_refine_R_50_FPN_1x.py"),
}


class Training:
    """A model, its optimizer, and one batch of random images."""

    def __init__(self, cfg: DictConfig, images: list[dict], device: torch.device):
        torch.manual_seed(0)
        model = instantiate(cfg.model).to(device, memory_format=torch.channels_last)
        self.model = with_float32_losses(model.train())
        cfg.optimizer.params.model = self.model
        cfg.optimizer.lr = 1e-8  # random images: keep the weights as they are
        self.optimizer = instantiate(cfg.optimizer)
        self.images = images

    def step(self) -> None:
        """Forward, backward, optimizer; on a GPU the forward pass in bfloat16."""
        device = self.model.device.type
        autocast = torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")
        with EventStorage(), autocast:
            losses = self.model(self.images)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.optimizer.step()


def with_float32_losses(model: nn.Module) -> nn.Module:
    """Detectron2's own FCOS fails under autocast: its losses get float32, as ours do."""
    if type(model) is FCOS:
        forward = model.forward_training

        def forward_training(images, features, predictions, gt_instances):
            with torch.autocast(model.device.type, enabled=False):
                return forward(images, features, to_float(predictions), gt_instances)

        model.forward_training = forward_training
    return model


def random_images(num_gt: int, *, image_size: tuple[int, int], **settings) -> list[dict]:
    """A batch in the form of Detectron2's mapper; every mask fills its box."""
    batch = random_batch(num_gt, image_size=image_size, **settings)
    images = []
    for instances in instances_of(batch, image_size):
        corners = instances.gt_boxes.tensor.cpu()[:, [0, 1, 2, 1, 2, 3, 0, 3]].double().numpy()
        instances.gt_masks = PolygonMasks([[polygon] for polygon in corners])
        images.append({"image": torch.randint(256, (3, *image_size)), "instances": instances})
    return images


def peak_of_steps(cfg: DictConfig, images: list[dict], device: torch.device) -> int:
    """Most bytes that model, optimizer and two steps hold."""
    with PeakAllocations() as peak:
        training = Training(cfg, images, device)
        training.step()
        training.step()
    return peak.bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num-gt", type=int, default=7, metavar="M", help="objects in an image")
    parser.add_argument("--num-images", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)


def run(args: argparse.Namespace) -> None:
    images = random_images(
        args.num_gt,
        num_images=args.num_images,
        num_classes=10,
        image_size=tuple(args.image_size),
        device=args.device,
    )
    memory = {
        name: peak_of_steps(get(config), images, args.device)
        for name, (get, config) in MODELS.items()
    }
    trainings = {
        name: Training(get(config), images, args.device) for name, (get, config) in MODELS.items()
    }
    seconds = median_seconds({name: x.step for name, x in trainings.items()}, args.repeats)
    first = next(iter(seconds.values()))
    print_table(
        f"Training steps of {args.num_images} x {args.image_size[0]} x {args.image_size[1]}, "
        f"{args.num_gt} objects an image",
        ("", "median", "to the first", "most memory of tensors"),
        [(name, ms(x), f"{x / first:.2f} x", mib(memory[name])) for name, x in seconds.items()],
    )
