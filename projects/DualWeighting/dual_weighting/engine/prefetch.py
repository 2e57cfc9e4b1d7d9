"""Fetches the next batch while a training step runs."""

import queue
import threading
from collections.abc import Iterable, Iterator

import torch


def prefetched(loader: Iterable[list[dict]], device: torch.device) -> Iterator[list[dict]]:
    """Iterate over `loader` in a thread that is one batch ahead.

    Receiving images from the loader's workers and grouping them takes milliseconds per batch, which
    then overlap with the training step. If `device` is a GPU, the thread also pins the images, so
    that copying them does not block. Order and content of the batches do not change.
    """
    batches: queue.Queue = queue.Queue(maxsize=1)
    over = threading.Event()

    def fill() -> None:
        try:
            if device.type == "cuda":
                torch.cuda.set_device(device)  # threads start with the first GPU
            for batch in loader:
                batches.put(pinned(batch) if device.type == "cuda" else batch)
                if over.is_set():
                    return
            batches.put(None)
        except BaseException as error:  # re-raised in the consumer
            batches.put(error)

    threading.Thread(target=fill, name="prefetch", daemon=True).start()
    try:
        while (batch := batches.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield [x | {"image": x["image"].to(device, non_blocking=True)} for x in batch]
    finally:
        over.set()
        while not batches.empty():  # unblock the thread, so that it ends
            batches.get_nowait()


def pinned(batch: list[dict]) -> list[dict]:
    return [image | {"image": image["image"].pin_memory()} for image in batch]
