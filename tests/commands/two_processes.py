"""What tests run in two processes."""

from detectron2.utils import comm

from dual_weighting.errors import UserError


def second_fails(args):
    if comm.get_rank() == 1:
        raise UserError("Image 7 is broken: remove it.")
    comm.synchronize()


def divides_by_zero(args):
    if comm.get_rank() == 1:
        args.num_gpus /= 0
    comm.synchronize()
