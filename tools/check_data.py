"""Look at a data set in COCO's format before training on it.

    python tools/check_data.py --json train.json --images train/
    python tools/check_data.py --json train.json --images train/ --val-json val.json \\
        --val-images val/ --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py

Reads all annotations and images. With a config also how the boxes suit its feature pyramid, and
which objects none of its points can learn. Exit code 1 if something would stop the training.
"""

import argparse

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
from dual_weighting.engine.check_data import check_data_command
from dual_weighting.engine.command import run_command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", required=True, metavar="FILE", help="annotations to train on")
    parser.add_argument("--images", metavar="DIR", help="their images (default: FILE's folder)")
    parser.add_argument("--val-json", metavar="FILE", help="annotations to evaluate with")
    parser.add_argument("--val-images", metavar="DIR", help="their images")
    parser.add_argument(
        "--split",
        type=float,
        metavar="SHARE",
        help="divide FILE: write FILE_train.json and FILE_val.json, this share of the images",
    )
    parser.add_argument("--config-file", metavar="FILE", help="of the detector to be trained")
    parser.add_argument(
        "--image-size", type=int, metavar="PIXELS", help="as it will be given to the training"
    )
    parser.add_argument(
        "--headers-only",
        action="store_true",
        help="faster: of each image its size only, so files that were cut short are not found",
    )
    parser.add_argument(
        "--show", type=int, default=5, metavar="N", help="findings of a kind to list (default: 5)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(check_data_command, parse_arguments())
