"""Chooses the device, and the number of threads and loader processes."""

import os

import torch
from detectron2.utils import comm

from dual_weighting.utils.errors import UserError


def choose_device(requested: str = "auto") -> torch.device:
    """The device of this process.

    Args:
        requested: "auto" for the GPU of this process if there is one, else the CPU; or anything
            that `torch.device` accepts.

    Raises:
        UserError: the device does not exist.
    """
    if requested == "auto":
        requested = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise UserError(
            f"train.device={requested} is not a device: use auto, cpu or cuda."
        ) from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(
                f"train.device={requested} needs a GPU, but torch {torch.__version__} finds "
                "none: use train.device=auto or train.device=cpu."
            )
        if device.index is None:
            device = torch.device("cuda", comm.get_local_rank())
        if device.index >= torch.cuda.device_count():
            raise UserError(
                f"train.device={requested} does not exist, "
                f"torch sees {torch.cuda.device_count()} GPU(s)."
            )
    return device


def check_gpus(device: torch.device, *, num_processes: int) -> None:
    """Raise `UserError` if this machine has fewer GPUs than processes on `device`."""
    if device.type == "cuda" and num_processes > torch.cuda.device_count():
        raise UserError(
            f"{num_processes} processes (--num-gpus) need as many GPUs, but torch finds "
            f"{torch.cuda.device_count()}: start fewer, or add train.device=cpu for CPU processes."
        )


def share_threads(*, num_processes: int) -> None:
    """Divide this machine's threads among its `num_processes` processes."""
    if num_processes > 1:
        torch.set_num_threads(max(torch.get_num_threads() // num_processes, 1))


def loader_processes(most: int = 16) -> int:
    """Number of data loader processes for each training process of this machine."""
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return max(2, min(most, len(allowed) // max(torch.cuda.device_count(), 1)))


def describe_device(device: torch.device, *, num_processes: int) -> str:
    """A log line such as "Running on cpu, 2 threads per process, 1 process"."""
    count = f"{num_processes} process" + ("es" if num_processes > 1 else "")
    if device.type == "cuda":
        return f"Running on {torch.cuda.get_device_name(device)} ({device}), {count}"
    threads = torch.get_num_threads()
    return f"Running on {device}, {threads} thread{'s'[: threads > 1]} per process, {count}"
