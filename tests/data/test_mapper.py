import logging

import cv2
import numpy as np
import pytest
import torch
from detectron2.data import DatasetMapper, build_detection_train_loader
from detectron2.data import transforms as T
from detectron2.data.samplers import TrainingSampler
from detectron2.structures import BoxMode, PolygonMasks
from omegaconf import OmegaConf
from pycocotools import mask as rle

from dual_weighting import model_zoo
from dual_weighting.assignment.batch import IGNORED
from dual_weighting.config.overrides import accepts
from dual_weighting.data import DetectionMapper
from dual_weighting.data.mapper import annotated_mapper
from dual_weighting.utils.errors import UserError, sentence

ARGUMENTS = {"is_train": True, "augmentations": [], "image_format": "RGB"}


@pytest.fixture
def record(tmp_path):
    file_name = str(tmp_path / "image.png")
    image = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    cv2.imwrite(file_name, image)
    return {"file_name": file_name, "image_id": 5, "height": 30, "width": 40}


def test_a_sound_image_is_read_as_by_detectron2(record):
    ours, theirs = (mapper(**ARGUMENTS)(record) for mapper in (DetectionMapper, DatasetMapper))
    assert ours["image"].shape == (3, 30, 40)
    assert torch.equal(ours["image"], theirs["image"])


def break_file(content):
    def breaking(record):
        with open(record["file_name"], "wb") as file:
            file.write(content)

    return breaking


def truncate(record):
    with open(record["file_name"], "r+b") as file:
        file.truncate(1000)


def corrupt(record):
    with open(record["file_name"], "r+b") as file:
        file.seek(20)
        file.write(b"\xff" * 20)


FAULTS = {
    "not an image of a known format": break_file(b"not an image"),
    "does not exist": lambda record: record.update(file_name=record["file_name"] + "x"),
    "cannot be read": truncate,
    "of a known format": corrupt,
    "has 40 x 30 pixels but its annotations say 40 x 31": lambda record: record.update(height=31),
}


@pytest.mark.parametrize(("expected", "fault"), FAULTS.items(), ids=FAULTS)
def test_unusable_image_is_named(record, expected, fault):
    fault(record)
    with pytest.raises(UserError) as caught:
        DetectionMapper(**ARGUMENTS)(record)
    assert str(caught.value).startswith(f"Image {record['file_name']} (image id 5) ")
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_the_error_comes_out_of_a_worker(record):
    record["height"] = 31
    mapper = DetectionMapper(**ARGUMENTS)
    dataset = torch.utils.data.StackDataset([record])
    loader = torch.utils.data.DataLoader(
        dataset, num_workers=1, collate_fn=lambda batch: [mapper(item) for (item,) in batch]
    )
    with pytest.raises(UserError) as caught:
        next(iter(loader))
    assert sentence(caught.value).startswith(f"Image {record['file_name']} (image id 5) has 40 x")


SKIPPING = ARGUMENTS | {"on_bad_image": "skip"}


def warnings_of(caplog):
    """The messages of the mapper; earlier tests may have let Detectron2 log what it does, too."""
    return [x.getMessage() for x in caplog.records if x.levelname == "WARNING"]


def test_a_bad_image_is_skipped_and_named_once(record, caplog):
    mapper = DetectionMapper(**SKIPPING, max_bad_in_a_row=3)
    bad = record | {"file_name": "bad.png", "image_id": 6}
    for _ in range(2):  # the count in a row begins again after a sound one
        assert mapper(record) is not None
        assert mapper(bad) is None and mapper(bad) is None
    mapper(record)
    other = record | {"file_name": f"{record['file_name']}x"}
    assert mapper(other) is None
    with pytest.raises(UserError, match=r"3 consecutive images are unusable.* Image bad\.png"):
        for _ in range(2):
            mapper(bad)
    first, second = warnings_of(caplog)
    assert first.startswith("Skipped image 1 of this process: Image bad.png (image id 6) does not")
    assert second.startswith("Skipped image 2") and other["file_name"] in second


@pytest.mark.parametrize("num_workers", [0, 2])
def test_skipping_in_detectron2s_loader(record, num_workers, tmp_path):
    """Batches are as large as ever, of the sound images; loader processes write to the log."""
    records = [record | {"image_id": k} for k in range(4)]
    records[2]["file_name"] = "bad.png"
    loader = build_detection_train_loader(
        records,
        mapper=DetectionMapper(**SKIPPING),
        sampler=TrainingSampler(4, shuffle=False),
        total_batch_size=2,
        aspect_ratio_grouping=False,
        num_workers=num_workers,
    )
    handler = logging.FileHandler(tmp_path / "log.txt")
    logging.getLogger("dual_weighting").addHandler(handler)
    batches = [batch for batch, _ in zip(loader, range(6), strict=False)]
    logging.getLogger("dual_weighting").removeHandler(handler)
    assert all(len(batch) == 2 for batch in batches)
    assert {image["image_id"] for batch in batches for image in batch} == {0, 1, 3}
    assert (tmp_path / "log.txt").read_text().count("Image bad.png (image id 2)") == 1


def test_only_a_training_may_skip():
    with pytest.raises(UserError, match=r"test\.mapper\.on_bad_image=skip is not supported"):
        DetectionMapper(**SKIPPING | {"is_train": False})
    with pytest.raises(UserError, match="on_bad_image must be stop or skip, got jump"):
        DetectionMapper(**ARGUMENTS, on_bad_image="jump")


POLYGON = [[10.0, 5, 20, 5, 20, 15, 10, 15]]
RUN_LENGTHS = rle.frPyObjects({"size": [30, 40], "counts": [300, 60, 840]}, 30, 40)  # two columns


def with_mask(record, segmentation, **annotation):
    box = {"bbox": [10, 5, 10, 10], "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0}
    return record | {"annotations": [{**box, "segmentation": segmentation, **annotation}]}


def masks_of(record, mask_format):
    mapper = DetectionMapper(**ARGUMENTS, use_instance_mask=True, instance_mask_format=mask_format)
    return mapper(record)["instances"].gt_masks


def test_masks(record):
    assert isinstance(masks_of(with_mask(record, POLYGON), "polygon"), PolygonMasks)
    assert masks_of(with_mask(record, POLYGON), "bitmask").tensor.sum() == 100
    mask = masks_of(with_mask(record, RUN_LENGTHS), "bitmask").tensor[0]
    assert mask.sum() == 60 and mask[:, 10:12].all()


def test_unusable_masks_are_named(record):
    without = with_mask(record, None)
    del without["annotations"][0]["segmentation"]
    with pytest.raises(UserError, match=r"image\.png \(image id 5\) has no mask; give it"):
        masks_of(without, "bitmask")
    with pytest.raises(UserError, match=r"image id 5\) is not a polygon; set .*=bitmask"):
        masks_of(with_mask(record, RUN_LENGTHS), "polygon")


def test_crowds_need_no_mask(record):
    crowd = with_mask(record, RUN_LENGTHS, iscrowd=1)
    crowd["annotations"] += with_mask(record, POLYGON)["annotations"]
    assert len(masks_of(crowd, "polygon")) == 1


def test_regions_to_ignore_follow_the_image(record):
    """A crowd is an instance of no class, where the detector ignores regions; else it is none."""
    crowd = with_mask(record, None, iscrowd=1, bbox=[10.0, 5, 10, 10])
    half = [T.ResizeTransform(30, 40, 15, 20)]
    assert len(DetectionMapper(**ARGUMENTS)(crowd)["instances"]) == 0
    for mapper, scale in ((ARGUMENTS, 1.0), (ARGUMENTS | {"augmentations": half}, 0.5)):
        instances = DetectionMapper(**mapper, ignore_regions=True)(crowd)["instances"]
        assert instances.gt_classes.tolist() == [IGNORED]
        box = [10 * scale, 5 * scale, 20 * scale, 15 * scale]
        assert instances.gt_boxes.tensor.tolist() == [box]
    assert crowd["annotations"][0]["iscrowd"] == 1, "the record is not to be changed"


@pytest.mark.parametrize(("min_side", "expected"), [(0.0, 2), (1.0, 1), (30.0, 0)])
def test_boxes_without_pixels_are_dropped(record, min_side, expected, caplog):
    """Of boxes 20 and 1.9 pixels wide, at half the size."""
    resize = [T.Resize((record["height"] // 2, record["width"] // 2))]
    mapper = DetectionMapper(True, augmentations=resize, image_format="RGB", min_box_side=min_side)
    boxes = [[0, 0, 20, 20], [10, 10, 1.9, 20]]
    objects = [
        {"bbox": x, "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0, "iscrowd": 0} for x in boxes
    ]
    for _ in range(2):
        assert len(mapper(record | {"annotations": objects})["instances"]) == expected
    messages = [f"{2 - expected} of {record['file_name']}"] if expected < 2 else []
    assert [x.rpartition("them ")[2].rstrip(".") for x in warnings_of(caplog)] == messages


def test_commands_may_change_the_masks_format():
    node = OmegaConf.create({"_target_": "dual_weighting.data.DetectionMapper"})
    assert accepts(node, "instance_mask_format") and accepts(node, "ignore_regions")


def test_masks_as_trained_images_as_evaluated(tmp_path):
    """Resized as for the evaluation, never flipped; without the crowd; with the object's mask."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 40, 3), np.uint8))
    mask = np.zeros((20, 40), dtype=np.uint8, order="F")
    mask[5:15, 0:10] = 1
    box = {"bbox": [0, 5, 10, 15], "bbox_mode": BoxMode.XYXY_ABS, "category_id": 3}
    box["segmentation"] = rle.encode(mask)
    record = {"file_name": str(tmp_path / "a.png"), "image_id": 1, "height": 20, "width": 40}
    record["annotations"] = [{**box, "iscrowd": 0}, {**box, "iscrowd": 1}]

    cfg = model_zoo.get_config("COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py")
    cfg.dataloader.train.mapper.instance_mask_format = "bitmask"
    mapped = annotated_mapper(cfg.dataloader)(record)

    assert tuple(mapped["image"].shape) == (3, 667, 1333)
    instances = mapped["instances"]
    assert instances.gt_classes.tolist() == [3]
    assert instances.gt_boxes.tensor[0, 0] == 0
    ys, xs = instances.gt_masks.tensor[0].nonzero().T
    assert abs(int(ys.max()) - 499) <= 1 and abs(int(xs.max()) - 332) <= 1
