"""Convert a data set in Pascal VOC's layout to COCO annotations.

    python tools/voc_to_coco.py --root VOC2007 --output data/

The folder contains JPEGImages/ and Annotations/, or images and XML files side by side; --images and
--annotations select others. Writes a file for each list in ImageSets/Main (train, val, trainval,
test). Without such lists, it writes train.json and val.json, with a fifth of the images for
validation.
"""

import argparse
import json
import shlex
from pathlib import Path

from dual_weighting.cli.command import run_command
from dual_weighting.data.checks.findings import some
from dual_weighting.data.formats.pascal_voc import ANNOTATIONS, IMAGES, convert, default_folder
from dual_weighting.utils.errors import UserError

CONFIG = "configs/COCO-Detection/dw_R_50_FPN_1x.py"  # shown as the next step


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root", required=True, type=Path, metavar="DIR", help="folder of the data set"
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="of the files written"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help=f"default: {IMAGES} of --root")
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="DIR",
        help=f"XML files; default: {ANNOTATIONS} of --root",
    )
    parser.add_argument(
        "--val-share",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of images for validation, if there are no lists (default: 0.2)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_args()


def voc_to_coco(args: argparse.Namespace) -> None:
    if not 0 < args.val_share < 1:
        raise UserError(f"--val-share {args.val_share:g} must be between 0 and 1.")
    contents, notes = convert(
        args.root,
        image_root=args.images,
        annotation_root=args.annotations,
        val_share=args.val_share,
    )
    args.output.mkdir(parents=True, exist_ok=True)
    for part, content in contents.items():
        file = args.output / f"{part}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        print(
            f"{file}: {len(content['images']):,} images, {len(content['annotations']):,} objects, "
            f"{len(content['categories'])} classes"
        )
    for what, names in notes.items():
        if names:
            print(f"  {what}: {len(names):,} ({some(names)})")
    images = args.images or default_folder(args.root, IMAGES)
    val = "val.json" if "val" in contents else "test.json"
    command = ["python", "tools/check_data.py"]
    command += ["--json", args.output / "train.json", "--images", images]
    command += ["--val-json", args.output / val, "--val-images", images]
    command += ["--config-file", CONFIG]
    print("Next:", shlex.join(map(str, command)))


def main() -> None:
    run_command(voc_to_coco, parse_arguments())
