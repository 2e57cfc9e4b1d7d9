"""From a folder of Pascal VOC to an evaluated detector, as commands."""

import json

import pytest
from commands.run import TRAIN_NET, command, run_here
from commands.tiny_project import write_tiny_project
from detectron2.config import instantiate

from dual_weighting.cli import check_data, voc_to_coco
from dual_weighting.config.load import load_config
from dual_weighting.data import class_names
from dual_weighting.engine.predictor import Predictor

pytestmark = pytest.mark.slow

OBJECT = (
    "<object><name>{name}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object>"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of Pascal VOC's layout."""
    root = tmp_path_factory.mktemp("own_data") / "voc"
    images = root / "JPEGImages"
    (root / "Annotations").mkdir(parents=True)
    images.mkdir()
    write_tiny_project(images)
    (images / "tiny.py").unlink()
    content = json.loads((images / "annotations.json").read_text())
    (images / "annotations.json").unlink()
    names = {x["id"]: x["name"] for x in content["categories"]}
    for image, annotation in zip(content["images"], content["annotations"], strict=True):
        x, y, width, height = annotation["bbox"]
        text = OBJECT.format(
            x + 1, y + 1, x + width, y + height, name=names[annotation["category_id"]]
        )
        file = root / "Annotations" / image["file_name"].replace(".png", ".xml")
        file.write_text(f"<annotation>{text}</annotation>")
    return root


def test_the_way_of_a_new_user(folder):
    root, images = folder.parent, folder / "JPEGImages"
    result = run_here(voc_to_coco, "--root", folder, "--output", root)
    assert f"{root / 'train.json'}: 10 images, 10 objects, 2 classes" in result.stdout

    config = TRAIN_NET.parents[1] / "configs" / "Digits" / "dw_R_18_FPN.py"
    train = ("--json", root / "train.json", "--images", images)
    val = ("--val-json", root / "val.json", "--val-images", images)
    result = run_here(check_data, *train, *val, "--config-file", config)
    assert result.returncode == 0 and "below 91" in result.stdout

    run = root / "run"
    own = ("--train-json", root / "train.json", "--train-images", images, *val)
    result = command(
        "--config-file", config, *own, "--num-gpus", 2,
        "train.max_iter=4", f"train.output_dir={run}", "train.device=cpu",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "train.max_iter                        4  " in result.stdout
    assert "green, red" in (run / "log.txt").read_text()
    metrics = json.loads((run / "evaluation.json").read_text())["bbox"]
    assert {"AP", "AP-red", "AP-green"} <= set(metrics)

    cfg = load_config(str(run / "config.yaml"))
    assert class_names(cfg) == ["green", "red"]
    assert cfg.dataloader.train.total_batch_size == 10  # 8 for each process, but 10 images
    assert len(instantiate(cfg.dataloader.test.dataset)) == 2
    Predictor(cfg, run / "model_final.pth")(str(images / "000.png"))


def test_faults_end_with_exit_code_1(folder):
    content = {
        "images": [{"id": 5, "file_name": "000.png", "width": 64, "height": 64}],
        "annotations": [{"id": 7, "image_id": 5, "category_id": 1, "bbox": [1, 1, 0, 9]}],
        "categories": [{"id": 1, "name": "red"}],
    }
    file = folder.parent / "faulty.json"
    for annotations, printed in (
        (content["annotations"], "annotation 7 of image id 5 (000.png, 64 x 64): box [1, 1, 0, 9]"),
        ([], "without any object: 1"),
    ):
        file.write_text(json.dumps(content | {"annotations": annotations}))
        result = run_here(check_data, "--json", file, "--images", folder / "JPEGImages")
        assert result.returncode == 1 and printed in result.stdout
        assert " 1 fault" in result.stderr.splitlines()[-1]


def test_one_file_is_divided(folder, tmp_path):
    """Ten images of which two are copies of others, one object in each."""
    for k in range(10):
        image = folder / "JPEGImages" / f"{k % 8:03}.png"
        (tmp_path / f"{k:03}.png").write_bytes(image.read_bytes())
    content = {
        "info": {"year": 2024},
        "images": [
            {"id": k, "file_name": f"{k:03}.png", "width": 64, "height": 64} for k in range(10)
        ],
        "annotations": [
            {"id": 10 + k, "image_id": k, "category_id": 1, "bbox": [1, 1, 20, 20]}
            for k in range(10)
        ],
        "categories": [{"id": 1, "name": "red"}],
    }
    file = tmp_path / "all.json"
    file.write_text(json.dumps(content))
    assert run_here(check_data, "--json", file, "--split", 0.4).returncode == 0
    parts = [json.loads((tmp_path / f"all_{part}.json").read_text()) for part in ("train", "val")]
    ids = [{x["id"] for x in part["images"]} for part in parts]
    assert not ids[0] & ids[1] and ids[0] | ids[1] == set(range(10)) and 3 <= len(ids[1]) <= 4
    assert all((k in part) == (k + 8 in part) for part in ids for k in range(2))
    for part, mine in zip(parts, ids, strict=True):
        assert {x["image_id"] for x in part["annotations"]} == mine
        assert part["info"] == content["info"] and part["categories"] == content["categories"]
    for arguments, fact in (
        (["--split", 0.4], "all_train.json"),
        (["--split", 0.4, "--val-json", file], "--val-json"),
        (["--val-json", file], "all.json"),
    ):
        assert fact in run_here(check_data, "--json", file, *arguments).stderr
