"""The losses of all schemes, forward and backward, sparse and dense in turn."""

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.markdown import images, markdown_table, mib, ms
from benchmarks.operations import PeakAllocations
from benchmarks.schemes import INPUTS, METHODS, random_batch, tensors_of
from dual_weighting.engine.freed_memory import keep_freed_memory

HEADING = "Losses"
QUICK = {"num_gts": (2, 10), "image_size": (160, 224), "repeats": 2}


def step(losses: Callable[..., dict[str, torch.Tensor]], batch: dict) -> float:
    """Seconds of one forward and backward."""
    for name in INPUTS:
        batch[name].grad = None
    start = time.perf_counter()
    sum(losses(**batch).values()).backward()
    if batch["cls_logits"].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def times(formulations: dict[str, Callable], batch: dict, repeats: int) -> dict[str, float]:
    """Median seconds of each, run in turn."""
    for losses in formulations.values():
        step(losses, batch)
    seconds = {name: [] for name in formulations}
    for _ in range(repeats):
        for name, losses in formulations.items():
            seconds[name].append(step(losses, batch))
    return {name: statistics.median(seconds[name]) for name in formulations}


def peak_memory(losses: Callable, batch: dict) -> int:
    """Most bytes that tensors of a call hold at a time, beyond its inputs."""
    for name in INPUTS:
        batch[name].grad = None
    with PeakAllocations(tensors_of(batch)) as peak:
        step(losses, batch)
    return peak.bytes


def run(
    *,
    num_gts: tuple[int, ...] = (7, 50, 200),
    num_images: int = 2,
    num_classes: int = 80,
    image_size: tuple[int, int] = (800, 1333),
    repeats: int = 5,
    device: torch.device,
) -> dict:
    """Seconds and bytes of each formulation of each method by the number of ground truths."""
    keep_freed_memory()  # as in a training
    settings = {"num_images": num_images, "num_classes": num_classes, "image_size": image_size}
    rows = []
    for num_gt in num_gts:
        batch = random_batch(num_gt, device=device, **settings)
        for method, formulations in METHODS.items():
            row = {"method": method, "num_gt": num_gt}
            row["seconds"] = times(formulations, batch, repeats)
            row["bytes"] = {name: peak_memory(f, batch) for name, f in formulations.items()}
            rows.append(row)
    rows.sort(key=lambda row: list(METHODS).index(row["method"]))
    return settings | {"rows": rows}


def table(result: dict) -> str:
    rows = []
    for row in result["rows"]:
        seconds, memory = row["seconds"], row["bytes"]
        rows.append(
            (
                f"{row['method']}, {row['num_gt']} objects",
                ms(seconds["sparse"]),
                ms(seconds["dense"]),
                f"{seconds['dense'] / seconds['sparse']:.1f} x",
                mib(memory["sparse"]),
                mib(memory["dense"]),
                f"{memory['dense'] / memory['sparse']:.1f} x",
            )
        )
    about = (
        f"Forward and backward of {images(result['num_images'], result['image_size'])} with so "
        f"many objects each and {result['num_classes']} classes, beside the same formulas on "
        "tables of all points by all ground truths. Times are medians, in turn; memory is the most "
        "that tensors hold at a time, beyond the inputs."
    )
    header = ("", "sparse", "dense", "faster", "memory, sparse", "dense", "less")
    return f"{about}\n\n{markdown_table(header, rows)}"
