"""From a record of a data set to the detector's input: Detectron2's, with errors one can act on."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from detectron2.config import instantiate
from detectron2.data import DatasetMapper
from detectron2.data import transforms as T
from detectron2.data.detection_utils import SizeMismatchError, check_image_size
from omegaconf import DictConfig
from PIL import UnidentifiedImageError

from dual_weighting.assignment.batch import IGNORED
from dual_weighting.data.images import UNREADABLE, read_image
from dual_weighting.utils.errors import UserError

SKIPPED_IMAGES = "skipped_images"  # in a mapped record: what was wrong with those it stands for
DROPPED_BOXES = "dropped_boxes"  # in a mapped record: the number of its boxes that were too small


class DetectionMapper(DatasetMapper):
    """Detectron2's DatasetMapper, but an image that cannot be used is a UserError that names it,
    or another takes its place."""

    def __init__(
        self,
        is_train: bool,
        *,
        ignore_regions: bool = False,
        min_box_side: float = 0.0,
        on_bad_image: str = "stop",
        max_bad_in_a_row: int = 10,
        use_instance_mask: bool = False,
        instance_mask_format: str = "polygon",
        recompute_boxes: bool = False,
        **kwargs,
    ):
        """
        Args:
            ignore_regions: crowds stay, as instances of the class `IGNORED`; our detectors neither
                train on such a region nor punish detections in it. If not, they are left out as
                Detectron2 does, and what is detected there counts as wrong.
            min_box_side: training boxes with a shorter side, in pixels of the augmented image, are
                dropped; the mapped record has their number, if any, as `DROPPED_BOXES`.
            on_bad_image: "stop", or for a training "skip": the mapper returns None for an image
                that cannot be used, so that Detectron2's loader takes another at random, and the
                next record it maps has the sentences in a list, `SKIPPED_IMAGES`.
            max_bad_in_a_row: so many stop the training after all: the folder will be wrong.
            is_train, use_instance_mask, instance_mask_format, recompute_boxes, kwargs: those of
                Detectron2's DatasetMapper. Here stand those that commands may change.
        """
        if on_bad_image not in ("stop", "skip"):
            raise UserError(f"mapper.on_bad_image={on_bad_image} is impossible: use stop or skip.")
        if on_bad_image == "skip" and not is_train:
            raise UserError(
                "dataloader.test.mapper.on_bad_image=skip is impossible, because metrics are of "
                "all images: only dataloader.train.mapper can skip some."
            )
        super().__init__(
            is_train,
            use_instance_mask=use_instance_mask,
            instance_mask_format=instance_mask_format,
            recompute_boxes=recompute_boxes,
            **kwargs,
        )
        self.ignore_regions = ignore_regions
        self.min_box_side = min_box_side
        self.on_bad_image = on_bad_image
        self.max_bad_in_a_row = max_bad_in_a_row
        self._bad: list[str] = []  # since the last sound one

    def __call__(self, dataset_dict: dict) -> dict | None:
        try:
            image = read_image(dataset_dict["file_name"], self.image_format)
            record = copy.deepcopy(dataset_dict)
            check_image_size(record, image)
        except UNREADABLE as error:
            sentence = (
                f"Image {dataset_dict['file_name']} (image id {dataset_dict.get('image_id')}) "
                f"{fault(error, dataset_dict)}."
            )
            if self.on_bad_image == "stop":
                raise UserError(sentence) from error
            self._skip(sentence)
            return None
        self._augment(record, image)
        if self._bad:
            record[SKIPPED_IMAGES], self._bad = self._bad, []
        return record

    def _augment(self, record: dict, image: np.ndarray) -> None:
        """Put the augmented image, and in training its instances, into the record, in place."""
        augmented = T.AugInput(image)
        transforms = self.augmentations(augmented)
        record["image"] = torch.from_numpy(augmented.image.transpose(2, 0, 1).copy())
        if not self.is_train:
            record.pop("annotations", None)
        elif "annotations" in record:
            self._transform_annotations(record, transforms, augmented.image.shape[:2])

    def _skip(self, sentence: str) -> None:
        self._bad.append(sentence)
        if len(self._bad) >= self.max_bad_in_a_row:
            raise UserError(
                f"Training stopped: {len(self._bad)} images one after the other cannot be used, "
                f"the last is this: {sentence}"
            )

    def _transform_annotations(self, dataset_dict, transforms, image_shape) -> None:
        if self.ignore_regions:
            for annotation in dataset_dict["annotations"]:
                if annotation.get("iscrowd", 0):
                    annotation.update(category_id=IGNORED, iscrowd=0)
        if self.use_instance_mask:
            check_masks(dataset_dict, mask_format=self.instance_mask_format)
        super()._transform_annotations(dataset_dict, transforms, image_shape)
        instances = dataset_dict["instances"]
        boxes = instances.gt_boxes.tensor
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = instances[(sides >= self.min_box_side).all(dim=1)]
        if len(kept) < len(instances):
            dataset_dict[DROPPED_BOXES] = len(instances) - len(kept)
        dataset_dict["instances"] = kept


def annotated_mapper(dataloader: DictConfig) -> Callable[[dict], dict]:
    """For a look at the training's ground truths: images resized as for the evaluation, with the
    instances, and masks, that the training has."""
    mapper = {**dataloader.train.mapper, "augmentations": dataloader.test.mapper.augmentations}
    if "ignore_regions" in mapper:
        mapper["ignore_regions"] = False  # they are no ground truths
    mapper.pop("on_bad_image", None)  # it is this image that is to be seen
    return instantiate(mapper)


def check_masks(dataset_dict: dict, *, mask_format: str) -> None:
    """Raise a UserError unless every object of the record has a mask in Detectron2's format."""
    what = f"of image {dataset_dict['file_name']} (image id {dataset_dict.get('image_id')})"
    for annotation in dataset_dict["annotations"]:
        if annotation.get("iscrowd", 0):
            continue
        if "segmentation" not in annotation:
            raise UserError(
                f"An object {what} has no mask; give it a segmentation (for Digits: run "
                "`python tools/prepare_digits.py` again), or train a detector without masks."
            )
        if mask_format == "polygon" and not isinstance(annotation["segmentation"], list):
            raise UserError(
                f"The mask of an object {what} is no polygon; set "
                "dataloader.train.mapper.instance_mask_format=bitmask."
            )


def fault(error: Exception, dataset_dict: dict) -> str:
    """What is wrong with the image and what to do about it, to be put after its name."""
    if isinstance(error, SizeMismatchError):
        height, width = read_image(dataset_dict["file_name"]).shape[:2]
        return (
            f"has {width} x {height} pixels but its annotations say {dataset_dict['width']} x "
            f"{dataset_dict['height']}; correct them, or put the right image in place"
        )
    if isinstance(error, FileNotFoundError):
        what = "does not exist"
    elif isinstance(error, UnidentifiedImageError):
        what = "is no image of a known format"
    else:
        what = f"cannot be read ({' '.join(str(error).split())})"
    return f"{what}; put the right file in place, or remove the image from the annotations"
