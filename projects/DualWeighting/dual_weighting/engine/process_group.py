"""Being one of several processes: finding the others, and noticing that they have gone."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import torch
import torch.distributed as dist
from detectron2.utils import comm

from dual_weighting.errors import UserError


class Place(NamedTuple):
    """Of a process among all processes of a command."""

    rank: int
    world_size: int
    local_rank: int  # on its machine
    local_size: int  # processes a machine
    url: str  # where process 0 is found
    minutes: float  # that the processes wait for each other


@contextmanager
def as_one_of(place: Place, device: torch.device) -> Iterator[None]:
    """Be one of several processes, which speak NCCL on GPUs and gloo on CPUs.

    Raises `UserError` when the others do not come within `place.minutes`, and in place of what
    torch raises when they are lost later.
    """
    join(place, device)
    try:
        yield
    except Exception as error:
        if not speaks_of_others(error):
            raise
        # The launcher should hear first of the process of this machine that ended first.
        time.sleep(1)
        raise UserError(lost(place, error)) from error
    dist.destroy_process_group()


def join(place: Place, device: torch.device) -> None:
    """Set up the process group, and Detectron2's groups of the processes of each machine."""
    if place.rank > 0 and place.url.startswith("tcp://"):
        _await_process_0(place)
    if device.type == "cuda":
        torch.cuda.set_device(place.local_rank)
    try:
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=place.url,
            world_size=place.world_size,
            rank=place.rank,
            timeout=timedelta(minutes=place.minutes),
        )
        comm.create_local_process_group(place.local_size)
        comm.synchronize()
    except dist.DistNetworkError as error:
        raise UserError(
            f"Process {place.rank} cannot use the address {place.url} ({_reason(error)}): "
            "take a free port of machine 0."
        ) from error
    except dist.DistStoreError as error:
        raise UserError(
            f"Not all {place.world_size} processes came within {place.minutes:g} minutes "
            f"(--dist-timeout; {_reason(error)}): start the command on every machine, with "
            "--machine-rank 0, 1, ..., and look at what the missing one printed."
        ) from error
    except RuntimeError as error:
        if not speaks_of_others(error):
            raise
        raise UserError(
            f"Process {place.rank} found the others at {place.url}, but cannot speak with them "
            f"({_reason(error)}): they may have ended, a firewall may stand between the machines, "
            "or GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME must name the network they share."
        ) from error


def _await_process_0(place: Place) -> None:
    """Wait until something listens at the address. (torch would print a page when nothing does.)"""
    address = urlsplit(place.url)
    end = time.monotonic() + 60 * place.minutes
    while True:
        try:
            socket.create_connection((address.hostname, address.port), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise UserError(
                    f"Process {place.rank} found nobody at {place.url} for {place.minutes:g} "
                    f"minutes (--dist-timeout; {error}): start the command with --machine-rank 0 "
                    "there too, and let the port through its firewall."
                ) from error
        time.sleep(0.1)


def speaks_of_others(error: Exception) -> bool:
    """Whether torch raised `error` because of another process; gloo has no class for its own."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and "/gloo/" in str(error)
    )


def lost(place: Place, error: Exception) -> str:
    """What to say of an error that speaks of other processes."""
    if re.search("time(d )?out", str(error), re.IGNORECASE):
        return (
            f"Process {place.rank} waited {place.minutes:g} minutes (--dist-timeout) for another "
            f"one ({_reason(error)}): the last lines of each process's log say which one hangs; "
            "a training goes on from its last checkpoint with --resume."
        )
    return (
        f"Process {place.rank} lost another one ({_reason(error)}): that one ended before, "
        "and what it printed on its machine says why; a training goes on from its last checkpoint "
        "with --resume."
    )


def _reason(error: Exception) -> str:
    """The first line of what torch says, without its place in torch's code and gloo's advice."""
    line = str(error).strip().splitlines()[0]
    return re.sub(r"^\[\S+:\d+\] |\. This is typically .*|\.$", "", line)
