import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from dual_weighting.data.digits import files
from dual_weighting.data.digits.files import write_digits
from dual_weighting.data.digits.scenes import DigitScenes
from dual_weighting.utils.errors import UserError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("written") / "digits"
    assert write_digits(root, num_train=6, num_val=4)
    return root


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_two_runs_write_the_same_bytes(root, tmp_path):
    write_digits(tmp_path / "again", num_train=6, num_val=4)
    assert contents(tmp_path / "again") == contents(root)
    assert len(contents(root)) == 6 + 4 + 3
    assert len(set(contents(root).values())) == 6 + 4 + 3, "no two scenes are the same"


def test_scenes_do_not_depend_on_how_many_there_are(root, tmp_path):
    write_digits(tmp_path / "fewer", num_train=2, num_val=1)
    for name in ("train/000002.png", "val/000001.png"):
        assert (tmp_path / "fewer" / name).read_bytes() == (root / name).read_bytes()


def test_annotations_are_ordinary_coco(root):
    coco = COCO(root / "annotations" / "digits_train.json")
    assert coco.getCatIds() == list(range(1, 11))
    assert [category["name"] for category in coco.loadCats(range(1, 11))] == list("0123456789")
    assert coco.getImgIds() == [1, 2, 3, 4, 5, 6]
    for image in coco.loadImgs(coco.getImgIds()):
        assert (root / "train" / image["file_name"]).is_file()
        assert coco.getAnnIds(imgIds=image["id"])
    for annotation in coco.loadAnns(coco.getAnnIds()):
        assert annotation["area"] == annotation["bbox"][2] * annotation["bbox"][3] > 0


def test_a_complete_data_set_is_left_alone(root):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert not write_digits(root, num_train=6, num_val=4)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_an_older_version_is_to_be_removed(root, monkeypatch):
    monkeypatch.setattr(files, "DIGITS_VERSION", "Digits version 3")
    with pytest.raises(UserError, match=r"other than Digits version 3, .*; remove the folder"):
        write_digits(root, num_train=6, num_val=4)


def test_masks_are_the_ink_in_sight(root):
    """Within their boxes, disjoint, and most of the ink of each digit."""
    coco = COCO(root / "annotations" / "digits_train.json")
    for image_id in coco.getImgIds():
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
        masks = np.stack([coco.annToMask(annotation) for annotation in annotations])
        assert masks.sum(axis=0).max() == 1
        for annotation, mask in zip(annotations, masks, strict=True):
            x, y, width, height = annotation["bbox"]
            inside = mask[y : y + height, x : x + width]
            assert inside.sum() == mask.sum() > 0.1 * width * height
        owner = DigitScenes(split="train")[image_id - 1].owner
        front = (np.arange(1, len(masks) + 1)[:, None, None] * masks).sum(axis=0) - 1
        assert np.array_equal(front, owner)


def test_another_data_set_is_not_overwritten(root, tmp_path):
    before = contents(root)
    with pytest.raises(UserError, match=r"other than .* 7 train and 4 val scenes; remove the fol"):
        write_digits(root, num_train=7, num_val=4)
    assert contents(root) == before
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(UserError, match="holds something other"):
        write_digits(tmp_path)


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(scene, **kwargs):
        assert not (tmp_path / "digits").exists()  # nor would it if the process were killed here
        if kwargs["image_id"] == 3:
            raise KeyboardInterrupt
        return coco_annotations(scene, **kwargs)

    coco_annotations = files.coco_annotations
    monkeypatch.setattr(files, "coco_annotations", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_digits(tmp_path / "digits", num_train=4, num_val=4)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written to .*file/digits \(.+ --root"):
        write_digits(tmp_path / "file" / "digits", num_train=1, num_val=1)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "digits").mkdir()
    assert write_digits(tmp_path / "digits", num_train=1, num_val=1)
    assert (tmp_path / "digits" / "val" / "000001.png").is_file()


def test_no_scenes_are_no_data_set(tmp_path):
    with pytest.raises(UserError, match="0 val scenes"):
        write_digits(tmp_path / "digits", num_val=0)


def test_the_version_is_that_of_the_content(root):
    """Whoever changes a pixel or a box raises VERSION, then puts the new boxes here."""
    content = json.loads((root / "annotations" / "digits_train.json").read_text())
    boxes = [item["bbox"] for item in content["annotations"] if item["image_id"] == 1]
    assert content["info"]["description"] == "Digits version 2, 6 train scenes"
    assert boxes == [[111, 67, 45, 68], [58, 81, 30, 54]]
