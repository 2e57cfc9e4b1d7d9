"""What the benchmark compares computes the same, and its page keeps what was measured."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import benchmark
import pytest
import torch
from benchmarks import crowds, inference, losses, page, sections, startup, step
from benchmarks.floor import bytes_that_must_move
from benchmarks.markdown import markdown_table
from benchmarks.schemes import METHODS
from scenes import random_scene, with_gradient

from dual_weighting import model_zoo
from dual_weighting.utils.errors import UserError

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", METHODS)
def test_both_formulations_agree(method, seed):
    results = []
    for function in METHODS[method].values():
        scene = with_gradient(random_scene(seed, num_gt=(5, 0)))
        values = function(**scene)
        sum(values.values()).backward()
        results.append((values, *(scene[name].grad for name in losses.INPUTS)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_bytes_that_must_move():
    """80 class logits, 4 distances and 1 objectness of 4 bytes, read, and as many gradients."""
    assert bytes_that_must_move(num_points=10, num_classes=80) == 10 * 2 * 85 * 4


def test_table():
    assert markdown_table(("", "one"), [("a", "1.5"), ("long", "10.5")]).splitlines() == [
        "|      |  one |",
        "|------|-----:|",
        "| a    |  1.5 |",
        "| long | 10.5 |",
    ]


class ThreadPool(ThreadPoolExecutor):
    """Of one thread, in the place of a pool of processes."""

    def __init__(self, count, context, **kwargs):
        super().__init__(count)


def test_training_step(monkeypatch):
    """One row a model, the first compared with itself."""
    digits = (model_zoo.get_config, "Digits/dw_R_18_FPN.py")
    monkeypatch.setattr(step, "MODELS", {"one": digits, "two": digits})
    monkeypatch.setattr(step, "peak_memory", lambda *args: 2**20)
    monkeypatch.setattr(step, "ProcessPoolExecutor", ThreadPool)
    result = step.run(num_classes=10, image_size=(64, 96), repeats=1, device=CPU)
    one, two = [line for line in step.table(result).splitlines() if "1 MiB |" in line]
    assert one.split("|")[1].strip() == "one" and two.split("|")[1].strip() == "two"
    assert [cell.strip() for cell in one.split("|")[4:6]] == ["1.00 x", "1 MiB"]


def test_crowds(monkeypatch, tmp_path):
    """What 5 objects take beyond one; a table that grows by a MiB a ground truth ends at 4 MiB."""
    peaks = {1: (10 * 2**20, 1.0), 5: (13 * 2**20, 1.5)}
    monkeypatch.setattr(crowds, "measure", lambda config, num_gt, settings: peaks[num_gt])
    monkeypatch.setattr(crowds, "ProcessPoolExecutor", ThreadPool)
    monkeypatch.setattr(crowds, "METHODS", {"DW": {"sparse": "sparse", "dense": "dense"}})
    monkeypatch.setattr(crowds, "times", lambda formulations, *args: dict.fromkeys(formulations, 1))
    monkeypatch.setattr(
        crowds, "peak_memory", lambda losses, batch: len(batch["gt_boxes"][0]) * 2**20
    )
    result = crowds.run(
        num_gts=(1, 2, 4, 8), num_gt=5, bound=4 * 2**20, configs=("one.py",), device=CPU
    )
    assert [point[0] for point in result["curves"]["DW"]["sparse"]] == [1, 2, 4, 8]
    assert [point[0] for point in result["curves"]["DW"]["dense"]] == [1, 2, 4]
    (row,) = [line for line in crowds.table(result).splitlines() if "one.py" in line]
    assert [x.strip() for x in row.split("|")[2:4]] == ["10 MiB", "+3 MiB"]
    crowds.figure(result, tmp_path)
    assert (tmp_path / "crowds.png").stat().st_size > 10_000


def test_masks_of_the_crowds():
    """The masks of the benchmark fill their boxes."""
    masks = crowds.rectangle_masks(torch.tensor([[2.0, 3, 6, 8]]))
    assert masks.area().tolist() == [20.0]


def test_stages_of_inference(monkeypatch):
    """Every stage has a time, and a larger share of scores gives more candidates."""
    monkeypatch.setattr(inference, "CONFIGS", ("Digits/dw_R_18_FPN.py",))
    result = inference.run(image_size=(64, 96), repeats=1, device=CPU)
    (seconds,) = result["stages"].values()
    assert len(seconds) == len(inference.STAGES) and min(seconds) > 0
    counts = [row["candidates"] for row in result["choices"]]
    assert counts == sorted(counts) and counts[0] < counts[-1]
    assert "`dw_R_18_FPN.py`" in inference.table(result)


def test_start_of_a_command():
    assert startup.seconds(["-c", "pass"]) > 0
    waits = "import time; print(1); time.sleep(60)"
    assert 0 < startup.seconds(["-c", waits], first_line=True) < 30
    with pytest.raises(RuntimeError, match="failed"):
        startup.seconds(["-c", "raise SystemExit(3)"])


@pytest.fixture
def two_sections(monkeypatch):
    """In the place of all: "good" counts its runs, "bad" fails while `bad.fails` is set."""
    good = SimpleNamespace(HEADING="Good", QUICK={}, runs=0, table=lambda x: f"run {x['run']}")
    bad = SimpleNamespace(HEADING="Bad", QUICK={}, fails=True, table=lambda x: "no run")

    def run_good():
        good.runs += 1
        return {"run": good.runs}

    def run_bad():
        return {} if not bad.fails else 1 / 0

    good.run, bad.run = run_good, run_bad
    for module in (page, sections, benchmark):
        monkeypatch.setattr(module, "SECTIONS", {"good": good, "bad": bad})
    return good, bad


def test_a_section_that_fails_leaves_the_others(two_sections, tmp_path):
    file = tmp_path / "docs" / "PAGE.md"
    with pytest.raises(UserError, match="of bad; --sections bad measures"):
        page.make_page(["good", "bad"], file, device=CPU)
    assert "## Good" in file.read_text() and "## Bad" not in file.read_text()

    good, bad = two_sections
    bad.fails = False
    page.make_page(["bad"], file, device=CPU)
    text = file.read_text()
    assert text.index("run 1") < text.index("## Bad") and good.runs == 1
    page.make_page(["good"], file, device=CPU)
    assert "run 2" in file.read_text() and "## Bad" in file.read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["page", "--sections", "good,worse"], "No section worse: they are good, bad"),
        (["page", "--repeats", "3"], "The page has its own sizes"),
        (["good", "--num-gts", "3"], "The section good has no --num-gts"),
    ],
)
def test_wrong_arguments(two_sections, monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *arguments])
    with pytest.raises(UserError, match=message):
        benchmark.main(benchmark.parse_arguments())
