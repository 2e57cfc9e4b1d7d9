"""Print what every weighting function of the DW paper's Table 1 makes of a few candidates.

python examples/weighting_example.py
python examples/weighting_example.py --scores 0.9 0.5 --ious 0.8 0.7

Without arguments they are the four candidates of the authors' slides, all of one ground truth.
"""

import argparse
from collections.abc import Sequence

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from dual_weighting.assignment.weighting_functions import (
    TABLE_1,
    coupled_dw_weights,
    dw_weights,
)
from dual_weighting.cli.command import run_command
from dual_weighting.utils.errors import UserError


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scores", type=float, nargs="+", default=[0.95, 0.7, 0.6, 0.3])
    parser.add_argument("--ious", type=float, nargs="+", default=[0.95, 0.4, 0.6, 0.6])
    parser.add_argument("--debug", action="store_true", help="show the traceback of errors")
    return parser


def weights_of(s: Tensor, iou: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """w_pos and w_neg, (Q,) each, of every weighting function, for candidates of one object."""
    gt = torch.zeros(len(s), dtype=torch.long)
    weights = {
        name.upper(): function(s, target(s, iou, gt, 1))
        for name, (function, target) in TABLE_1.items()
    }
    return weights | {"DW": dw_weights(s, iou), "DW coupled": coupled_dw_weights(s, iou)}


def main(args: argparse.Namespace) -> None:
    """Print the table of the arguments' candidates."""
    if len(args.scores) != len(args.ious):
        raise UserError(
            f"There are {len(args.scores)} scores and {len(args.ious)} IoUs; give one of each for "
            "every candidate."
        )
    for name, values in (("score", args.scores), ("IoU", args.ious)):
        outside = [value for value in values if not 0 <= value <= 1]
        if outside:
            raise UserError(f"The {name} {outside[0]} is outside [0, 1]; correct it.")
    table = Table("", "", *(chr(ord("A") + k) for k in range(len(args.scores))))
    table.add_row("", "score", *decimals(args.scores))
    table.add_row("", "IoU", *decimals(args.ious), end_section=True)
    for name, weights in weights_of(torch.tensor(args.scores), torch.tensor(args.ious)).items():
        w_pos, w_neg = (decimals(weight.tolist()) for weight in weights)
        table.add_row(name, "w_pos", *w_pos)
        table.add_row("", "w_neg", *w_neg, end_section=True)
    Console().print(table)


def decimals(values: Sequence[float]) -> list[str]:
    return [f"{value:.2f}" for value in values]


if __name__ == "__main__":
    run_command(main, parser().parse_args())
