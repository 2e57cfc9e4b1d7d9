"""Data sets: the built-in Digits and CrowdDigits, CrowdHuman, and data in COCO's format. Importing
it registers all but the last."""

from .builtin import crowd_digits_root, digits_root
from .coco import get_detection_dataset_dicts
from .crowdhuman import register_crowdhuman
from .find import find_record
from .mapper import DetectionMapper
from .of_config import class_names, register_datasets

__all__ = [
    "DetectionMapper",
    "class_names",
    "crowd_digits_root",
    "digits_root",
    "find_record",
    "get_detection_dataset_dicts",
    "register_crowdhuman",
    "register_datasets",
]
