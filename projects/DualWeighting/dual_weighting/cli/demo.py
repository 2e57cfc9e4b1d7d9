"""Detect objects in your own images and videos, and draw them.

    python tools/demo.py --run output/dw street.jpg holiday/ 'scans/**/*.png' drive.mp4
    python tools/demo.py --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py \\
        --checkpoint model_final.pth --json detections.json street.jpg
    python tools/demo.py --run output/dw --webcam

Output pictures keep the names of their inputs; videos become MP4 files with the same frame rate.
The JSON file has COCO's result format, plus the file name. Image ids are the numbers in the file
names if all are numbers (000000000139.jpg), else 1, 2, 3, ... in the order of the inputs. Change
the config with key=value arguments, for example model.test_nms_thresh=null.
"""

import argparse
from pathlib import Path


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="image, video, folder, or pattern such as 'a/**/*.jpg'",
    )
    parser.add_argument(
        "--webcam",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="use camera N (default: 0) and show it if there is a screen; q or Ctrl-C quits",
    )
    model = parser.add_argument_group("the detector")
    model.add_argument("--run", type=Path, metavar="DIR", help="output folder of a training")
    model.add_argument(
        "--config-file", metavar="FILE", help="config of the model (default: that of --run)"
    )
    model.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="with --run, a name in its folder (default: model_final.pth)",
    )
    model.add_argument("--device", default="auto", help="auto, cpu or cuda")
    model.add_argument("--half", action="store_true", help="compute in half precision")
    model.add_argument(
        "--batch-size",
        type=int,
        default=4,
        metavar="N",
        help="number of images to run at once (default: %(default)s)",
    )
    output = parser.add_argument_group("what comes out")
    output.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for pictures (default: output/demo; none with --json alone)",
    )
    output.add_argument("--json", type=Path, metavar="FILE", help="write the detections")
    output.add_argument(
        "--score-threshold",
        type=float,
        metavar="S",
        help="smallest score of detections to draw and write (default: that of the best F1 in the "
        "evaluation.json next to the checkpoint, else 0.3); 0 for all, as needed for evaluation",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_intermixed_args()


def main() -> None:
    arguments = parse_arguments()
    # Imported late: takes seconds, which --help should not wait for.
    from dual_weighting.cli.command import run_command
    from dual_weighting.demo.demo import demo_command

    run_command(demo_command, arguments)
