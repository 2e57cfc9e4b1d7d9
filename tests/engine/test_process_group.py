"""Two processes that are forks of this one, which is quick: they compute no gradient."""

import multiprocessing
import socket
import time

import pytest
import torch
import torch.distributed as dist

from dual_weighting.engine.process_group import Place, as_one_of, lost, speaks_of_others
from dual_weighting.errors import UserError

CPU = torch.device("cpu")
FORK = multiprocessing.get_context("fork")
MINUTES = 0.05


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def place(rank, port, **changes):
    url = f"tcp://127.0.0.1:{port}"
    common = Place(rank, 2, local_rank=0, local_size=1, url=url, minutes=MINUTES)
    return common._replace(**changes)


def fork(work, *args):
    """Start `work(*args)` in a fork; where the sentence of its `UserError` comes out."""
    receiver, sender = FORK.Pipe(duplex=False)

    def run():
        try:
            work(*args)
        except UserError as error:
            sender.send(str(error))
        else:
            sender.send("")

    FORK.Process(target=run, daemon=True).start()
    return receiver


def sentence_of(receiver):
    assert receiver.poll(60), "a process hangs"
    return receiver.recv()


def hang_in_process_1(rank, port, over):
    with as_one_of(place(rank, port), CPU):
        dist.all_reduce(torch.ones(1))
        if rank == 1:
            over.wait()
        dist.all_reduce(torch.ones(1))


def test_a_process_that_hangs(port):
    over = FORK.Event()
    processes = [fork(hang_in_process_1, rank, port, over) for rank in range(2)]
    message = sentence_of(processes[0])
    assert message.startswith("Process 0 waited 0.05 minutes (--dist-timeout) for another one (Tim")
    assert "which one hangs" in message and "--resume" in message
    over.set()
    assert sentence_of(processes[1]).startswith("Process 1 lost another one (")


def join(where):
    with as_one_of(where, CPU):
        pass


def test_a_machine_that_never_comes(port):
    """The first waits for the second, and the second of another pair for its first."""
    start = time.monotonic()
    first = fork(join, place(0, port, minutes=0.02))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # but does not listen
        second = fork(join, place(1, nobody.getsockname()[1], minutes=0.02))
        message = sentence_of(second)
    assert message.startswith("Process 1 found nobody at tcp://127.0.0.1:")
    assert "start the command with --machine-rank 0" in message
    message = sentence_of(first)
    assert message.startswith("Not all 2 processes came within 0.02 minutes (--dist-timeout; ")
    assert "1/2 clients joined" in message and "--machine-rank 0, 1, ..." in message
    assert time.monotonic() - start < 30


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = sentence_of(fork(join, place(0, taken.getsockname()[1])))
    assert message.startswith("Process 0 cannot use the address tcp://127.0.0.1:")
    assert message.endswith("take a free port of machine 0.")


def test_what_speaks_of_others():
    assert speaks_of_others(dist.DistBackendError("NCCL error in: a.cpp"))
    assert speaks_of_others(RuntimeError("[/pytorch/third_party/gloo/gloo/tcp/pair.cc:5] Closed"))
    assert not speaks_of_others(RuntimeError("shapes cannot be multiplied (2x3 and 4x5)"))
    assert not speaks_of_others(ValueError("/gloo/"))
    nccl = dist.DistBackendError("[a.cpp:7] NCCL error in: b.cpp\nLast error:\nx")
    assert lost(place(0, 1), nccl).startswith("Process 0 lost another one (NCCL error in: b.cpp): ")
