"""Measure speed and memory of this project next to Detectron2's detectors.

    python tools/benchmark.py losses --num-gts 7 50

losses      time and memory of the losses of every scheme, by the number of objects
step        time and memory of a whole training step
crowds      the same two for crowded images
inference   time by stage, and of selecting detections with and without NMS
training    images a second of whole trainings, data loading included
gpu         all that counts on a GPU beside Detectron2's FCOS, in six minutes
"""

import argparse

from benchmarks import crowds, gpu, inference, losses, step, training
from benchmarks.measure import describe_machine

from dual_weighting.cli.command import run_command
from dual_weighting.utils.device import choose_device

COMMANDS = {
    "losses": losses,
    "step": step,
    "crowds": crowds,
    "inference": inference,
    "training": training,
    "gpu": gpu,
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, description=module.__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        command.add_argument("--device", default="auto")
        command.add_argument("--image-size", type=int, nargs=2, default=(800, 1333))
        command.add_argument("--debug", action="store_true", help="show the traceback of errors")
        module.add_arguments(command)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    args.device = choose_device(args.device)
    COMMANDS[args.what].run(args)
    print(describe_machine(args.device))


if __name__ == "__main__":
    run_command(main, parse_arguments())
