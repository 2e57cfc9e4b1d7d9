"""The next batch, ready while the step before it runs."""

import queue
import threading
from collections.abc import Iterable, Iterator

import torch


def prefetched(loader: Iterable[list[dict]], device: torch.device) -> Iterator[list[dict]]:
    """The batches of `loader`, each taken from it by a thread while the one before is in use.

    A loader's processes send images one by one; receiving and grouping them takes milliseconds a
    batch, which the step need not wait for. Where `device` is a GPU, the thread also copies images
    to pinned memory, from which they go to the GPU without a wait. Order and content stay the same.
    """
    batches: queue.Queue = queue.Queue(maxsize=1)
    over = threading.Event()

    def fill() -> None:
        try:
            if device.type == "cuda":
                torch.cuda.set_device(device)  # a thread starts with the first one
            for batch in loader:
                batches.put(pinned(batch) if device.type == "cuda" else batch)
                if over.is_set():
                    return
            batches.put(None)
        except BaseException as error:  # raised again where the batch is waited for
            batches.put(error)

    threading.Thread(target=fill, daemon=True).start()
    try:
        while (batch := batches.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield [x | {"image": x["image"].to(device, non_blocking=True)} for x in batch]
    finally:
        over.set()
        while not batches.empty():  # let the thread go on, and end
            batches.get_nowait()


def pinned(batch: list[dict]) -> list[dict]:
    return [image | {"image": image["image"].pin_memory()} for image in batch]
