"""From a record of a data set to the detector's input: Detectron2's, with errors one can act on."""

from collections.abc import Callable

from detectron2.config import instantiate
from detectron2.data import DatasetMapper
from detectron2.data.detection_utils import SizeMismatchError, read_image
from omegaconf import DictConfig
from PIL import UnidentifiedImageError

from dual_weighting.assignment.records import IGNORED
from dual_weighting.errors import UserError


class DetectionMapper(DatasetMapper):
    """Detectron2's DatasetMapper, but an image that cannot be used is a UserError that names it."""

    def __init__(
        self,
        is_train: bool,
        *,
        ignore_regions: bool = False,
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
            is_train, use_instance_mask, instance_mask_format, recompute_boxes, kwargs: those of
                Detectron2's DatasetMapper. Here stand those that commands may change.
        """
        super().__init__(
            is_train,
            use_instance_mask=use_instance_mask,
            instance_mask_format=instance_mask_format,
            recompute_boxes=recompute_boxes,
            **kwargs,
        )
        self.ignore_regions = ignore_regions

    def __call__(self, dataset_dict: dict) -> dict:
        try:
            return super().__call__(dataset_dict)
        except (OSError, SyntaxError, SizeMismatchError) as error:  # PIL: SyntaxError for bad PNG
            raise UserError(
                f"Image {dataset_dict['file_name']} (image id {dataset_dict.get('image_id')}) "
                f"{fault(error, dataset_dict)}."
            ) from error

    def _transform_annotations(self, dataset_dict, transforms, image_shape) -> None:
        if self.ignore_regions:
            for annotation in dataset_dict["annotations"]:
                if annotation.get("iscrowd", 0):
                    annotation.update(category_id=IGNORED, iscrowd=0)
        if self.use_instance_mask:
            check_masks(dataset_dict, mask_format=self.instance_mask_format)
        super()._transform_annotations(dataset_dict, transforms, image_shape)


def annotated_mapper(dataloader: DictConfig) -> Callable[[dict], dict]:
    """For a look at the training's ground truths: images resized as for the evaluation, with the
    instances, and masks, that the training has."""
    mapper = {**dataloader.train.mapper, "augmentations": dataloader.test.mapper.augmentations}
    if "ignore_regions" in mapper:
        mapper["ignore_regions"] = False  # they are no ground truths
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
