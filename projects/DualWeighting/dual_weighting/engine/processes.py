"""One command in several processes, with the errors of one."""

import argparse
import logging
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch.distributed as dist
from detectron2.engine import launch
from detectron2.utils import comm
from torch.multiprocessing.spawn import ProcessException

from dual_weighting.engine.command import sentence
from dual_weighting.errors import UserError


def launch_processes(main: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Run `main(args)` in `args.num_gpus` processes a machine, through Detectron2's `launch`.

    `main` must be importable by name. A `UserError` in any of the processes is raised here, once;
    what the other processes say when they lose their peer is not shown.
    """
    if args.num_gpus < 1 or args.num_machines < 1:
        raise UserError(
            f"--num-gpus {args.num_gpus} and --num-machines {args.num_machines} must be at least 1."
        )
    if args.num_machines > 1 and args.dist_url == "auto":
        raise UserError(
            "With --num-machines above 1 all machines need one address, "
            "for example --dist-url tcp://ADDRESS_OF_MACHINE_0:29500."
        )
    if args.num_gpus * args.num_machines == 1:
        main(args)
        return
    # torch says that it ends the processes that are left; the error below says why.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="dual_weighting_") as folder:
        try:
            launch(
                _process,
                args.num_gpus,
                num_machines=args.num_machines,
                machine_rank=args.machine_rank,
                dist_url=args.dist_url,
                args=(main, args, folder, multiprocessing.get_start_method()),
            )
        except ProcessException as error:
            notes = sorted(Path(folder).iterdir())
            if not notes:
                raise
            raise UserError(notes[0].read_text(encoding="utf-8")) from error


def _process(main: Callable, args: argparse.Namespace, folder: str, start_method: str) -> None:
    """`main(args)` in one process; leaves the sentence of a `UserError` in `folder`.

    The note is written before this process ends, so it is there before any other process can
    notice that its peer has gone.
    """
    # Else the workers of data loaders would be spawned as this process was, seconds for each.
    multiprocessing.set_start_method(start_method, force=True)
    try:
        main(args)
    except UserError as error:
        Path(folder, f"{comm.get_rank():05d}").write_text(sentence(error), encoding="utf-8")
        raise
    dist.destroy_process_group()
