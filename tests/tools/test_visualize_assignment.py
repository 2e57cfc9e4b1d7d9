"""tools/visualize_assignment.py on the tiny project, with checkpoints that were never trained."""

import csv
import json

import pytest
import torch
from commands.run import run_here
from commands.tiny_project import write_tiny_project
from detectron2.config import LazyConfig, instantiate
from detectron2.data import DatasetCatalog, MetadataCatalog

from dual_weighting.cli import visualize_assignment
from dual_weighting.cli.visualize_assignment import file_stem

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
    DatasetCatalog.register("three_classes", lambda: DatasetCatalog.get(NAME))
    MetadataCatalog.get("three_classes").thing_classes = ["a", "b", "c"]
    yield root
    for name in (NAME, "three_classes"):
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def table_of(output, *arguments):
    """What is printed, and the rows of the table of points."""
    result = run_here(visualize_assignment, *arguments, "--output", output)
    assert result.returncode == 0, result.stderr
    with (output / f"{NAME}_3_points.csv").open() as file:
        return result.stdout, list(csv.DictReader(file))


def titles_of(table):
    return list(dict.fromkeys(row["model"] for row in table))


def test_checkpoints_under_two_schemes(project, tmp_path):
    """Two checkpoints, each under DW and O2F; four tables of at most ten points, and one page."""
    printed, table = table_of(
        tmp_path,
        *("--run", project / "run", "--iterations", 10, 20, "--image-id", 3),
        *("--scheme-from", project / "o2f.py"),
    )
    assert "Running on" in printed
    titles = titles_of(table)
    assert titles == [
        "DualWeighting, run, 10 iterations",
        "OneToFew, run, scheme of o2f, 10 iterations",
        "DualWeighting, run, 20 iterations",
        "OneToFew, run, scheme of o2f, 20 iterations",
    ]
    assert all(title in printed for title in titles)
    assert {(row["ground truth"], row["class"]) for row in table} == {("0", "green")}
    for title in titles:
        points = [row for row in table if row["model"] == title]
        assert [int(row["rank"]) for row in points] == list(range(1, len(points) + 1))
        positive = [float(row["positive"]) for row in points]
        assert positive == sorted(positive, reverse=True) and positive[0] > 0
        if title.startswith("OneToFew"):  # the largest soft target is T of the iteration
            degree = 0.8 - 0.6 * (9 if ", 10 it" in title else 19) / 39
            soft = max(float(row["target"]) for row in points[1:])
            assert soft == pytest.approx(degree, abs=1e-6)
    assert (tmp_path / f"{NAME}_3_gt0.png").stat().st_size > 10_000


def test_two_models(project, tmp_path):
    """A config with a checkpoint, beside the output folder of a run."""
    _, table = table_of(
        tmp_path,
        *("--config-file", project / "tiny.py", "--split", "train", "--image-index", 3),
        *("--checkpoints", project / "run" / "model_0000009.pth"),
        *("--compare", project / "run", "--compare-checkpoints", "model_0000019.pth"),
    )
    assert titles_of(table) == [
        "DualWeighting, tiny, 10 iterations",
        "DualWeighting, run, 20 iterations",
    ]


LAST = "--run {root}/run --iterations 10"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--run {root}/run", "no checkpoint model_final.pth, only model_0000009.pth"),
        ("--run {root}/run --iterations 30", "no checkpoint of 30 iterations, only of these: 10"),
        ("--config-file {root}/tiny.py", "--checkpoints of"),
        ("--config-file {root}/tiny.py --checkpoints x.pth", "x.pth does not exist"),
        ("", "give --run"),
        (f"{LAST} --image-id 99", "id 99"),
        (f"{LAST} --file-name z", " z"),
        (f"{LAST} --gt 1", "ground truth 1"),
        (f"{LAST} --image-id 5", "no ground truth on image 5"),
        (f"{LAST} --dataset nowhere", "nowhere"),
        (f"{LAST} --scheme-from {{root}}/no.py", "no.py does not exist"),
        (f"{LAST} --scheme-from {{root}}/no_scheme.py", "has no model.scheme"),
        (f"{LAST} --device cuda:9", "cuda:9"),
        (f"{LAST} --dataset three_classes", "three_classes (000.png) has 3"),
    ],
)
def test_errors_are_one_sentence(project, tmp_path, options, message):
    arguments = options.format(root=project).split()
    result = run_here(visualize_assignment, *arguments, "--output", tmp_path)
    error = result.stderr.strip().splitlines()[-1]
    assert result.returncode == 1 and error.startswith("Error: ") and message in error


@pytest.mark.parametrize(
    ("dataset", "image_id", "stem"),
    [("digits_val", 7, "digits_val_7"), ("coco:/data/my set/val.json", "a/b", "val_a_b")],
)
def test_file_names(dataset, image_id, stem):
    """Own data sets are named after their files, and ids may be text."""
    assert file_stem(dataset, image_id) == stem
