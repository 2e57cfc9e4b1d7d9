import json

import hotcoco
import numpy as np
import pytest
import torch
from coco_files import write_annotations
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.evaluation import COCOEvaluator
from detectron2.structures import Boxes, Instances
from pycocotools import mask as rle

from dual_weighting import model_zoo
from dual_weighting.engine.evaluation import evaluator_override
from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator
from dual_weighting.evaluation.ground_truth import ENGINES
from dual_weighting.utils.errors import UserError

from .random_coco import CATEGORY_IDS, SIZE, random_data


@pytest.fixture
def dataset(tmp_path):
    """Random annotations with images registered, and the detections as a model gives them."""
    content, results = random_data(0)
    for image in content["images"]:
        image["file_name"] = f"{image['id']}.png"
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    register_coco_instances("evaluator_test", {}, str(path), str(tmp_path))
    DatasetCatalog.get("evaluator_test")
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
    yield "evaluator_test", outputs
    DatasetCatalog.remove("evaluator_test")
    MetadataCatalog.remove("evaluator_test")


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
    objects = [(0, 0, box, False) for box in boxes]
    path = write_annotations(tmp_path / "crowd.json", objects, num_images=1)
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
    DatasetCatalog.remove(name)


def test_errors(dataset):
    name, outputs = dataset
    with pytest.raises(UserError, match="'fast' is neither hotcoco nor pycocotools"):
        DetectionEvaluator(name, engine="fast")
    outputs[0][1]["instances"].pred_classes[:] = 4
    with pytest.raises(UserError, match="class 4, counted from 0, but the data set has 4 classes"):
        evaluate(DetectionEvaluator(name), outputs)


def test_option_of_the_command():
    cfg = model_zoo.get_config("Digits/dw_R_18_FPN.py")
    assert evaluator_override(cfg, None) == []
    assert evaluator_override(cfg, "pycocotools") == ["dataloader.evaluator.engine=pycocotools"]
    with pytest.raises(UserError, match=r"CrowdHumanEvaluator"):
        evaluator_override(model_zoo.get_config("CrowdDigits/dw_R_18_FPN.py"), "hotcoco")
