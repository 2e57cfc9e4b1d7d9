"""Whatever passes tools/check_data.py is trained on, evaluated, reported and drawn; whatever does
not is refused in one sentence. One thing is wrong with a small data set each time.

The suite only asks whether check_data refuses it in one sentence, and goes the whole way with what
is odd and sound at once; HYPOTHESIS_PROFILE=thorough goes it with each.
"""

import builtins
import contextlib
import copy
import io
import json
import math
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from commands.tiny_project import write_tiny_project
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dual_weighting.cli.check_data import check_data_command
from dual_weighting.cli.command import argument_parser
from dual_weighting.demo.demo import demo_command
from dual_weighting.engine.train import train_command
from dual_weighting.evaluation.ground_truth import ENGINES, GroundTruth

from .damage import outcome_of

THOROUGH = os.getenv("HYPOTHESIS_PROFILE") == "thorough"
SIZES = [(64, 64), (64, 48), (48, 64)]  # width, height
CONFIG = """
from .tiny import dataloader, lr_multiplier, model, optimizer, train
from dual_weighting.data import DetectionMapper, get_detection_dataset_dicts
from dual_weighting.data.transforms import ResizeShortestEdge
from detectron2.config import LazyCall as L

for part in (dataloader.train, dataloader.test):
    part.dataset._target_ = get_detection_dataset_dicts
    part.mapper._target_ = DetectionMapper
    part.mapper.augmentations = [L(ResizeShortestEdge)(short_edge_length=64, max_size=96)]
dataloader.train.total_batch_size = 2
train.num_images = 12
train.device = "cpu"
"""
CODE = {"size": [48, 64], "counts": [400, 30, 18, 30, 2594]}


def sound_content() -> dict:
    return {
        "info": {},
        "images": [
            {"id": k, "file_name": f"{k}.png", "width": width, "height": height}
            for k, (width, height) in enumerate(SIZES, start=1)
        ],
        "annotations": [
            {"id": 11, "image_id": 1, "category_id": 3, "bbox": [5, 6, 30, 32], "iscrowd": 0,
             "area": 960, "segmentation": [[5, 6, 35, 6, 35, 38]]},
            {"id": 12, "image_id": 2, "category_id": 7, "bbox": [8.5, 2, 28, 36], "iscrowd": 0,
             "area": 1008, "segmentation": CODE, "keypoints": [9, 9, 2], "num_keypoints": 1},
            {"id": 13, "image_id": 2, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"id": 14, "image_id": 3, "category_id": 3, "bbox": [4, 8, 40, 40]},
        ],
        "categories": [
            {"id": 7, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": "cat"},
        ],
    }  # fmt: skip


FIELDS = [
    *[("images", key) for key in ("id", "file_name", "width", "height")],
    *[("annotations", key) for key in sound_content()["annotations"][1] if key != "num_keypoints"],
    *[("categories", key) for key in ("id", "name", "supercategory")],
]
VALUES = [
    "7", "", " ", "a\nb", "\x1b[31m", "\ud800", "${x}", "[red]", "${", "$x$ %s {0}", "Käfer 甲虫",
    None, True, 0, -1, 1.5, 2.0, 2**62, 10**30, math.nan, math.inf, 1e308, [], [1], [None], {},
    "9" * 300, [math.nan] * 4, [1, 2, 3, 1e300], [-5, -5, 0, 0], {"size": [48, 64]},
]  # fmt: skip


# What is wrong: functions of the content of the file of annotations, and of the folder.
def replaced(part: str, key: str, value):
    def damage(content: dict, folder: Path) -> None:
        content[part][0][key] = copy.deepcopy(value)

    return damage


def each_annotation(change):
    """`change`: what is new in an annotation, a function of it."""

    def damage(content: dict, folder: Path) -> None:
        for annotation in content["annotations"]:
            annotation.update(change(annotation))

    return damage


def image_ids(turn):
    """Every image under another id."""

    def damage(content: dict, folder: Path) -> None:
        for image in content["images"]:
            image["id"] = turn(image["id"])
        each_annotation(lambda x: {"image_id": turn(x["image_id"])})(content, folder)

    return damage


def in_file(encoding: str, name: str = "cat"):
    def damage(content: dict, folder: Path) -> None:
        content["categories"][1]["name"] = name
        text = json.dumps(content, ensure_ascii=False)
        (folder / "train.json").write_bytes(text.encode(encoding))

    return damage


def cut_short(content: dict, folder: Path) -> None:
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])


MASKS = {
    "code of another size": {**CODE, "size": [64, 48]},
    "code too short": {**CODE, "counts": [9]},
    "letters that are no code": {**CODE, "counts": "\x00é~~"},
    "code that does not end": {**CODE, "counts": "ooooo"},
    "code that goes on": {**CODE, "counts": "0" * 5000},
    "code of negative runs": {**CODE, "counts": [3100, -28]},
    "code of another image": {**CODE, "counts": "Wg12]11N3N1O2"},
    "polygons of text": [["a", "b", "c"]],
    "polygon far outside": [[-(10**9), 0, 10**9, 0, 0, 10**9]],
    "code in a list": [CODE],
}
BAD_VALUES = [
    *[("annotations", "bbox", value) for value in VALUES if value != [1, 2, 3, 1e300]],
    *[("categories", "name", value) for value in ("", " ", "a\nb", "\x1b[31m", "\ud800", None)],
    *[("annotations", "area", value) for value in (-1, math.nan, math.inf, 1e308, "7")],
]
REFUSED = {
    **{f"{part} {key} {x!r:.20}": replaced(part, key, x) for part, key, x in BAD_VALUES},
    **{name: replaced("annotations", "segmentation", mask) for name, mask in MASKS.items()},
    "normalized boxes": each_annotation(lambda x: {"bbox": [side / 64 for side in x["bbox"]]}),
    "no annotations": lambda content, _: content.update(annotations=[]),
    "only crowds": each_annotation(lambda x: {"iscrowd": 1}),
    "an id twice": lambda content, _: content["annotations"].append(content["annotations"][0]),
    "backslashes": replaced("images", "file_name", "part\\1.png"),
    "image cut short": cut_short,
    "name in latin-1": in_file("latin-1", "Käfer"),
}
SOUND = {
    **{f"name {x}": replaced("categories", "name", x) for x in VALUES[6:8] + VALUES[9:11]},
    "text as all annotation ids": each_annotation(lambda x: {"id": f"a{x['id']}"}),
    "negative annotation ids": each_annotation(lambda x: {"id": -x["id"]}),
    "annotation ids from 0": each_annotation(lambda x: {"id": x["id"] - 11}),
    "huge annotation ids": each_annotation(lambda x: {"id": x["id"] + 2**62}),
    "text as all image ids": image_ids(lambda id_: f"image {id_}"),
    "floats as all image ids": image_ids(float),
    "negative image ids": image_ids(lambda id_: -id_),
    "huge image ids": image_ids(lambda id_: id_ + 2**62),
    "true and false as crowds": each_annotation(lambda x: {"iscrowd": bool(x.get("iscrowd"))}),
    "areas of 0": each_annotation(lambda x: {"area": 0}),
    "keypoints that are objects": replaced("annotations", "keypoints", [{"x": 1, "y": 2}]),
    "a box out of its image": replaced("annotations", "bbox", [40, 40, 500, 500]),
    "polygon of two points": replaced("annotations", "segmentation", [[1, 2, 3, 4]]),
    **{f"file in {code}": in_file(code) for code in ("utf-8-sig", "utf-16", "utf-32", "latin-1")},
    "name in utf-16": in_file("utf-16", "Käfer 甲虫"),
}


def odd(content: dict, folder: Path) -> None:
    """Everything at once that is odd and sound."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 65536, (64, 64), dtype=np.uint16)
    Image.fromarray(gray).save(folder / "1.png")
    Image.fromarray((gray[:48] / 65535).astype(np.float32)).save(folder / "2.tif")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(
        folder / "3.jpg", exif=exif
    )
    Image.new("LA", (300, 1)).save(folder / "[4] ä.png")
    content["images"][1]["file_name"], content["images"][2]["file_name"] = "2.tif", "3.jpg"
    content["images"].append({"id": 4, "file_name": "[4] ä.png", "width": 300, "height": 1})
    content["annotations"].append(
        {"id": 15, "image_id": 4, "category_id": 7, "bbox": [20, 0, 90, 1], "area": 0}
    )
    content["annotations"][1]["bbox"] = [8.5, 2, 400, 36]
    for name in ("name ${x}", "text as all annotation ids", "text as all image ids",
                 "keypoints that are objects", "polygon of two points"):  # fmt: skip
        SOUND[name](content, folder)
    in_file("utf-16", "[red] Käfer %s")(content, folder)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tiny_config")
    file = write_tiny_project(root, name="tiny_of_data_sets").rename(root / "tiny.py")
    own = file.with_name("own.py")
    own.write_text(CONFIG)
    return own


def write(folder: Path, damage=None) -> dict:
    """The content of the data set that is written into `folder`, with its damage."""
    content = sound_content()
    rng = np.random.default_rng(0)
    for entry in content["images"]:
        shape = (entry["height"], entry["width"], 3)
        picture = Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8))
        picture.save(folder / entry["file_name"])
    if damage is not None:
        damage(content, folder)
    if not (folder / "train.json").exists():
        (folder / "train.json").write_text(json.dumps(content))
    (folder / "val.json").write_bytes((folder / "train.json").read_bytes())
    return content


def check(folder: Path) -> int:
    code, _ = outcome_of(
        check_data_command, json=str(folder / "train.json"), images=str(folder), val_json=None,
        val_images=None, config_file=None, image_size=None, headers_only=False, show=5,
        split=None, overrides=[],
    )  # fmt: skip
    return code


def train(folder: Path, config: Path, *more: str) -> tuple[int, str]:
    arguments = [
        *("--config-file", str(config), "--train-json", f"{folder}/train.json"),
        *("--val-json", f"{folder}/val.json", *more, f"train.output_dir={folder}/run"),
        "train.max_iter=2",
    ]
    options = vars(argument_parser().parse_args(arguments))
    return outcome_of(train_command, **options)


def demo(folder: Path) -> tuple[int, str]:
    return outcome_of(
        demo_command, inputs=[str(folder)], webcam=None, run=folder / "run", config_file=None,
        checkpoint=None, device="cpu", half=False, batch_size=4, output=folder / "pictures",
        json=folder / "found.json", score_threshold=0.0,
    )  # fmt: skip


def reference(content: dict, results: list[dict]) -> float:
    """The AP that pycocotools gives; its bug with the id 0 is gone around."""
    truth = copy.deepcopy(content)
    for number, annotation in enumerate(truth["annotations"], start=1):
        annotation["id"] = number
        annotation.setdefault("iscrowd", 0)
        annotation.setdefault("area", annotation["bbox"][2] * annotation["bbox"][3])
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = COCO()
        annotations.dataset = truth
        annotations.createIndex()
        if not results:
            return math.nan
        evaluation = COCOeval(annotations, annotations.loadRes(copy.deepcopy(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * evaluation.stats[0] if evaluation.stats[0] >= 0 else math.nan


def found_boxes(content: dict) -> list[dict]:
    """Detections of most objects, and one of another class."""
    return [
        {
            "image_id": annotation["image_id"],
            "category_id": annotation["category_id"] if k else 7,
            "bbox": [annotation["bbox"][0] + k, *annotation["bbox"][1:]],
            "score": 0.9 - k / 10,
        }
        for k, annotation in enumerate(content["annotations"])
        if annotation["image_id"] in {image["id"] for image in content["images"]}
    ]


def goes_the_whole_way(folder: Path, config: Path, content: dict) -> None:
    for engine, more in (("hotcoco", ()), ("pycocotools", ("--eval-only",))):
        last = [f"train.init_checkpoint={folder}/run/model_final.pth"] if more else []
        code, said = train(folder, config, *more, "--evaluator", engine, *last)
        assert code == 0, said
        results = json.loads((folder / "run/inference/coco_instances_results.json").read_text())
        metrics = json.loads((folder / "run/evaluation.json").read_text())["bbox"]
        assert metrics["AP"] == pytest.approx(reference(content, results), nan_ok=True, abs=1e-9)
    boxes = found_boxes(content)
    truth = GroundTruth(folder / "train.json")
    for engine in ENGINES:
        evaluation = truth.judge(truth.read_results(boxes), engine=engine)
        assert 100 * evaluation.stats[0] == pytest.approx(reference(content, boxes), abs=1e-9)
    assert "Missing" not in (folder / "run/report.html").read_text(encoding="utf-8")
    code, said = demo(folder)
    assert code == 0, said


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, config, tmp_path):
    write(tmp_path, REFUSED[name])
    assert check(tmp_path) == 1
    if THOROUGH:
        train(tmp_path, config)


@pytest.mark.parametrize("name", SOUND)
def test_sound(name, config, tmp_path):
    content = write(tmp_path, SOUND[name])
    assert check(tmp_path) == 0
    if THOROUGH:
        goes_the_whole_way(tmp_path, config, content)


@settings(max_examples=4 * settings.default.max_examples)
@given(field=st.sampled_from(FIELDS), value=st.sampled_from(VALUES))
def test_one_value_is_another(field, value, config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other_value")
    content = write(folder, replaced(*field, value))
    warnings.simplefilter("ignore")
    refused = check(folder)
    if not THOROUGH:
        return
    if refused:
        train(folder, config)
    else:
        goes_the_whole_way(folder, config, content)


def test_odd_but_sound(config, tmp_path):
    content = write(tmp_path, odd)
    assert check(tmp_path) == 0
    goes_the_whole_way(tmp_path, config, content)


def test_a_training_reads_each_file_once_and_judges_twice(config, tmp_path, monkeypatch):
    """Detections with and without NMS."""
    write(tmp_path)
    opened, judged, original, judge = [], [], io.open, GroundTruth.judge

    def counted(file, *args, **kwargs):
        opened.append(os.path.basename(file) if isinstance(file, str | os.PathLike) else "")
        return original(file, *args, **kwargs)

    def counted_judge(*args, **kwargs):
        judged.append(kwargs)
        return judge(*args, **kwargs)

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", counted)
    monkeypatch.setattr(GroundTruth, "judge", counted_judge)
    code, said = train(tmp_path, config, "model.test_score_thresh=0")
    assert code == 0, said
    assert opened.count("train.json") == opened.count("val.json") == 1
    assert len(judged) == 2
