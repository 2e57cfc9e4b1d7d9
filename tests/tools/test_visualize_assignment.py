"""tools/visualize_assignment.py on the tiny project, with checkpoints that were never trained."""

import csv
import json
import sys

import pytest
import torch
from commands.tiny_project import write_tiny_project
from detectron2.config import LazyConfig, instantiate
from detectron2.data import DatasetCatalog, MetadataCatalog

from dual_weighting.cli import visualize_assignment
from dual_weighting.cli.command import run_command
from dual_weighting.cli.visualize_assignment import file_stem, visualize_command

NAME = "tiny_assignment"
O2F = """
from detectron2.config import LazyCall as L
from dual_weighting.assignment import OneToFew

model = dict(scheme=L(OneToFew)(soft_degree_first=0.8, soft_degree_last=0.2))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Data, three configs, and run/ with checkpoints after 10 and 20 of 40 iterations. Image 5 has
    no ground truth."""
    root = tmp_path_factory.mktemp("assignment")
    config = LazyConfig.load(str(write_tiny_project(root, name=NAME)))
    (root / "o2f.py").write_text(O2F)
    (root / "no_scheme.py").write_text("model = dict(backbone=1)")
    content = json.loads((root / "annotations.json").read_text())
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 5]
    (root / "annotations.json").write_text(json.dumps(content))
    (root / "run").mkdir()
    LazyConfig.save(config, str(root / "run" / "config.yaml"))
    for done in (10, 20):
        torch.manual_seed(done)
        weights = instantiate(config.model).state_dict()
        file = root / "run" / f"model_{done - 1:07d}.pth"
        torch.save({"model": weights, "iteration": done - 1}, file)
    yield root
    DatasetCatalog.remove(NAME)
    MetadataCatalog.remove(NAME)


@pytest.fixture
def run(project, monkeypatch, tmp_path):
    def run(*arguments):
        script = ["visualize_assignment.py", *map(str, arguments), "--output", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", script)
        run_command(visualize_command, visualize_assignment.parse_arguments())
        with (tmp_path / f"{NAME}_3_points.csv").open() as file:
            return list(csv.DictReader(file))

    return run


def test_checkpoints_under_two_schemes(project, run, tmp_path, capsys):
    """Two checkpoints, each under DW and O2F; four tables of at most ten points, and one page."""
    table = run(
        *("--run", project / "run", "--iterations", 10, 20, "--image-id", 3),
        *("--scheme-from", project / "o2f.py"),
    )
    printed = capsys.readouterr().out
    assert "Running on" in printed
    titles = list(dict.fromkeys(row["model"] for row in table))
    assert titles == [
        "DualWeighting, run, 10 iterations",
        "OneToFew, run, scheme of o2f, 10 iterations",
        "DualWeighting, run, 20 iterations",
        "OneToFew, run, scheme of o2f, 20 iterations",
    ]
    assert all(title in printed for title in titles)
    assert {row["ground truth"] for row in table} == {"0"}
    assert {row["class"] for row in table} == {"green"}
    for title in titles:
        points = [row for row in table if row["model"] == title]
        assert [int(row["rank"]) for row in points] == list(range(1, len(points) + 1))
        positive = [float(row["positive"]) for row in points]
        assert positive == sorted(positive, reverse=True) and positive[0] > 0
    # The largest soft target is T of the iteration: 0.8 - 0.6 * 9 / 39 and 0.8 - 0.6 * 19 / 39.
    for done, degree in ((10, 0.8 - 0.6 * 9 / 39), (20, 0.8 - 0.6 * 19 / 39)):
        soft = [
            float(row["target"])
            for row in table
            if row["model"] == f"OneToFew, run, scheme of o2f, {done} iterations"
        ][1:]
        assert max(soft) == pytest.approx(degree, abs=1e-6)
    assert (tmp_path / f"{NAME}_3_gt0.png").stat().st_size > 10_000


def test_two_models(project, run):
    """A config with a checkpoint, beside the output folder of a run."""
    table = run(
        *("--config-file", project / "tiny.py", "--split", "train", "--image-index", 3),
        *("--checkpoints", project / "run" / "model_0000009.pth"),
        *("--compare", project / "run", "--compare-checkpoints", "model_0000019.pth"),
    )
    titles = list(dict.fromkeys(row["model"] for row in table))
    assert titles == ["DualWeighting, tiny, 10 iterations", "DualWeighting, run, 20 iterations"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--run {root}/run", "holds no checkpoint model_final.pth, only model_0000009.pth"),
        ("--run {root}/run --iterations 30", "no checkpoint of 30 iterations, only of these: 10"),
        ("--config-file {root}/tiny.py", "Give the checkpoints of"),
        ("--config-file {root}/tiny.py --checkpoints x.pth", "The checkpoint x.pth does not exist"),
        ("", "Say what to draw"),
        ("--run {root}/run --iterations 10 --image-id 99", "has no image with id 99"),
        ("--run {root}/run --iterations 10 --file-name z", "has no image file z"),
        ("--run {root}/run --iterations 10 --gt 1", "There is no ground truth 1 on image 0"),
        ("--run {root}/run --iterations 10 --image-id 5", "There is no ground truth on image 5"),
        ("--run {root}/run --iterations 10 --dataset nowhere", "no data set called nowhere"),
        ("--run {root}/run --iterations 10 --scheme-from {root}/no.py", "no.py does not exist"),
        (
            "--run {root}/run --iterations 10 --scheme-from {root}/no_scheme.py",
            "has no model.scheme",
        ),
        ("--run {root}/run --iterations 10 --device cuda:9", "cuda:9"),
    ],
)
def test_errors_are_one_sentence(project, run, capsys, options, message):
    with pytest.raises(SystemExit) as ended:
        run(*options.format(root=project).split())
    assert ended.value.code == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("Error: ") and message in error


def test_data_set_of_other_classes(project, run, capsys):
    DatasetCatalog.register("three_classes", lambda: DatasetCatalog.get(NAME))
    MetadataCatalog.get("three_classes").thing_classes = ["a", "b", "c"]
    try:
        with pytest.raises(SystemExit):
            run("--run", project / "run", "--iterations", 10, "--dataset", "three_classes")
    finally:
        DatasetCatalog.remove("three_classes")
        MetadataCatalog.remove("three_classes")
    assert "has 2 classes but the data set of image 0 of three_classes (000.png) has 3" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("dataset", "image_id", "stem"),
    [("digits_val", 7, "digits_val_7"), ("coco:/data/my set/val.json", "a/b", "val_a_b")],
)
def test_file_names(dataset, image_id, stem):
    """Own data sets are named after their files, and ids may be text."""
    assert file_stem(dataset, image_id) == stem
