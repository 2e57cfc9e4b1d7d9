"""Runs a command in several processes through Detectron2's launch utility."""

import argparse
import contextlib
import logging
import multiprocessing
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from detectron2.engine import launch
from detectron2.utils import comm
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from dual_weighting.engine.signals import SIGNALS, Forwarding
from dual_weighting.utils.device import check_gpus
from dual_weighting.utils.errors import UserError, sentence

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
RESUME = "--resume continues a training from its last checkpoint."
ENDINGS = {
    "SIGKILL": "the machine may have run out of memory (see dmesg), or someone killed it",
    "SIGTERM": "someone terminated it, perhaps the job scheduler",
    "SIGABRT": "NCCL aborts a process that has waited for --dist-timeout; see its log above",
}


def launch_processes(
    main: Callable[[argparse.Namespace], None], args: argparse.Namespace, *, device: torch.device
) -> None:
    """Run `main(args)` in `args.num_gpus` processes on each of `args.num_machines` machines.

    `detectron2.engine.launch` starts the processes of this machine, `args.machine_rank`. Under
    torchrun, the command is one of the processes itself.

    Args:
        main: importable by name when there are several processes.
        device: its type is used by all processes.

    Raises:
        UserError: for impossible numbers, for processes that did not find or lost each other, and
            once for a `UserError` in any process.
    """
    torchrun = all(name in os.environ for name in TORCHRUN)
    num_local = int(os.environ["LOCAL_WORLD_SIZE"]) if torchrun else args.num_gpus
    check_arguments(args, torchrun=torchrun)
    check_gpus(device, num_processes=num_local)
    if torchrun and int(os.environ["WORLD_SIZE"]) > 1:
        _run_in_torchrun(main, args, device)
    elif args.num_gpus * args.num_machines == 1:
        main(args)
    else:
        _start_processes(main, args, device)


def check_arguments(args: argparse.Namespace, *, torchrun: bool = False) -> None:
    """Raise `UserError` unless the options about processes are consistent."""
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
            f"--machine-rank {args.machine_rank} must be between 0 and {args.num_machines - 1} "
            f"with --num-machines {args.num_machines}."
        )
    if args.num_machines > 1 and args.dist_url == "auto":
        raise UserError(
            "With --num-machines above 1 all machines need one address, "
            "for example --dist-url tcp://ADDRESS_OF_MACHINE_0:29500."
        )
    if not re.match(r"(auto|tcp://.+:\d+|file:///.+|env://.*)$", args.dist_url):
        raise UserError(
            f"--dist-url {args.dist_url} is not an address such as "
            "tcp://ADDRESS_OF_MACHINE_0:29500, file:///SHARED/FILE or env://."
        )


def _start_processes(main: Callable, args: argparse.Namespace, device: torch.device) -> None:
    """Start the processes of this machine and wait for them."""
    # torch logs every process it terminates; the error raised below says why.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    work = (main, args, multiprocessing.get_start_method())
    with Forwarding() as received, _only_visible(device):
        try:
            launch(
                _process,
                args.num_gpus,
                args.num_machines,
                args.machine_rank,
                args.dist_url,
                args=work,
                timeout=timedelta(minutes=args.dist_timeout),
            )
        except ProcessRaisedException as error:
            if not received.number:
                raise explained(error, str(error), args, error.error_index) from error
        except ProcessExitedException as error:
            if not received.number:
                raise _ended(error, args) from error


@contextlib.contextmanager
def _only_visible(device: torch.device) -> Iterator[None]:
    """Hide the GPUs from CPU processes: Detectron2 selects NCCL wherever it sees a GPU."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if device.type == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        yield
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _process(main: Callable, args: argparse.Namespace, start_method: str) -> None:
    """Run `main` in a process that has joined the process group."""
    # Otherwise data loader workers would be spawned like this process, which takes seconds each.
    multiprocessing.set_start_method(start_method, force=True)
    try:
        main(args)
        comm.synchronize()
        dist.destroy_process_group()
    except SystemExit:  # all processes stopped after the same iteration
        dist.destroy_process_group()
        raise
    except UserError as error:
        raise UserError(sentence(error)) from error  # the launcher reads the last line
    except Exception as error:
        if speaks_of_others(type(error).__name__, str(error)):
            time.sleep(1)  # the launcher should first see the process that failed first
        raise


def _run_in_torchrun(main: Callable, args: argparse.Namespace, device: torch.device) -> None:
    """Run `main(args)` as the process described by torchrun's environment variables."""
    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    try:
        if device.type == "cuda":
            torch.cuda.set_device(local_rank)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            timeout=timedelta(minutes=args.dist_timeout),
        )
        comm.create_local_process_group(int(os.environ["LOCAL_WORLD_SIZE"]))
        _process(main, args, multiprocessing.get_start_method())
    except Exception as error:
        raise explained(error, traceback.format_exc(), args, rank) from error


def explained(error: Exception, text: str, args: argparse.Namespace, process: int) -> Exception:
    """The `UserError` for `error`, whose traceback in `process` is `text`, or `error` itself."""
    lines = re.findall(r"^(?:\w+\.)*(\w*Error): (.*)", text, re.MULTILINE)
    if not lines:
        return error
    kind, message = lines[-1]
    rank = args.machine_rank * args.num_gpus + process
    minutes, url = f"{args.dist_timeout:g} minutes (--dist-timeout)", args.dist_url
    reason = re.sub(r"^\[\S+:\d+\] |\. This is typically .*|\.$", "", message)
    if kind == "UserError":
        return UserError(sentence(UserError(message)))
    if "init_process_group" in text and not speaks_of_others(kind, message):
        return UserError(f"--dist-url {url} cannot be used ({reason}).")
    if not speaks_of_others(kind, message):
        return error
    if kind == "DistNetworkError" and "EADDRINUSE" in message:
        return UserError(
            f"Process {rank} cannot use the address {url} ({reason}): take a free port of "
            "machine 0."
        )
    if kind in ("DistNetworkError", "DistStoreError"):
        return UserError(
            f"Not all {args.num_gpus * args.num_machines} processes found each other at {url} "
            f"within {minutes} ({reason}): start the command on every machine, with --machine-rank "
            "0, 1, ..., and let the port through the firewall of machine 0."
        )
    if re.search("time(d )?out", message, re.IGNORECASE):
        return UserError(
            f"Process {rank} waited {minutes} for another one ({reason}): the last lines of each "
            f"process's log say which one hangs; {RESUME}"
        )
    return UserError(
        f"Process {rank} lost another one ({reason}): that one ended before, and what it printed "
        f"on its machine says why; {RESUME}"
    )


def speaks_of_others(kind: str, message: str) -> bool:
    """Whether an error of torch was caused by another process. gloo has no error class."""
    return kind.startswith("Dist") or (kind == "RuntimeError" and "/gloo/" in message)


def _ended(error: ProcessExitedException, args: argparse.Namespace) -> BaseException:
    """The exception for a process that exited without raising one."""
    if error.exit_code in [128 + number for number in SIGNALS]:
        return SystemExit(error.exit_code)  # the process has already printed why
    rank = args.machine_rank * args.num_gpus + error.error_index
    if error.signal_name is None:
        how = f"with exit code {error.exit_code}: what it printed above may say why"
    else:
        reason = ENDINGS.get(error.signal_name, "what it printed above may say why")
        how = f"by the signal {error.signal_name}: {reason}"
    return UserError(f"Process {rank} was ended {how}; {RESUME}")
