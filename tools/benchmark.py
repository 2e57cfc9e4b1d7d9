"""Measure this project beside an alternative, in one run.

python tools/benchmark.py losses        the losses of DW and O2F, sparse (ours) and dense
python tools/benchmark.py inference     a detector with and without NMS
python tools/benchmark.py step          a training step of DW and of Detectron2's FCOS
python tools/benchmark.py crowds        memory and time of a training step by objects an image
python tools/benchmark.py evaluation    COCO's numbers by hotcoco and by pycocotools
"""

import argparse

from benchmarks import crowds, evaluation, inference, losses, step

from dual_weighting.engine.command import run_command
from dual_weighting.engine.device import choose_device


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["losses", "inference", "step", "crowds", "evaluation"])
    parser.add_argument(
        "--config-file", default="configs/COCO-Detection/o2f_R_50_FPN_1x.py", help="for inference"
    )
    parser.add_argument("--num-gts", type=int, nargs="+", default=[7, 50, 200], metavar="M")
    parser.add_argument(
        "--num-images", type=int, help="default: 2; for evaluation 5000, with 100 detections each"
    )
    parser.add_argument("--num-classes", type=int, default=80)
    parser.add_argument("--image-size", type=int, nargs=2, default=[800, 1333], metavar=("H", "W"))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser


def main(args: argparse.Namespace) -> None:
    if args.what == "evaluation":
        evaluation.run(num_images=args.num_images or 5000, num_classes=args.num_classes)
        return
    num_images = args.num_images or 2
    common = {
        "image_size": tuple(args.image_size),
        "repeats": args.repeats,
        "device": choose_device(args.device),
    }
    if args.what == "losses":
        losses.run(
            num_gts=tuple(args.num_gts),
            num_images=num_images,
            num_classes=args.num_classes,
            **common,
        )
    elif args.what == "crowds":
        crowds.run(
            num_gts=tuple(args.num_gts),
            num_images=args.num_images or 1,
            num_classes=args.num_classes,
            image_size=tuple(args.image_size),
            device=choose_device(args.device),
        )
    elif args.what == "step":
        step.run(
            num_gt=args.num_gts[0],
            num_images=num_images,
            num_classes=args.num_classes,
            **common,
        )
    else:
        inference.run(config_file=args.config_file, **common)


if __name__ == "__main__":
    run_command(main, parser().parse_args())
