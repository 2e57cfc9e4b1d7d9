"""One command in several processes, on one machine or more, with the errors of one."""

import argparse
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import torch
from torch.multiprocessing import ProcessExitedException, start_processes
from torch.multiprocessing.spawn import ProcessException

from dual_weighting.engine.command import sentence
from dual_weighting.engine.device import check_gpus
from dual_weighting.engine.process_group import Place, as_one_of
from dual_weighting.errors import UserError

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

SIGNALS = {
    "SIGKILL": "the machine may have run out of memory (dmesg says so), or somebody ended it",
    "SIGTERM": "somebody ended it, perhaps the scheduler of the machine",
    "SIGABRT": "NCCL ends a process so that has waited for --dist-timeout, and says why above",
}


class Work(NamedTuple):
    """What each of the processes does: `main(args)`, together with the others."""

    main: Callable[[argparse.Namespace], None]
    args: argparse.Namespace
    device: torch.device
    folder: str  # of this machine's processes
    start_method: str


def launch_processes(
    main: Callable[[argparse.Namespace], None], args: argparse.Namespace, *, device: torch.device
) -> None:
    """Run `main(args)` in `args.num_gpus` processes on each of `args.num_machines` machines.

    This command starts those of its own machine, `args.machine_rank`; started by torchrun it is one
    of them itself. `main` must be importable by name, `device` is of the type they all use.

    Raises `UserError` for numbers that are impossible, for processes that did not find each other
    or lost each other, and once for a `UserError` in any of the processes; what the others say when
    they lose their peer is then not shown.
    """
    torchrun = all(name in os.environ for name in TORCHRUN)
    num_local = int(os.environ["LOCAL_WORLD_SIZE"]) if torchrun else args.num_gpus
    check_arguments(args, torchrun=torchrun)
    check_gpus(device, num_processes=num_local)
    if torchrun:
        _run_in_torchrun(main, args, device)
    elif args.num_gpus * args.num_machines == 1:
        main(args)
    else:
        _start_processes(main, args, device)


def check_arguments(args: argparse.Namespace, *, torchrun: bool = False) -> None:
    """Raise `UserError` unless the options about processes go together."""
    if args.num_gpus < 1 or args.num_machines < 1:
        raise UserError(
            f"--num-gpus {args.num_gpus} and --num-machines {args.num_machines} must be at least 1."
        )
    if args.dist_timeout <= 0:
        raise UserError(f"--dist-timeout {args.dist_timeout:g} must be more than 0 minutes.")
    if torchrun and args.num_gpus * args.num_machines > 1:
        raise UserError(
            "torchrun starts the processes itself: give it --nproc-per-node and --nnodes, "
            "and leave out --num-gpus and --num-machines."
        )
    if not 0 <= args.machine_rank < args.num_machines:
        raise UserError(
            f"--machine-rank {args.machine_rank} is none of the {args.num_machines} machines "
            f"(--num-machines): they count from 0 to {args.num_machines - 1}."
        )
    if args.num_machines > 1 and args.dist_url == "auto":
        raise UserError(
            "With --num-machines above 1 all machines need one address, "
            "for example --dist-url tcp://ADDRESS_OF_MACHINE_0:29500."
        )
    if args.dist_url != "auto" and not _is_address(args.dist_url):
        raise UserError(
            f"--dist-url {args.dist_url} is no address, "
            "for example tcp://ADDRESS_OF_MACHINE_0:29500."
        )


def _is_address(url: str) -> bool:
    """Whether `url` is tcp://HOST:PORT."""
    parts = urlsplit(url)
    try:
        return parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        return False


def _run_in_torchrun(main: Callable, args: argparse.Namespace, device: torch.device) -> None:
    """`main(args)` as the process that torchrun's environment says this is."""
    values = {name: int(os.environ[name]) for name in TORCHRUN[:4]}
    if values["WORLD_SIZE"] == 1:
        main(args)
        return
    place = Place(*values.values(), url="env://", minutes=args.dist_timeout)
    with as_one_of(place, device):
        main(args)


def _start_processes(main: Callable, args: argparse.Namespace, device: torch.device) -> None:
    """Start the processes of this machine and wait for them."""
    # torch says that it ends the processes that are left; the error below says why.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="dual_weighting_") as folder:
        work = Work(main, args, device, folder, multiprocessing.get_start_method())
        try:
            start_processes(_process, args=(work,), nprocs=args.num_gpus)
        except ProcessException as error:
            notes = sorted(Path(folder).glob("*.txt"), key=lambda note: note.stat().st_mtime_ns)
            if notes:  # the first one is the cause of the others
                raise UserError(notes[0].read_text(encoding="utf-8")) from error
            if isinstance(error, ProcessExitedException):
                raise UserError(_ended(error, args)) from error
            raise


def _process(local_rank: int, work: Work) -> None:
    """One process of this machine; leaves the sentence of a `UserError` in the common folder.

    The note is written before this process ends, so it is there before any other process can
    notice that its peer has gone.
    """
    # Else the workers of data loaders would be spawned as this process was, seconds for each.
    multiprocessing.set_start_method(work.start_method, force=True)
    args = work.args
    rank = args.machine_rank * args.num_gpus + local_rank
    # On one machine a file that its processes share is found without a port that must be free.
    url = f"file://{work.folder}/address" if args.dist_url == "auto" else args.dist_url
    place = Place(
        rank,
        world_size=args.num_gpus * args.num_machines,
        local_rank=local_rank,
        local_size=args.num_gpus,
        url=url,
        minutes=args.dist_timeout,
    )
    try:
        with as_one_of(place, work.device):
            work.main(args)
    except UserError as error:
        Path(work.folder, f"{rank}.txt").write_text(sentence(error), encoding="utf-8")
        raise


def _ended(error: ProcessExitedException, args: argparse.Namespace) -> str:
    """What to say of a process that ended without an error of its own."""
    rank = args.machine_rank * args.num_gpus + error.error_index
    if error.signal_name is None:
        how = f"with exit code {error.exit_code}: what it printed above may say why"
    else:
        reason = SIGNALS.get(error.signal_name, "what it printed above may say why")
        how = f"by the signal {error.signal_name}: {reason}"
    return (
        f"Process {rank} was ended {how}; a training goes on from its last checkpoint "
        "with --resume."
    )
