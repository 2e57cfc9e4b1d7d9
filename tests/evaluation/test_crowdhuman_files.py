import json

import pytest
import torch
from commands.run import run_here
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, Instances

from dual_weighting.cli import evaluate_crowdhuman
from dual_weighting.data import register_crowdhuman
from dual_weighting.evaluation.crowdhuman_files import CrowdHumanEvaluator, evaluate_odgt
from dual_weighting.utils.errors import UserError

TRUTHS = [
    {"ID": "a", "gtboxes": [{"tag": "person", "fbox": [0, 0, 10, 10], "extra": {"box_id": 1}}]},
    {"ID": "b", "gtboxes": [{"tag": "person", "fbox": [5, 5, 10, 20]}], "height": 30, "width": 40},
]
DETECTIONS = [
    {"ID": "a", "height": 30, "width": 40, "dtboxes": [{"box": [0, 0, 10, 9], "score": 0.5}]}
]


def write(path, lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def files(tmp_path, detections=DETECTIONS):
    return write(tmp_path / "gt.odgt", TRUTHS), write(tmp_path / "dt.odgt", detections)


def test_an_image_without_detections_has_none(tmp_path):
    assert evaluate_odgt(*files(tmp_path)).Recall == 0.5


def test_detections_of_an_unknown_image(tmp_path):
    with pytest.raises(UserError, match=r"dt.odgt, line 2, is of image c, .*gt.odgt"):
        evaluate_odgt(*files(tmp_path, [*DETECTIONS, {"ID": "c", "dtboxes": []}]))


def test_an_image_of_unknown_size(tmp_path):
    with pytest.raises(UserError, match=r'dt.odgt, line 1, .*"height" and "width" of image a'):
        evaluate_odgt(*files(tmp_path, [{"ID": "a", "dtboxes": []}]))


def test_command(tmp_path):
    gt, dt = files(tmp_path)
    command = ("--gt", gt, "--dt", dt, "--json", tmp_path / "out.json")
    result = run_here(evaluate_crowdhuman, *command)
    assert result.returncode == 0, result.stderr
    assert "AP 0.00, MR^-2 (less is better) 50.00, Recall 50.00, JI 50.00" in result.stdout
    numbers = json.loads((tmp_path / "out.json").read_text())
    assert numbers == pytest.approx({"AP": 0, "MR": 0.5, "Recall": 0.5, "JI": 0.5}, abs=1e-6)

    dt.write_text("{\n")
    result = run_here(evaluate_crowdhuman, *command)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"Error: {dt}, line 1, is not a JSON object")


@pytest.fixture
def data_set(tmp_path):
    register_crowdhuman("crowd_of_test", write(tmp_path / "gt.odgt", TRUTHS), tmp_path)
    yield "crowd_of_test"
    DatasetCatalog.remove("crowd_of_test")
    MetadataCatalog.remove("crowd_of_test")


def test_evaluator(data_set, tmp_path):
    """Detections in the original image; the same image twice, as the last batch may have it."""
    evaluator = CrowdHumanEvaluator(data_set, output_dir=str(tmp_path / "inference"))
    evaluator.reset()
    for image_id, box in (("a", [0.0, 0, 10, 9]), ("b", [20.0, 5, 30, 25]), ("a", [0.0, 0, 10, 9])):
        output = Instances((30, 40))
        output.pred_boxes, output.scores = Boxes(torch.tensor([box])), torch.tensor([0.5])
        output.pred_classes = torch.tensor([0])
        evaluator.process([{"image_id": image_id}], [{"instances": output}])
    results = evaluator.evaluate()["bbox"]
    assert results["Recall"] == 50 and results["JI"] == pytest.approx(50, abs=1e-4)
    assert evaluate_odgt(tmp_path / "gt.odgt", evaluator.output_dir / "crowdhuman_results.odgt")
