"""What tests run in two processes."""

import argparse

from detectron2.utils import comm

from dual_weighting.utils.errors import UserError


def arguments(**changes) -> argparse.Namespace:
    """The options of a command about its processes."""
    common = {"num_gpus": 2, "num_machines": 1, "machine_rank": 0}
    return argparse.Namespace(**{**common, "dist_url": "auto", "dist_timeout": 5, **changes})


def second_fails(args):
    if comm.get_rank() == 1:
        raise UserError("Image 7 is broken: remove it.")
    comm.synchronize()


def divides_by_zero(args):
    if comm.get_rank() == 1:
        args.num_gpus /= 0
    comm.synchronize()
