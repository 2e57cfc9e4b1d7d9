"""A person's own data, as the command line names it."""

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
    """`train` is None where nothing is trained."""

    train: CocoFile | None
    val: CocoFile


def read_own_data(args: argparse.Namespace) -> OwnData:
    """The files that the command line names, checked, each and against each other."""
    if args.train_json is None and args.val_json is None:
        raise UserError(
            "--epochs, --image-size, --train-images and --val-images go with your own data: give "
            "--train-json and --val-json too; for the data of the config there are keys, as "
            "train.max_iter=STEPS."
        )
    if args.val_json is None:
        raise UserError(
            "Your own data needs --val-json too: annotations, in COCO's format, of images that are "
            "not trained on, by which the detector is judged. To divide one file, run "
            "tools/check_data.py --json FILE --images DIR --split 0.2."
        )
    if args.train_json is None and not args.eval_only:
        raise UserError(
            "To train on your own data give --train-json too; to evaluate only, --eval-only."
        )
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
            f"No image of {val.json_file} has an object: the detector cannot be judged by it; give "
            "another --val-json, or have its detections alone from tools/demo.py --json."
        )
    if train is not None:
        check_same_classes(train.thing_classes, train.json_file, val)
    return OwnData(train, val)


def check_two_files(train_json: str, val_json: str) -> None:
    """Raise a UserError if both are the same file."""
    if os.path.realpath(train_json) == os.path.realpath(val_json):
        raise UserError(
            f"{val_json} is given to train on and to validate with, and a detector is not judged "
            "by images that it was trained on: divide it with tools/check_data.py --split 0.2."
        )


def check_same_classes(classes: list[str], source: str, val: CocoFile) -> None:
    """Raise a UserError unless `val` has these classes in this order."""
    check([different_classes(classes, source, val.thing_classes)], val.json_file)
