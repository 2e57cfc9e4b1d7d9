"""The user's own data, as given on the command line."""

import argparse
import os
from dataclasses import dataclass

from dual_weighting.data.checks.annotations import different_classes
from dual_weighting.data.checks.findings import check
from dual_weighting.data.coco_file import CocoFile, read_coco_file
from dual_weighting.data.transforms import check_image_size
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class OwnData:
    """`train` is None for an evaluation."""

    train: CocoFile | None
    val: CocoFile


def read_own_data(args: argparse.Namespace) -> OwnData:
    """Read and check the files given on the command line, also against each other."""
    if args.train_json is None and args.val_json is None:
        raise UserError(
            "--epochs, --image-size, --train-images and --val-images are for your own data: add "
            "--train-json and --val-json. For the data of the config, use keys such as "
            "train.max_iter=STEPS."
        )
    if args.val_json is None:
        raise UserError(
            "--val-json is missing: COCO annotations of images to evaluate on, which are not "
            "trained on. To split one file, run "
            "tools/check_data.py --json FILE --images DIR --split 0.2."
        )
    if args.train_json is None and not args.eval_only:
        raise UserError("--train-json is missing: add it to train, or --eval-only to evaluate.")
    if args.epochs is not None and args.epochs <= 0:
        raise UserError(f"--epochs {args.epochs:g} must be above 0.")
    check_image_size(getattr(args, "image_size", None))
    if args.train_json is not None:
        check_two_files(args.train_json, args.val_json)
    train = None
    if args.train_json is not None:
        train = read_coco_file(args.train_json, args.train_images)
    val = read_coco_file(args.val_json, args.val_images)
    if not val.num_objects:
        raise UserError(
            f"No image in {val.json_file} has an object, so it cannot be used for evaluation: use "
            "another --val-json, or tools/demo.py --json to get detections only."
        )
    if train is not None:
        check_same_classes(train.thing_classes, train.json_file, val)
    return OwnData(train, val)


def check_two_files(train_json: str, val_json: str) -> None:
    """Raise `UserError` if both are the same file."""
    if os.path.realpath(train_json) == os.path.realpath(val_json):
        raise UserError(
            f"{val_json} is both --train-json and --val-json, but a detector must be evaluated on "
            "other images than it was trained on: split it with tools/check_data.py --split 0.2."
        )


def check_same_classes(classes: list[str], source: str, val: CocoFile) -> None:
    """Raise `UserError` unless `val` has these classes in this order."""
    check([different_classes(classes, source, val.thing_classes)], val.json_file)
