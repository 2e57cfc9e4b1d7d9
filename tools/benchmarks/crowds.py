"""Losses of one image with up to thousands of objects, and memory of steps with one and with many
objects."""

import argparse

from benchmarks import losses
from benchmarks.measure import mib, print_table
from benchmarks.step import peak_of_steps, random_images
from dual_weighting.model_zoo import get_config

CONFIGS = (
    "COCO-Detection/dw_R_50_FPN_1x.py",
    "COCO-Detection/dw_refine_R_50_FPN_1x.py",
    "COCO-Detection/o2f_R_50_FPN_1x.py",
    "COCO-Detection/dla_R_50_FPN_1x.py",
    "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    losses.add_arguments(parser)
    parser.set_defaults(num_gts=(1, 200, 2000), num_images=1, repeats=3)
    parser.add_argument("--num-gt", type=int, default=500, metavar="M", help="objects of a step")
    parser.add_argument("--configs", nargs="+", default=CONFIGS, help="names in the model zoo")


def run(args: argparse.Namespace) -> None:
    losses.run(args)
    settings = {"num_images": 1, "image_size": tuple(args.image_size), "device": args.device}
    rows = []
    for config in args.configs:
        one, many = (
            peak_of_steps(cfg, random_images(n, num_classes=10, **settings), args.device)
            for n in (1, args.num_gt)
            for cfg in [get_config(config)]
        )
        rows.append((f"`{config}`", mib(one), f"{'-+'[many >= one]}{mib(abs(many - one))}"))
    print_table(
        f"Training steps of 1 x {args.image_size[0]} x {args.image_size[1]}: most memory of "
        "tensors, and what many objects add",
        ("", "1 object", f"{args.num_gt} objects"),
        rows,
    )
