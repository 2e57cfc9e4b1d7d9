"""Convert a checkpoint of the DW or O2F releases (MMDetection), or a ResNet of torchvision.

    python tools/convert_checkpoint.py dw_r50_fpn_1x.pth dw_R_50_FPN_1x.pth
    python tools/train_net.py --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py --eval-only \\
        train.init_checkpoint=dw_R_50_FPN_1x.pth

Says which config the weights belong to, and what became of each name. Whatever does not fit exactly
is an error.
"""

import argparse

import dual_weighting.engine  # noqa: F401  first, because it silences Detectron2's deprecations
from dual_weighting.engine.command import run_command
from dual_weighting.model_zoo.convert_checkpoint import convert_command


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE.pth")
    parser.add_argument("dest", metavar="DEST.pth")
    parser.add_argument(
        "--config-file", metavar="FILE", help="a config of your own, instead of the model zoo's"
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a file that holds more than weights, which runs code in it",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(convert_command, parse_arguments())
