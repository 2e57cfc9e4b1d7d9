"""Export a detector to a file that runs without this project, and check that it answers the same.

    python tools/export_model.py --config-file configs/Digits/o2f_R_18_FPN.py \\
        --checkpoint output/o2f/model_final.pth --format onnx --output o2f.onnx
    python examples/onnx_detect.py o2f.onnx image.jpg detections.png

The file takes an image of any size, (height, width, 3) uint8, and returns boxes, scores, classes
and, from a model of masks, masks. NMS is inside if the model has it; trailing arguments change the
config, such as model.test_nms_thresh=null for none, or model.test_score_thresh=0.3.
"""

import argparse
from pathlib import Path

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
from dual_weighting.engine.command import run_command
from dual_weighting.engine.export import ENDINGS, export_command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--checkpoint", required=True, metavar="FILE")
    parser.add_argument("--format", choices=list(ENDINGS), default="onnx")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE")
    parser.add_argument(
        "--image",
        nargs="+",
        default=[],
        metavar="FILE",
        help="images to check with (default: some of the config's test data)",
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="write a second ONNX file with weights in 8 bits, and say how it differs",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    args = parser.parse_args()
    # argparse takes overrides that stand behind the images for images.
    args.overrides += [text for text in args.image if "=" in text]
    args.image = [text for text in args.image if "=" not in text]
    return args


if __name__ == "__main__":
    run_command(export_command, parse_arguments())
