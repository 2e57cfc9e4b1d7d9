"""Write the built-in data set Digits, as COCO annotations and PNG files.

python tools/prepare_digits.py
python tools/prepare_digits.py --root /data/digits --num-train 2000 --num-val 500
"""

import argparse
from pathlib import Path

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
from dual_weighting.data import digits_root
from dual_weighting.data.digits import write_digits
from dual_weighting.engine.command import run_command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=digits_root(),
        help="folder to write to (default: %(default)s, where DETECTRON2_DATASETS sets the first "
        "part and the configs find it)",
    )
    parser.add_argument("--num-train", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--num-val", type=int, default=300, help="default: %(default)s")
    return parser.parse_args()


def prepare_digits(args: argparse.Namespace) -> None:
    if write_digits(args.root, num_train=args.num_train, num_val=args.num_val):
        print(
            f"Wrote {args.num_train} training and {args.num_val} validation scenes to {args.root}"
        )
    else:
        print(f"{args.root} is complete already, nothing to write")


if __name__ == "__main__":
    run_command(prepare_digits, parse_arguments())
