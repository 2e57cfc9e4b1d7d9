"""The losses beside the time that the memory needs for what they must read and write."""

import statistics
import time

import torch

from benchmarks.losses import step, times
from benchmarks.markdown import images, markdown_table, ms
from benchmarks.operations import CountOperations
from benchmarks.schemes import METHODS, STRIDES, random_batch
from dual_weighting.assignment import PointGrid
from dual_weighting.engine.freed_memory import keep_freed_memory

HEADING = "Losses and memory traffic"
QUICK = {"num_gts": (2, 10), "image_size": (160, 224), "repeats": 2, "copied": 2**22}
FLOAT = 4  # bytes


def bytes_that_must_move(num_points: int, num_classes: int) -> int:
    """What every scheme must read and write for the points of a batch, in float32.

    Each class logit and each objectness belongs to a loss, as a positive or a negative, so each is
    read once and its gradient written once. Box distances are read at candidates only, but their
    gradient is an array of all points; reading all of them is 2 % of the whole and is counted.
    Ground truths, pairs and parameters are left out: they are small, or stay in the cache.
    """
    per_point = num_classes + 4 + 1
    return 2 * FLOAT * per_point * num_points


def copy_bandwidth(device: torch.device, num_bytes: int = 2**29, repeats: int = 9) -> float:
    """Bytes that are read and written in a second while an array of this size is copied, with all
    threads of torch."""
    source = torch.zeros(num_bytes // FLOAT, device=device)
    copy = torch.zeros_like(source)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        copy.copy_(source)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * num_bytes / statistics.median(seconds)


def kernels(losses, batch: dict) -> int:
    """How many kernels a call starts on a GPU, forward and backward."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        step(losses, batch)
    names = [event.name for event in profiler.events()]
    return sum(not name.startswith(("Mem", "cuda")) for name in names)


def counts(losses, batch: dict) -> dict:
    """Operations of a call, those that wait for a GPU, and on a GPU its kernels."""
    with CountOperations() as operations:
        step(losses, batch)
    found = {"operations": operations.count}
    if batch["cls_logits"].is_cuda:
        found["kernels"] = kernels(losses, batch)
    return found


def run(
    *,
    num_gts: tuple[int, ...] = (7, 50, 200),
    num_images: int = 2,
    num_classes: int = 80,
    image_size: tuple[int, int] = (800, 1333),
    repeats: int = 15,
    copied: int = 2**29,
    device: torch.device,
) -> dict:
    """Seconds of each method, and of the least that any of them can take."""
    keep_freed_memory()  # as in a training
    bandwidth = copy_bandwidth(device, copied)
    settings = {"num_images": num_images, "num_classes": num_classes, "image_size": image_size}
    num_points = num_images * len(PointGrid.from_image(image_size, STRIDES))
    sparse = {name: formulations["sparse"] for name, formulations in METHODS.items()}
    seconds, found = {}, {}
    for num_gt in num_gts:
        batch = random_batch(num_gt, device=device, **settings)
        for name, value in times(sparse, batch, repeats).items():
            seconds.setdefault(name, {})[str(num_gt)] = value
        found = {name: counts(losses, batch) for name, losses in sparse.items()}
    moved = bytes_that_must_move(num_points, num_classes)
    return settings | {
        "bandwidth": bandwidth,
        "moved": moved,
        "floor": moved / bandwidth,
        "seconds": seconds,
        "counts": found,
    }


def table(result: dict) -> str:
    num_gts = list(next(iter(result["seconds"].values())))
    counted = list(next(iter(result["counts"].values())))
    rows = [
        (
            name,
            *(f"{ms(seconds[n])} ({seconds[n] / result['floor']:.1f} x)" for n in num_gts),
            *(str(result["counts"][name][what]) for what in counted),
        )
        for name, seconds in result["seconds"].items()
    ]
    about = (
        f"The losses of {images(result['num_images'], result['image_size'])} with "
        f"{result['num_classes']} classes read their inputs and write gradients of the same size: "
        f"{result['moved'] / 1e6:.1f} MB. Copying moves {result['bandwidth'] / 1e9:.1f} GB a "
        f"second here, so nothing can be faster than **{ms(result['floor'])}**. In brackets, how "
        "many times that is taken. Operations of torch are those of forward and backward; their "
        "number does not depend on the objects."
    )
    header = ("", *(f"{n} objects an image" for n in num_gts), *counted)
    return f"{about}\n\n{markdown_table(header, rows)}\n\n{NOTES}"


NOTES = """\
Inside a scheme and its losses the host waits for the device once, for the number of candidates: \
`int(block_size.sum())` in DW, O2F and FCOS, a `nonzero` in DLA and ATSS. `tests/test_crowds.py` \
counts that. The functions of `dual_weighting.functional` wait once more, for the check of the \
classes that they are given.

What was the largest gap, and was closed on 2026-11-21: by the profiler, a third of the time of \
every scheme went into the gradient of the class logits. It was multiplied into a new array, the \
pairs' logits had an array of zeros of their own, copied once more, and the two were added: some \
eleven reads and writes of an array that must be written once. Expected from writing it once, and \
from leaving out the objectness where a scheme has none: 16 ms less of DW's 42 and 20 ms less of \
FCOS's 38. Measured with one image of 800 x 1333 in processor time of 1 thread, other work beside \
it, old and new in turn, the mean of two medians:

|      | before, 7 objects | after | before, 200 objects | after |
|------|------------------:|------:|--------------------:|------:|
| DW   |             42 ms | 26 ms |               88 ms | 69 ms |
| O2F  |             42 ms | 26 ms |               37 ms | 30 ms |
| DLA  |             40 ms | 22 ms |               51 ms | 32 ms |
| FCOS |             38 ms | 24 ms |               43 ms | 24 ms |
| ATSS |             44 ms | 21 ms |               51 ms | 31 ms |

What is left is arithmetic: of DW's 26 ms with 7 objects some 17 are the sigmoids, the logarithm \
and the products of every class logit, a dozen operations on blocks that stay in the cache. With \
many objects it is DW's candidates, which are all the points in a box."""
