"""SIGTERM and SIGINT: training stops after the current iteration, a launcher forwards them."""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import torch.distributed as dist
from detectron2.engine import HookBase
from detectron2.utils import comm

from dual_weighting.checkpoint import Checkpointer

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SAME_REQUEST = 3.0  # seconds within which a terminal and a parent may both send a signal
STORE_KEY = "dual_weighting/stop"


@contextlib.contextmanager
def handled(handler: Callable) -> Iterator[None]:
    """Install `handler` for the signals inside the block. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


class StopHook(HookBase):
    """Stops training after the iteration in which a signal arrives, in all processes after the same
    iteration, with a checkpoint and exit code 128 + the signal's number. A second signal, or
    `grace` seconds without stopping, ends the process at once."""

    def __init__(self, checkpointer: Checkpointer, *, grace: float = 60.0):
        self._checkpointer = checkpointer
        self._grace = grace
        self._number = 0
        self._since = 0.0
        self._cleanup = contextlib.ExitStack()

    def before_train(self) -> None:
        self._cleanup.enter_context(handled(self._on_signal))
        self._cleanup.enter_context(self._watched())

    def after_train(self) -> None:
        self._cleanup.close()

    def after_step(self) -> None:
        number = self._agreed_number()
        if not number or self.trainer.iter + 1 >= self.trainer.max_iter:
            return
        self._checkpointer.save(f"model_{self.trainer.iter:07d}", iteration=self.trainer.iter)
        comm.synchronize()
        logger.info(
            "%s stopped the training after iteration %d: checkpoint saved, --resume continues",
            signal.Signals(number).name,
            self.trainer.iter,
        )
        raise SystemExit(128 + number)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._number and time.monotonic() - self._since > SAME_REQUEST:
            self._give_up(number)
        elif not self._number:
            self._number, self._since = number, time.monotonic()

    def _agreed_number(self) -> int:
        """The signal that makes this iteration the last one in every process, or 0.

        The first process that receives a signal announces the next iteration as the last. No other
        process can be ahead of it: the all-reduce of its gradients waits for this process.
        """
        if comm.get_world_size() == 1:
            return self._number
        store = dist.distributed_c10d._get_default_store()
        if self._number:
            store.compare_set(STORE_KEY, "", f"{self.trainer.iter + 1} {self._number}")
        if not store.check([STORE_KEY]):
            return 0
        last, number = map(int, store.get(STORE_KEY).split())
        return number if self.trainer.iter >= last else 0

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Watch for signals in a thread, even while the main thread waits for a GPU or a peer."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        over = threading.Event()

        def watch() -> None:
            number = receiver.recv(1)[0]
            if number and not over.wait(self._grace):
                self._give_up(number)

        previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(previous)
            over.set()
            # Closing would not wake the thread: loader processes share the socket.
            with contextlib.suppress(BlockingIOError):
                sender.send(b"\0")
            thread.join()
            sender.close()
            receiver.close()

    def _give_up(self, number: int) -> None:
        name = signal.Signals(number).name
        print(f"{name}: exiting; --resume continues from the last checkpoint.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(128 + number)


class Forwarding:
    """Context manager that forwards signals to child processes, lets them finish, and then exits
    with the signal's exit code."""

    def __init__(self) -> None:
        self.number = 0
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> "Forwarding":
        self._cleanup.enter_context(handled(self._on_signal))
        return self

    def __exit__(self, *exc_info) -> None:
        self._cleanup.close()
        if self.number:
            raise SystemExit(128 + self.number)

    def _on_signal(self, number: int, frame: object) -> None:
        self.number = number
        for process in multiprocessing.active_children():
            with contextlib.suppress(OSError):
                os.kill(process.pid, number)
