"""The commands of tools/benchmark.py on tiny inputs."""

import sys

import benchmark
import pytest
import torch
from benchmarks import gpu, step, training
from benchmarks.measure import PeakAllocations, median_seconds
from detectron2.data import DatasetCatalog, MetadataCatalog

from dual_weighting import model_zoo

DIGITS = "Digits/dw_R_18_FPN.py"


def digits_of_80_classes(_):
    cfg = model_zoo.get_config(DIGITS)
    cfg.model.num_classes = 80
    return cfg


def test_peak_of_allocations():
    """4,000 bytes of an input do not count; 8,000 and then 4,000 at a time, 12,000 at the most."""
    x = torch.zeros(1000)
    with PeakAllocations([x]) as peak:
        view = x[:10]
        y = torch.cat((x, x))
        del view
        z = y[:1000] + x
        del y
        z = z + 1
    assert peak.bytes == 12_000


def test_calls_take_turns():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = median_seconds(calls, repeats=2)
    assert "".join(order).count("ab") == "".join(order).count("ba") + 1 == 2
    assert set(seconds) == {"a", "b"} and min(seconds.values()) > 0


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (
            "losses --num-gts 2 10 --num-images 1 --num-classes 3",
            ["10 objects", "DW", "Detectron2"],
        ),
        ("step --num-gt 2", ["one", "1.00 x", "two"]),
        (f"crowds --num-gts 1 3 --num-gt 5 --configs {DIGITS}", ["3 obj", DIGITS, "5 obj"]),
        (f"inference --configs {DIGITS}", ["dw_R_18_FPN.py", "with NMS", "candidates"]),
        ("training --num-images 2 --workers 1 --steps 3", ["wait for data"]),
        (
            "gpu --num-images 1 2 --workers 1 --steps 3 --backend eager",
            ["DW step, 1 images, eager", "losses of DW", "one image", "second", "O2F step"],
        ),
    ],
)
def test_commands(arguments, expected, monkeypatch, capsys):
    if training.DATA_SET in DatasetCatalog:
        DatasetCatalog.remove(training.DATA_SET)
        MetadataCatalog.remove(training.DATA_SET)
    digits = (model_zoo.get_config, DIGITS)
    monkeypatch.setattr(step, "MODELS", {"one": digits, "two": digits})
    for module in (gpu, training):
        monkeypatch.setattr(module, "detectron2_config", digits_of_80_classes)
        monkeypatch.setattr(module, "get_config", digits_of_80_classes)
    options = ["--device", "cpu", "--image-size", "64", "96"]
    options += [] if arguments.startswith("training") else ["--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *arguments.split(), *options])
    benchmark.main(benchmark.parse_arguments())
    printed = capsys.readouterr().out
    assert all(text in printed for text in [*expected, " ms", f"torch {torch.__version__}"])
