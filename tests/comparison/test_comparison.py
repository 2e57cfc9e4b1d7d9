"""Comparisons of runs that a stand-in for tools/train_net.py makes in no time."""

import csv
import io
import json
import math
import sys

import numpy as np
import pytest
from coco_files import write_annotations
from omegaconf import OmegaConf

from dual_weighting.cli.compare import changes_of, files_of, write_results
from dual_weighting.comparison.intervals import Interval, mean_interval, paired_interval
from dual_weighting.comparison.queue import run_all
from dual_weighting.comparison.runs import plan_runs
from dual_weighting.comparison.table import comma_separated, markdown, rows_of
from dual_weighting.evaluation.diagnosis import Diagnosis
from dual_weighting.evaluation.ground_truth import Detections, GroundTruth
from dual_weighting.report import RunFiles
from dual_weighting.utils.errors import UserError
from dual_weighting.visualization.curves import common_iterations

# AP is 10 times the seed and twice that for the config `b`; seed 3 of `b` fails the first time.
TRAINER = """
import json, sys
from pathlib import Path

config = Path(sys.argv[sys.argv.index("--config-file") + 1]).stem
values = dict(text.split("=") for text in sys.argv if "=" in text)
seed, folder = int(values["train.seed"]), Path(values["train.output_dir"])
with (folder / "calls.txt").open("a") as file:
    file.write("resume" if "--resume" in sys.argv else "start")
if (config, seed) == ("b", 3) and not (folder / "last_checkpoint").exists():
    (folder / "last_checkpoint").write_text("model_1.pth")
    print("Error: out of luck.")
    sys.exit(1)
ap = 10.0 * seed * (2 if config == "b" else 1)
steps = [
    {"iteration": k, "time": 0.1 * (k + 1), "peak_memory_mib": 100.0 + k}
    | {"assignment/positives_per_gt": float(k)}
    for k in range(3)
]
lines = [*steps, {"iteration": 3, "bbox/AP": ap}]
(folder / "metrics.json").write_text("".join(json.dumps(line) + "\\n" for line in lines))
evaluation = {"bbox": {"AP": ap, "APl": float("nan")}}
evaluation["duplicates"] = {"with_nms": {"AP": ap}, "without_nms": {"AP": ap - 4}}
(folder / "evaluation.json").write_text(json.dumps(evaluation))
"""


@pytest.fixture(scope="module")
def compare(tmp_path_factory):
    """A function that plans the runs of the configs a and b and does them: runs and failed ones."""
    root = tmp_path_factory.mktemp("comparison")
    (root / "trainer.py").write_text(TRAINER)
    configs = [root / "a.py", root / "b.py"]
    for config in configs:
        config.write_text("model = dict(test_nms_thresh=None)\ntrain = dict(max_iter=3, seed=-1)\n")

    def compare(output, *, seeds=(1, 3), overrides=()):
        runs = plan_runs(list(map(str, configs)), seeds, overrides, root / output)
        command = [sys.executable, str(root / "trainer.py")]
        return runs, run_all(runs, command=command, num_jobs=2, poll_seconds=0.01)

    return compare


@pytest.fixture(scope="module")
def finished(compare):
    """The runs of two seeds, and those that failed the first time."""
    runs, failed = compare("finished")
    assert compare("finished")[1] == []
    return runs, failed


def test_what_failed_is_named_and_goes_on_when_started_again(finished):
    runs, failed = finished
    assert [(run.name, run.seed) for run in failed] == [("b", 3)]
    for run in runs:
        assert json.loads((run.folder / "run.json").read_text()) == run.settings
        calls = (run.folder / "calls.txt").read_text()
        assert calls == ("startresume" if run in failed else "start")
    assert failed[0].last_words() == "Error: out of luck."


def test_table(finished):
    """Changes are of the seeds of both, 10, 30 and 20, 60, without detections for intervals."""
    runs, _ = finished
    rows = rows_of(runs)
    assert list(rows) == ["b", "a"]  # the better one first
    done = {(run.name, run.seed): files_of(run) for run in runs}
    lines = markdown(rows, changes_of(done, first="a")).splitlines()
    head, _, best, first = ([x.strip() for x in line.strip("|").split("|")] for line in lines)
    assert dict(zip(head, best, strict=True)) == {
        "config": "b",
        "seeds": "2",
        "AP": "40.0 ± 28.3",
        "AP without NMS": "36.0 ± 28.3",
        "lost without NMS": "4.0 ± 0.0",
        "positives / object": "2.0 ± 0.0",
        "ms / step": "200 ± 0",
        "peak MiB": "102 ± 0",
        "change of AP [95%]": "+20.0",
    }
    assert first[2] == "20.0 ± 14.1" and first[-1] == "-"
    (row, _) = csv.DictReader(io.StringIO(comma_separated(rows)))
    assert float(row["AP"]) == 40 and float(row["AP_std"]) == pytest.approx(math.sqrt(800))


def test_one_seed(compare, capsys):
    """No deviation; a run of which a line or an evaluation is missing is not done; a seed without
    detections counts as 0."""
    runs, _ = compare("one", seeds=(1,))
    table = markdown(rows_of(runs))
    assert "10.0 |" in table and "±" not in table
    write_results(runs, runs[0].folder.parents[1])
    for ending in ("md", "csv", "png", "html"):
        assert (runs[0].folder.parents[1] / f"comparison.{ending}").stat().st_size > 100

    evaluation, metrics = (runs[0].folder / f"{x}.json" for x in ("evaluation", "metrics"))
    evaluation.write_text(json.dumps({"bbox": {"AP": math.nan}}))
    assert [row["AP"] for row in rows_of(runs)["a"]] == [0]
    metrics.write_text("\n".join(metrics.read_text().splitlines()[:-1]) + "\n")
    assert not runs[0].is_done() and runs[0].iteration() == 3
    with pytest.raises(UserError, match=r"seed_1 .* overrides and num_iter"):
        compare("one", seeds=(1,), overrides=["train.max_iter=4"])


def test_two_configs_of_one_name(tmp_path):
    with pytest.raises(UserError, match=r"Two configs are named a: "):
        plan_runs(["x/a.py", "y/a.py"], [1], [], tmp_path)


def test_curves_meet_at_the_iterations_all_have():
    first = (np.array([10, 20, 30]), np.array([1.0, 2, 3]))
    second = (np.array([20, 30, 40]), np.array([4.0, 5, 6]))
    iterations, values = common_iterations([first, second])
    assert iterations.tolist() == [20, 30] and values.tolist() == [[2, 3], [4, 5]]


def test_interval_of_two_detectors(tmp_path):
    """The second finds the object of every image, the first of every other one."""
    boxes = [(k, 0, (0, 0, 20, 20), False) for k in range(40)]
    truth = GroundTruth(write_annotations(tmp_path / "t.json", boxes, num_images=40))

    def run(found):
        one = np.zeros(len(found), int)
        xywh = np.tile([0.0, 0, 20, 20], (len(found), 1))
        detections = Detections(np.array(found), one, xywh, np.ones(len(found)))
        files = RunFiles(OmegaConf.create({}), tmp_path, diagnosis=Diagnosis(truth, detections))
        files.evaluation = {"bbox": {"AP": 100 * len(found) / 40}}
        return files

    every, half = run(range(40)), run(range(0, 40, 2))
    interval = paired_interval(half, every)
    assert interval.change == 50 and 20 < interval.low < 50 < interval.high < 80
    assert str(Interval(1.25, 0.5, 2.0)) == "+1.2 [+0.5, +2.0]"
    mean = mean_interval([Interval(1, 0, 2), Interval(3, 2, 6)])
    assert (mean.change, mean.low, mean.high) == (2, 1, 4)
