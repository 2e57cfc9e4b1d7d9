"""What a measurement was made on."""

import os
import platform
from pathlib import Path

import torch


def describe_machine(device: torch.device) -> str:
    """In one line: processor, cores, memory, GPU, threads and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    threads = torch.get_num_threads()
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    return (
        f"{processor()} ({torch.backends.cpu.get_cpu_capability()}), "
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {gpu}; "
        f"{threads} thread{'s'[: threads != 1]}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.system()}"
    )


def processor() -> str:
    """The name of the processor, as far as the system knows it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
