"""How every command begins and how it ends: its options, and its errors as one sentence."""

import argparse
import sys
from collections.abc import Callable

from detectron2.engine import default_argument_parser

from dual_weighting.engine.machine_faults import faults_explained
from dual_weighting.utils.errors import UserError, printable_output, sentence

EPILOG = """
The trailing arguments change values of the config file, for example

    train.max_iter=500 train.output_dir=output/short
"""


def argument_parser() -> argparse.ArgumentParser:
    """Detectron2's usual options, with `--debug`, and a `--dist-url` that is free for every run."""
    parser = default_argument_parser(epilog=EPILOG)
    parser.set_defaults(dist_url="auto")
    parser.add_argument(
        "--dist-timeout",
        type=float,
        default=30,
        metavar="MINUTES",
        help="how long processes wait for one that hangs or does not come (default: 30)",
    )
    parser.add_argument(
        "--evaluator",
        choices=["hotcoco", "pycocotools"],
        help="who computes COCO's numbers: the fast one, or the reference (default: as the config "
        "says, hotcoco)",
    )
    own = parser.add_argument_group(
        "your own data",
        "in COCO's format; classes, length, batch and learning rate are chosen for it and printed",
    )
    own.add_argument("--train-json", metavar="FILE", help="annotations to train on")
    own.add_argument("--train-images", metavar="DIR", help="their images (default: FILE's folder)")
    own.add_argument("--val-json", metavar="FILE", help="annotations to evaluate with")
    own.add_argument("--val-images", metavar="DIR", help="their images (default: FILE's folder)")
    own.add_argument(
        "--epochs",
        type=float,
        metavar="N",
        help="how often each image is seen (default: as in the config, on few images more often)",
    )
    own.add_argument(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="the shorter side that images are resized to, at most 1.67 times that for the longer "
        "(default: as in the config); less is faster",
    )
    # Stays the last positional argument of the parser: argparse sees options by their name.
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of errors a user can mend too"
    )
    return parser


def run_command(main: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Run `main(args)`; a `UserError`, or a full disk, becomes one line on stderr and exit code 1.

    With `args.debug` its traceback is shown as well. Any other exception is a defect and keeps its
    traceback (exit code 1); an interruption from the keyboard ends with 130.
    """
    printable_output()
    try:
        with faults_explained():
            main(args)
    except UserError as error:
        if getattr(args, "debug", False):
            raise
        print(f"Error: {sentence(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
