"""Options and error handling common to all commands."""

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
    """Detectron2's default options, plus `--debug`, and `--dist-url auto` as the default."""
    parser = default_argument_parser(epilog=EPILOG)
    parser.set_defaults(dist_url="auto")
    parser.add_argument(
        "--dist-timeout",
        type=float,
        default=30,
        metavar="MINUTES",
        help="how long processes wait for one that hangs or does not start (default: 30)",
    )
    parser.add_argument(
        "--evaluator",
        choices=["hotcoco", "pycocotools"],
        help="implementation of COCO's metrics: the fast one or the reference (default: that of "
        "the config, hotcoco)",
    )
    own = parser.add_argument_group(
        "your own data",
        "in COCO's format; classes, schedule, batch size and learning rate are adapted to it",
    )
    own.add_argument("--train-json", metavar="FILE", help="annotations to train on")
    own.add_argument("--train-images", metavar="DIR", help="their images (default: FILE's folder)")
    own.add_argument("--val-json", metavar="FILE", help="annotations to evaluate with")
    own.add_argument("--val-images", metavar="DIR", help="their images (default: FILE's folder)")
    own.add_argument(
        "--epochs",
        type=float,
        metavar="N",
        help="number of passes over the images (default: that of the config, more with few images)",
    )
    own.add_argument(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="resize the shorter side of images to this, and the longer side to at most 1.67 times "
        "as much (default: that of the config)",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of user errors, too"
    )
    return parser


def run_command(main: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Run `main(args)`. A `UserError` or a full disk is printed in one line, with exit code 1.

    With `args.debug`, its traceback is shown, too. Other exceptions are bugs and keep their
    traceback. A keyboard interrupt exits with code 130.
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
