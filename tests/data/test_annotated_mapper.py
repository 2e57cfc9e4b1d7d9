import numpy as np
from detectron2.structures import BoxMode
from PIL import Image
from pycocotools import mask as masks

from dual_weighting import model_zoo
from dual_weighting.data.mapper import annotated_mapper


def test_masks_as_trained_images_as_evaluated(tmp_path):
    """Resized as for the evaluation, never flipped; without the crowd; with the object's mask."""
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    mask = np.zeros((20, 40), dtype=np.uint8, order="F")
    mask[5:15, 0:10] = 1
    box = {"bbox": [0, 5, 10, 15], "bbox_mode": BoxMode.XYXY_ABS, "category_id": 3}
    box["segmentation"] = masks.encode(mask)
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
