"""Detect objects on images and videos of your own, and draw them.

    python tools/demo.py --run output/dw street.jpg holiday/ 'scans/**/*.png' drive.mp4
    python tools/demo.py --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py \\
        --checkpoint model_final.pth --json detections.json street.jpg
    python tools/demo.py --run output/dw --webcam

Pictures keep the names of their files, videos become MP4 at the rate of the source. The JSON file
is in COCO's result format, with the file's name added; an image's id is the number that its file
has as name, if all have one (000000000139.jpg), else 1, 2, 3, ... in the order of the inputs.
Values of the config are changed with key=value, for example model.test_nms_thresh=null.
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
        help="image, video, folder of them, or pattern such as 'a/**/*.jpg'",
    )
    parser.add_argument(
        "--webcam",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="instead: camera N (default: 0), shown where there is a screen; q or Ctrl-C ends",
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
        help="images that are run at once (default: %(default)s)",
    )
    output = parser.add_argument_group("what comes out")
    output.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where the pictures go (default: output/demo, or nowhere with --json)",
    )
    output.add_argument("--json", type=Path, metavar="FILE", help="write the detections")
    output.add_argument(
        "--score-threshold",
        type=float,
        metavar="S",
        help="draw and write detections of this score or more (default: that of the best F1 in the "
        "evaluation.json beside the checkpoint, else 0.3); 0 for all, as an evaluation needs them",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser.parse_intermixed_args()


def main() -> None:
    arguments = parse_arguments()
    # These take seconds, which --help and a misspelt option need not wait for.
    from dual_weighting.cli.command import run_command
    from dual_weighting.demo.demo import demo_command

    run_command(demo_command, arguments)
