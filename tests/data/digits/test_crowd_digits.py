import cv2
import pytest

from dual_weighting.data.crowdhuman import load_crowdhuman
from dual_weighting.data.digits.files import write_crowd_digits
from dual_weighting.data.digits.scenes import CROWD_DIGITS, DigitScenes
from dual_weighting.utils.errors import UserError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("written") / "crowd_digits"
    assert write_crowd_digits(root, num_train=2, num_val=1)
    return root


def test_what_is_written_is_read_as_crowdhuman(root):
    records = load_crowdhuman(str(root / "annotation_train.odgt"), str(root / "Images"))
    scenes = DigitScenes(split="train", style=CROWD_DIGITS)
    assert [record["image_id"] for record in records] == ["train_000001", "train_000002"]
    for index, record in enumerate(records):
        image, scene = cv2.imread(record["file_name"]), scenes[index]
        assert image.shape == scene.image.shape == (record["height"], record["width"], 3)
        assert abs(image[..., ::-1].astype(int) - scene.image).mean() < 8, "more than JPEG does"
        annotations = record["annotations"]
        assert [tuple(x["bbox"]) for x in annotations] == [
            *(digit.box for digit in scene.digits), *scene.heaps
        ]  # fmt: skip
        expected = [0] * len(scene.digits) + [1] * len(scene.heaps)
        assert [x["iscrowd"] for x in annotations] == expected
        assert {x["category_id"] for x in annotations} == {0}


def test_two_runs_write_the_same_bytes(root, tmp_path):
    write_crowd_digits(tmp_path / "again", num_train=2, num_val=1)
    files = {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert len(files) == 3 + 2 + 1
    for name, content in files.items():
        assert (tmp_path / "again" / name).read_bytes() == content


def test_a_complete_data_set_is_left_alone_and_another_not_overwritten(root):
    assert not write_crowd_digits(root, num_train=2, num_val=1)
    with pytest.raises(UserError, match="other than CrowdDigits version 1, 3 train and 1 val"):
        write_crowd_digits(root, num_train=3, num_val=1)
