"""Write the built-in Digits data set as COCO annotations and PNG files.

python tools/prepare_digits.py
python tools/prepare_digits.py --crowd    # CrowdDigits, in CrowdHuman's format
python tools/prepare_digits.py --root /data/digits --num-train 2000 --num-val 500
"""

import argparse
from pathlib import Path

from dual_weighting.cli.command import run_command
from dual_weighting.data import crowd_digits_root, digits_root
from dual_weighting.data.digits.files import write_crowd_digits, write_digits


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--crowd",
        action="store_true",
        help="write CrowdDigits: one class, scenes of 30 to 80 heavily overlapping digits",
    )
    parser.add_argument(
        "--root",
        type=Path,
        help=f"folder to write to (default: {digits_root()}, with --crowd {crowd_digits_root()}; "
        "DETECTRON2_DATASETS sets the first part, and configs look there)",
    )
    parser.add_argument("--num-train", type=int, help="default: 1000, with --crowd 400")
    parser.add_argument("--num-val", type=int, help="default: 300, with --crowd 100")
    args = parser.parse_args()
    defaults = (crowd_digits_root(), 400, 100) if args.crowd else (digits_root(), 1000, 300)
    for name, value in zip(("root", "num_train", "num_val"), defaults, strict=True):
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def prepare_digits(args: argparse.Namespace) -> None:
    write = write_crowd_digits if args.crowd else write_digits
    if write(args.root, num_train=args.num_train, num_val=args.num_val):
        print(
            f"Wrote {args.num_train} training and {args.num_val} validation scenes to {args.root}"
        )
    else:
        print(f"{args.root} is already complete, nothing to write")


def main() -> None:
    run_command(prepare_digits, parse_arguments())
