"""Train or evaluate the detector of a LazyConfig.

    python tools/train_net.py --config-file configs/Digits/dw_R_18_FPN.py
    python tools/train_net.py --config-file configs/Digits/dw_R_18_FPN.py --eval-only \\
        train.init_checkpoint=output/model_final.pth

On your own data, in COCO's format; settings derived from it are printed and can be overridden:

    python tools/train_net.py --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py \\
        --train-json train.json --train-images train/ --val-json val.json --val-images val/

Runs on the GPU if there is one, else on the CPU.
"""

from dual_weighting.cli.command import argument_parser, run_command
from dual_weighting.engine.train import train_command


def main() -> None:
    run_command(train_command, argument_parser().parse_args())
