"""Measure this project beside an alternative: one section of docs/BENCHMARKS.md, or the page.

    python tools/benchmark.py losses --num-gts 7 50
    python tools/benchmark.py page
    python tools/benchmark.py page --sections step,data

losses      of all schemes, sparse (ours) and dense
floor       the losses beside what memory traffic takes at least
crowds      memory and time by the number of objects in an image
step        a training step of DW and of Detectron2's FCOS and RetinaNet
data        images a second of the data loader
inference   by stage, and with and without NMS
evaluation  COCO's numbers by hotcoco and by pycocotools
onnx        an exported detector in ONNX Runtime and in PyTorch
startup     imports, and commands until they answer
page        all of them, written as a page; about a quarter of an hour on 2 cores
"""

import argparse
from pathlib import Path

from benchmarks.page import make_page, measure
from benchmarks.sections import SECTIONS, options_of

from dual_weighting.cli.command import run_command
from dual_weighting.utils.device import choose_device
from dual_weighting.utils.errors import UserError

OUTPUT = Path("docs", "BENCHMARKS.md")
QUICK_OUTPUT = Path("output", "benchmarks", "quick.md")
SIZES = (
    "num_gts",
    "num_gt",
    "num_images",
    "num_classes",
    "num_workers",
    "image_size",
    "configs",
    "repeats",
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*SECTIONS, "page"])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    page = parser.add_argument_group("page")
    page.add_argument(
        "--sections", metavar="A,B,...", help="measure these and keep the others (default: all)"
    )
    page.add_argument("--output", type=Path, help=f"default: {OUTPUT}; --quick: {QUICK_OUTPUT}")
    sizes = parser.add_argument_group("sizes, of the sections that have them")
    sizes.add_argument("--num-gts", type=int, nargs="+", metavar="M", help="objects an image")
    sizes.add_argument("--num-gt", type=int, metavar="M", help="objects an image of a step")
    sizes.add_argument("--num-images", type=int)
    sizes.add_argument("--num-classes", type=int)
    sizes.add_argument("--num-workers", type=int, nargs="+")
    sizes.add_argument("--image-size", type=int, nargs=2, metavar=("H", "W"))
    sizes.add_argument("--configs", nargs="+", metavar="CONFIG", help="names in the model zoo")
    sizes.add_argument("--repeats", type=int)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    device = choose_device(args.device)
    options = {name: x for name in SIZES if (x := getattr(args, name)) is not None}
    if args.what == "page":
        if options:
            raise UserError("The page has its own sizes: give them to a section instead.")
        sections = list(SECTIONS)
        if args.sections is not None:
            sections = [name for name in args.sections.split(",") if name]
        if unknown := set(sections) - set(SECTIONS):
            raise UserError(f"No section {', '.join(unknown)}: they are {', '.join(SECTIONS)}.")
        output = args.output or (QUICK_OUTPUT if args.quick else OUTPUT)
        make_page(sections, output, device=device, quick=args.quick)
        return
    if foreign := set(options) - options_of(args.what):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(foreign))
        raise UserError(f"The section {args.what} has no {names}.")
    module = SECTIONS[args.what]
    options = {name: tuple(x) if isinstance(x, list) else x for name, x in options.items()}
    record = measure(args.what, (module.QUICK if args.quick else {}) | options, device)
    print(f"{module.HEADING}\n\n{module.table(record['result'])}\n\n{record['machine']}")


if __name__ == "__main__":
    run_command(main, parse_arguments())
