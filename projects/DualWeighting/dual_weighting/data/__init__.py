"""Data sets: Digits, CrowdDigits, CrowdHuman, and data in COCO's format. Importing this package
registers the first three."""

from .builtin import crowd_digits_root, digits_root
from .catalog import class_names, find_record, register_datasets
from .coco import get_detection_dataset_dicts
from .crowdhuman import register_crowdhuman
from .mapper import DetectionMapper

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
