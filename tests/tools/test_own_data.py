"""From a folder of Pascal VOC to an evaluated detector, as commands."""

import json

import pytest
from commands.run import TRAIN_NET, command
from commands.tiny_project import write_tiny_project

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
    tools, root = TRAIN_NET.parent, folder.parent
    config = TRAIN_NET.parents[1] / "configs" / "Digits" / "dw_R_18_FPN.py"
    result = command("--root", folder, "--output", root, script=tools / "voc_to_coco.py")
    assert result.returncode == 0, result.stderr
    assert f"{root / 'train.json'}: 10 images, 10 objects, 2 classes" in result.stdout
    images = folder / "JPEGImages"
    train = ("--json", root / "train.json", "--images", images)
    val = ("--val-json", root / "val.json", "--val-images", images)

    result = command(*train, *val, "--config-file", config, script=tools / "check_data.py")
    assert result.returncode == 0, result.stderr
    assert "Nothing is wrong." in result.stdout and "below 91" in result.stdout

    run = root / "run"
    own = ("--train-json", root / "train.json", "--train-images", images, *val)
    short = ("model.backbone.out_channels=64", "train.max_iter=4", f"train.output_dir={run}")
    result = command("--config-file", config, *own, "--num-gpus", 2, *short, "train.device=cpu")
    assert result.returncode == 0, result.stderr
    assert "train.max_iter                        4  " in result.stdout
    assert "green, red" in (run / "log.txt").read_text()
    metrics = json.loads((run / "evaluation.json").read_text())["bbox"]
    assert {"AP", "AP-red", "AP-green"} <= set(metrics)

    result = command(
        "--config-file",
        run / "config.yaml",
        "--eval-only",
        f"train.init_checkpoint={run / 'model_final.pth'}",
        f"train.output_dir={root / 'again'}",
    )
    assert result.returncode == 0, result.stderr
    again = json.loads((root / "again" / "evaluation.json").read_text())["bbox"]
    assert str(again) == str(metrics)


def test_faults_end_with_exit_code_1(folder):
    content = {
        "images": [{"id": 5, "file_name": "000.png", "width": 64, "height": 64}],
        "annotations": [{"id": 7, "image_id": 5, "category_id": 1, "bbox": [1, 1, 0, 9]}],
        "categories": [{"id": 1, "name": "red"}],
    }
    file = folder.parent / "faulty.json"
    file.write_text(json.dumps(content))
    result = command(
        "--json", file, "--images", folder / "JPEGImages",
        script=TRAIN_NET.with_name("check_data.py"),
    )  # fmt: skip
    assert result.returncode == 1
    assert "annotation 7 of image id 5 (000.png, 64 x 64): box [1, 1, 0, 9]" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("Error: 1 faults would stop a training")
