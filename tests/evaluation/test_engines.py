"""hotcoco against pycocotools, the reference: every number, bit by bit."""

import copy
import json

import hotcoco
import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.evaluation import COCOEvaluator
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from detectron2.structures import Boxes, Instances
from pycocotools import mask as rle

from dual_weighting import model_zoo
from dual_weighting.cli.command import argument_parser
from dual_weighting.config.load import load_config
from dual_weighting.data.digits.files import write_digits
from dual_weighting.engine.evaluation import evaluator_override
from dual_weighting.engine.train import train_command
from dual_weighting.evaluation.coco_metrics import (
    best_operating_point,
    evaluate_boxes,
    matches_of,
    restore_category_ids,
)
from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator
from dual_weighting.evaluation.engines import ENGINES, read_annotations, statistics_of
from dual_weighting.utils.errors import UserError

from .random_coco import CATEGORY_IDS, SIZE, random_data, random_detections_on


def statistics(engine, json_file, results, task="bbox"):
    ground_truth = read_annotations(str(json_file), engine)
    results = copy.deepcopy(results)
    if task == "segm":
        results = [{k: v for k, v in x.items() if k != "bbox"} for x in results]
    evaluation = statistics_of(ground_truth)(ground_truth, ground_truth.loadRes(results), task)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def assert_equal(json_file, results, task):
    fast, reference = (statistics(engine, json_file, results, task) for engine in ENGINES)
    assert type(fast) is not type(reference)
    np.testing.assert_array_equal(fast.stats, reference.stats)
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(fast.eval[name], reference.eval[name])
    assert best_operating_point(fast) == best_operating_point(reference)
    for one, other in zip(matches_of(fast), matches_of(reference), strict=True):
        np.testing.assert_array_equal(np.sort(one, axis=None), np.sort(other, axis=None))
    return reference.stats


@pytest.mark.parametrize("task", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_random_detections(seed, task, tmp_path):
    content, results = random_data(seed)
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    stats = assert_equal(path, results, task)
    assert len(stats) == 12 and (stats > 0).all(), "a case in which everything counts"


@pytest.mark.parametrize("task", ["bbox", "segm"])
def test_digits(task, tmp_path):
    write_digits(tmp_path / "digits", num_train=1, num_val=8)
    path = tmp_path / "digits" / "annotations" / "digits_val.json"
    results = random_detections_on(json.loads(path.read_text()), seed=0)
    assert assert_equal(path, results, task)[0] > 0.02


A, B = [0, 0, 10, 10], [50, 50, 40, 40]


def two_objects(first_id=1, **changes):
    def annotation(number, box, category):
        return {"id": number, "image_id": 1, "bbox": box, "category_id": category,
                "area": box[2] * box[3], "iscrowd": 0} | changes  # fmt: skip

    return {
        "images": [{"id": 1, "file_name": "1.png", "width": 100, "height": 100}],
        "annotations": [annotation(first_id, A, 1), annotation(first_id + 1, B, 2)],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    }


def both_found(image_id=1):
    return [
        {"image_id": image_id, "bbox": box, "category_id": category, "score": 0.9}
        for category, box in ((1, A), (2, B))
    ]


def write(folder, content):
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize("engine", ENGINES)
def test_by_hand(engine, tmp_path):
    """A small object found, a medium one not: AP is the mean of 1 and 0, and of no large one."""
    stats = statistics(engine, write(tmp_path, two_objects()), both_found()[:1]).stats
    assert stats[0] == pytest.approx(0.5)
    assert stats[3:6] == pytest.approx([1, 0, -1])


def test_an_annotation_with_the_id_0(tmp_path):
    """pycocotools takes id 0 for "no object", so that one would never be found."""
    path = write(tmp_path, two_objects(first_id=0))
    fast, reference = (statistics(engine, path, both_found()) for engine in ENGINES)
    for evaluation in (fast, reference):
        assert evaluation.stats[0] == pytest.approx(1)
        assert matches_of(evaluation)[1].tolist() == [True, True]


def test_what_hotcoco_does_not_read_is_left_to_pycocotools(tmp_path, caplog):
    content = two_objects(image_id="one")
    content["images"][0]["id"] = "one"
    path = write(tmp_path, content)
    assert statistics("hotcoco", path, both_found("one")).stats[0] == pytest.approx(1)
    assert f"hotcoco does not read {path}" in caplog.text


@pytest.fixture
def dataset(tmp_path):
    """Random annotations with images registered, and the detections as a model gives them."""
    content, results = random_data(0)
    for image in content["images"]:
        image["file_name"] = f"{image['id']}.png"
    register_coco_instances("engines_test", {}, write(tmp_path, content), str(tmp_path))
    DatasetCatalog.get("engines_test")
    outputs = []
    for image in content["images"]:
        found = [x for x in results if x["image_id"] == image["id"]]
        boxes = torch.tensor([x["bbox"] for x in found]).reshape(-1, 4)
        instances = Instances((SIZE, SIZE))
        instances.pred_boxes = Boxes(torch.cat((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1))
        instances.scores = torch.tensor([x["score"] for x in found])
        classes = [CATEGORY_IDS.index(x["category_id"]) for x in found]
        instances.pred_classes = torch.tensor(classes, dtype=torch.int64)
        masks = [rle.decode(x["segmentation"]) for x in found]
        instances.pred_masks = torch.tensor(np.array(masks)).reshape(-1, SIZE, SIZE).bool()
        outputs.append(({"image_id": image["id"]}, {"instances": instances}))
    yield "engines_test", outputs
    DatasetCatalog.remove("engines_test")
    MetadataCatalog.remove("engines_test")


def evaluate(evaluator, outputs):
    evaluator.reset()
    for image, output in outputs:
        evaluator.process([image], [output])
    return evaluator.evaluate()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_evaluator_is_detectron2s(engine, dataset, tmp_path):
    """The same numbers, those of the classes too, and the same file."""
    name, outputs = dataset
    expected = evaluate(COCOEvaluator(name, output_dir=str(tmp_path / "theirs")), outputs)
    found = evaluate(DetectionEvaluator(name, engine=engine, output_dir=str(tmp_path)), outputs)
    assert list(found) == ["bbox", "segm"]
    for task in found:
        assert list(found[task]) == list(expected[task]) and "AP-class 90" in found[task]
        assert list(found[task].values()) == pytest.approx(
            list(expected[task].values()), abs=0, rel=1e-14, nan_ok=True
        )  # Detectron2's compiled evaluator adds in another order
    file = "coco_instances_results.json"
    assert (tmp_path / file).read_bytes() == (tmp_path / "theirs" / file).read_bytes()


def test_the_evaluator_uses_the_engine(dataset, monkeypatch):
    name, outputs = dataset
    ran = []
    evaluated = COCOEvaluator._derive_coco_results

    def derive(self, evaluation, *args, **kwargs):
        ran.append(isinstance(evaluation, hotcoco.COCOeval))
        return evaluated(self, evaluation, *args, **kwargs)

    monkeypatch.setattr(COCOEvaluator, "_derive_coco_results", derive)
    for engine in ENGINES:
        evaluate(DetectionEvaluator(name, engine=engine, tasks=("bbox",)), outputs)
    assert ran == [True, False]


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_detected(engine, dataset):
    """NaN, as Detectron2 has it."""
    name, outputs = dataset
    nothing = [(image, {"instances": output["instances"][:0]}) for image, output in outputs]
    found = evaluate(DetectionEvaluator(name, engine=engine), nothing)
    assert list(found) == ["bbox"] and np.isnan(list(found["bbox"].values())).all()
    np.testing.assert_equal(found, evaluate(COCOEvaluator(name), nothing))


@pytest.mark.parametrize("engine", ENGINES)
def test_more_detections_than_coco_counts(tmp_path, engine, recwarn):
    """250 objects in one image, all found exactly: 100 detections are 40 %."""
    boxes = [[20 * (k % 20), 20 * (k // 20), 10, 10] for k in range(250)]
    annotations = [
        {"id": k, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": 0}
        for k, box in enumerate(boxes, start=1)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 400, "height": 300}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "x"}],
    }
    path = tmp_path / "crowd.json"
    path.write_text(json.dumps(content))
    name = f"crowd_{engine}"
    register_coco_instances(name, {}, str(path), str(tmp_path))
    DatasetCatalog.get(name)  # whose ids the metadata then has
    corners = torch.tensor(boxes, dtype=torch.float32)
    corners[:, 2:] += corners[:, :2]
    found = Instances((300, 400), pred_boxes=Boxes(corners), scores=torch.linspace(1, 0.5, 250),
                      pred_classes=torch.zeros(250, dtype=torch.long))  # fmt: skip
    outputs = [({"image_id": 1}, {"instances": found})]
    ap = [
        evaluate(DetectionEvaluator(name, engine=engine, max_dets_per_image=limit), outputs)
        for limit in (None, 300)
    ]
    # 41 of the 101 recalls from 0 to 1 are at most 40 %.
    assert [x["bbox"]["AP"] for x in ap] == pytest.approx([100 * 41 / 101, 100])
    assert not [x for x in recwarn if "max_dets" in str(x.message)]
    truth = read_annotations(str(path), engine)
    results = instances_to_coco_json(found, 1)
    restore_category_ids(results, {1: 0})
    for limit, expected in ((100, 41 / 101), (300, 1)):
        statistics = evaluate_boxes(truth, copy.deepcopy(results), max_dets=limit)
        assert statistics.stats[0] == pytest.approx(expected)
        assert len(matches_of(statistics)[0]) == min(limit, 250)
    DatasetCatalog.remove(name)


def test_errors(dataset):
    name, outputs = dataset
    with pytest.raises(UserError, match="'fast' is neither hotcoco nor pycocotools"):
        DetectionEvaluator(name, engine="fast")
    outputs[0][1]["instances"].pred_classes[:] = 4
    with pytest.raises(UserError, match="class 4, counted from 0, but the data set has 4 classes"):
        evaluate(DetectionEvaluator(name), outputs)


def test_option_of_the_command(monkeypatch):
    started = []
    monkeypatch.setattr(
        "dual_weighting.engine.train.launch_processes", lambda main, args, **_: started.append(args)
    )
    config_file = model_zoo.get_config_file("Digits/dw_R_18_FPN.py")
    for options in ([], ["--evaluator", "pycocotools"]):
        args = argument_parser().parse_args(
            ["--config-file", config_file, *options, "train.seed=1"]
        )
        train_command(args)
    engines = [load_config(x.config_file, x.opts).dataloader.evaluator.engine for x in started]
    assert engines == ["hotcoco", "pycocotools"]
    assert evaluator_override(load_config(config_file), None) == []
    with pytest.raises(UserError, match=r"config is .*CrowdHumanEvaluator: leave the option out"):
        evaluator_override(model_zoo.get_config("CrowdDigits/dw_R_18_FPN.py"), "hotcoco")
