"""Batches that a thread takes from the loader."""

import threading
import time
from types import SimpleNamespace

import pytest
import torch
from detectron2.utils.events import EventStorage

from dual_weighting.engine.hooks import DataTimeHook
from dual_weighting.engine.prefetch import prefetched

CPU = torch.device("cpu")


def batches(count, taken=None):
    for k in range(count):
        if taken is not None:
            taken.append(k)
        yield [{"image": torch.full((3, 2, 2), k), "image_id": k}]


def test_order_and_content_are_those_of_the_loader():
    found = list(prefetched(batches(5), CPU))
    assert [batch[0]["image_id"] for batch in found] == list(range(5))
    assert [int(batch[0]["image"].sum()) for batch in found] == [12 * k for k in range(5)]


def test_the_next_batch_is_taken_while_one_is_in_use():
    taken = []
    iterator = prefetched(batches(9, taken), CPU)
    assert next(iterator)[0]["image_id"] == 0
    deadline = time.monotonic() + 5
    while len(taken) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert taken == [0, 1, 2]  # one in use, one ready, one on its way


def test_errors_of_the_loader_arrive_in_their_turn():
    def failing():
        yield from batches(1)
        raise OSError("no such image")

    iterator = prefetched(failing(), CPU)
    next(iterator)
    with pytest.raises(OSError, match="no such image"):
        next(iterator)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_the_thread_ends_with_the_training():
    iterator = prefetched(batches(10**9), CPU)
    next(iterator)
    (thread,) = threads()
    iterator.close()
    thread.join(timeout=5)
    assert not threads()


@pytest.mark.parametrize(("waiting", "said"), [(0.02, True), (0.005, False)])
def test_waiting_for_data_is_said_once(waiting, said, caplog):
    hook = DataTimeHook(steps=10)
    with EventStorage(0) as storage:
        hook.trainer = SimpleNamespace(iter=0, start_iter=0, storage=storage)
        for hook.trainer.iter in range(30):
            storage.put_scalars(data_time=waiting, time=0.1)
            hook.after_step()
            storage.step()
    assert caplog.text.count("num_workers") == said
    assert ("20 %" in caplog.text) == said
