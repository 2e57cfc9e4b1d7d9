"""Detectron2's dataset mapper, with errors that name the image."""

import copy
import logging
from collections.abc import Callable

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

logger = logging.getLogger(__name__)


class DetectionMapper(DatasetMapper):
    """Detectron2's DatasetMapper, but unusable images raise a `UserError` that names them, or are
    skipped."""

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
            ignore_regions: keep crowds as instances of the class `IGNORED`, in which detectors of
                this project neither learn nor are penalized. If False, they are dropped as in
                Detectron2, and detections there count as wrong.
            min_box_side: training boxes with a shorter side, in pixels of the augmented image, are
                dropped; the log names the first.
            on_bad_image: "stop", or in training "skip": the mapper logs the image once and returns
                None, whereupon Detectron2's `MapDataset` picks another one at random.
            max_bad_in_a_row: number of consecutive unusable images that stop training anyway.
            is_train, use_instance_mask, instance_mask_format, recompute_boxes, kwargs: as in
                Detectron2's DatasetMapper.
        """
        if on_bad_image not in ("stop", "skip"):
            raise UserError(f"mapper.on_bad_image must be stop or skip, got {on_bad_image}.")
        if on_bad_image == "skip" and not is_train:
            raise UserError(
                "dataloader.test.mapper.on_bad_image=skip is not supported, since metrics are for "
                "all images: use it for dataloader.train.mapper only."
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
        self._skipped: set[str] = set()
        self._bad_in_a_row = 0
        self._has_dropped_boxes = False

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
            self._skip(dataset_dict["file_name"], sentence)
            return None
        self._bad_in_a_row = 0
        augmented = T.AugInput(image)
        transforms = self.augmentations(augmented)
        record["image"] = torch.from_numpy(augmented.image.transpose(2, 0, 1).copy())
        if not self.is_train:
            record.pop("annotations", None)
        elif "annotations" in record:
            self._transform_annotations(record, transforms, augmented.image.shape[:2])
        return record

    def _skip(self, file_name: str, sentence: str) -> None:
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= self.max_bad_in_a_row:
            raise UserError(
                f"Training stopped: {self._bad_in_a_row} consecutive images are unusable. The last "
                f"one: {sentence}"
            )
        if file_name not in self._skipped:
            self._skipped.add(file_name)
            logger.warning("Skipped image %d of this process: %s", len(self._skipped), sentence)

    def _transform_annotations(
        self, dataset_dict: dict, transforms: T.TransformList, image_shape: tuple[int, int]
    ) -> None:
        if self.ignore_regions:
            for annotation in dataset_dict["annotations"]:
                if annotation.get("iscrowd", 0):
                    annotation.update(category_id=IGNORED, iscrowd=0)
        if self.use_instance_mask:
            check_masks(dataset_dict, mask_format=self.instance_mask_format)
        super()._transform_annotations(dataset_dict, transforms, image_shape)
        instances = dataset_dict["instances"]
        boxes = instances.gt_boxes.tensor
        kept = instances[(boxes[:, 2:] - boxes[:, :2] >= self.min_box_side).all(dim=1)]
        if len(kept) < len(instances) and not self._has_dropped_boxes:
            self._has_dropped_boxes = True
            logger.warning(
                "Boxes with a side shorter than dataloader.train.mapper.min_box_side are dropped, "
                "the first of them %d of %s.",
                len(instances) - len(kept),
                dataset_dict["file_name"],
            )
        dataset_dict["instances"] = kept


def annotated_mapper(dataloader: DictConfig) -> Callable[[dict], dict]:
    """A mapper for images resized as in evaluation, with the instances and masks of training."""
    mapper = {**dataloader.train.mapper, "augmentations": dataloader.test.mapper.augmentations}
    if "ignore_regions" in mapper:
        mapper["ignore_regions"] = False  # crowds are not ground truths
    mapper.pop("on_bad_image", None)  # show exactly this image
    return instantiate(mapper)


def check_masks(dataset_dict: dict, *, mask_format: str) -> None:
    """Raise `UserError` unless every object of the record has a mask in Detectron2's format."""
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
                f"The mask of an object {what} is not a polygon; set "
                "dataloader.train.mapper.instance_mask_format=bitmask."
            )


def fault(error: Exception, dataset_dict: dict) -> str:
    """What is wrong with the image and how to fix it, to be appended to its name."""
    if isinstance(error, SizeMismatchError):
        height, width = read_image(dataset_dict["file_name"]).shape[:2]
        return (
            f"has {width} x {height} pixels but its annotations say {dataset_dict['width']} x "
            f"{dataset_dict['height']}; correct them, or put the right image in place"
        )
    if isinstance(error, FileNotFoundError):
        what = "does not exist"
    elif isinstance(error, UnidentifiedImageError):
        what = "is not an image of a known format"
    else:
        what = f"cannot be read ({' '.join(str(error).split())})"
    return f"{what}; put the right file in place, or remove the image from the annotations"
