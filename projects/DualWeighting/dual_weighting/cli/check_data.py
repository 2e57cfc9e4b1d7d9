"""Check a data set in COCO's format before training.

    python tools/check_data.py --json train.json --images train/
    python tools/check_data.py --json train.json --images train/ --val-json val.json \\
        --val-images val/ --config-file configs/COCO-Detection/dw_R_50_FPN_1x.py

Reads all annotations and images. With a config, it also reports how boxes are distributed over the
feature pyramid, and objects that no point can learn. The exit code is 1 if training would fail.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dual_weighting.cli.command import run_command
from dual_weighting.config.fitting import LIMITS, rounded_limit
from dual_weighting.config.load import load_config
from dual_weighting.config.overrides import apply_overrides
from dual_weighting.config.own_data import check_two_files
from dual_weighting.data.checks.annotations import annotation_findings, different_classes
from dual_weighting.data.checks.findings import Finding, report
from dual_weighting.data.checks.image_files import (
    ImageFile,
    check_folder,
    image_findings,
    leak_finding,
    read_image_files,
    split_by_share,
)
from dual_weighting.data.checks.pyramid import PyramidCheck
from dual_weighting.data.checks.table import AnnotationTable
from dual_weighting.data.coco_content import parse_coco, read_json
from dual_weighting.data.transforms import check_image_size, image_size_values
from dual_weighting.evaluation.ground_truth import MAX_DETS
from dual_weighting.utils.atomic_file import atomic_file
from dual_weighting.utils.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", required=True, metavar="FILE", help="annotations to train on")
    parser.add_argument("--images", metavar="DIR", help="their images (default: FILE's folder)")
    parser.add_argument("--val-json", metavar="FILE", help="annotations to evaluate with")
    parser.add_argument("--val-images", metavar="DIR", help="their images")
    parser.add_argument(
        "--split",
        type=float,
        metavar="SHARE",
        help="split FILE: write FILE_train.json and FILE_val.json, which gets this share of images",
    )
    parser.add_argument("--config-file", metavar="FILE", help="config of the detector to train")
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help="as for training")
    parser.add_argument(
        "--headers-only",
        action="store_true",
        help="faster: read only the sizes of images; truncated files are not found",
    )
    parser.add_argument(
        "--show",
        type=int,
        default=5,
        metavar="N",
        help="number of findings of each kind to list (default: 5)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_args()


def check_data_command(args: argparse.Namespace) -> None:
    """Print all findings; raise `UserError` if training would fail."""
    cfg = config_of(args) if args.config_file else None
    if args.val_json and args.split is not None:
        raise UserError("--split splits the file of --json: omit --val-json.")
    if args.val_json:
        check_two_files(args.json, args.val_json)
    splits = [read_split(args.json, args.images, args)]
    if args.split is not None:
        splits = divided(splits[0], args.split)
    elif args.val_json:
        splits.append(read_split(args.val_json, args.val_images, args))
    num_faults = 0
    for split in splits:
        print(split.summary())
        findings = split.findings(cfg)
        if split is not splits[0]:
            names, others = (x.table.content.class_names for x in (splits[0], split))
            findings.append(different_classes(names, splits[0].json_file, others))
            findings.append(leak_finding(splits[0].images(), split.images()))
        if cfg is not None:
            check = PyramidCheck(split.table, cfg.model, cfg.dataloader.train.mapper)
            print(f"  boxes on the levels of the pyramid, {check.describe_input()}")
            print(check.table_of_levels())
            findings += check.findings()
        print(report(findings, args.show) + "\n")
        num_faults += sum(len(finding.items) for finding in findings if finding.stops)
    if num_faults:
        raise UserError(
            f"{num_faults} fault{'s'[: num_faults > 1]} would stop training: see the list under "
            '"This would stop training".'
        )


def config_of(args: argparse.Namespace) -> DictConfig:
    """The config to check the data for."""
    cfg = load_config(args.config_file)
    check_image_size(args.image_size)
    if args.image_size is not None:
        for key, value in image_size_values(cfg, args.image_size):
            OmegaConf.update(cfg, key, value)
    apply_overrides(cfg, args.overrides)
    return cfg


@dataclass(frozen=True)
class Split:
    """An annotation file, and the findings in its images."""

    json_file: str
    table: AnnotationTable
    files: list[ImageFile]

    def images(self) -> list[tuple[dict, ImageFile]]:
        return list(zip(self.table.content.images, self.files, strict=True))

    def summary(self) -> str:
        """Number of images and objects, overall and per class."""
        counts = self.table.class_counts()
        width = max([len("class"), *(len(name) for name, *_ in counts)])
        lines = [
            f"{self.json_file}: {len(self.files):,} images, {self.table.is_object().sum():,} "
            f"objects, {self.table.is_crowd.sum():,} crowds",
            f"  {'class':{width}}  {'objects':>9}  {'images':>9}",
        ]
        lines += [f"  {name:{width}}  {n:>9,}  {images:>9,}" for name, n, images in counts]
        return "\n".join(lines)

    def findings(self, cfg: DictConfig | None) -> list[Finding]:
        masks = cfg is not None and bool(cfg.dataloader.train.mapper.get("use_instance_mask"))
        findings = list(annotation_findings(self.table, masks=masks))
        objects = self.table.is_object() & self.table.is_loaded()
        if not objects.any() and not any(x.stops and x.items for x in findings):
            findings.append(Finding("files without any object", [self.json_file], stops=True))
        findings.append(crowd_finding(self.table))
        return findings + list(image_findings(self.table.content.images, self.files))


def read_split(json_file: str, image_root: str | None, args: argparse.Namespace) -> Split:
    content = parse_coco(json_file)
    image_root = check_folder(image_root or os.path.dirname(json_file) or ".")
    paths = [os.path.join(image_root, image["file_name"]) for image in content.images]
    name = os.path.basename(json_file)
    files = read_image_files(paths, pixels=not args.headers_only, name=name)
    return Split(json_file, AnnotationTable.of(content), files)


def divided(split: Split, share: float) -> list[Split]:
    """Write FILE_train.json and FILE_val.json next to FILE.json; copies of an image, and images
    listed twice, stay together.

    Raises:
        UserError: one of the files exists.
    """
    whole = read_json(split.json_file)
    digests = {x["id"]: file.digest or file.path.encode() for x, file in split.images()}
    parts = []
    for part, ids in zip(("train", "val"), map(set, split_by_share(digests, share)), strict=True):
        name = f"{os.path.splitext(split.json_file)[0]}_{part}.json"
        if os.path.exists(name):
            raise UserError(
                f"{name} already exists: delete it, or pass it as --json or --val-json."
            )
        content = {
            **whole,
            "images": [x for x in whole["images"] if x["id"] in ids],
            "annotations": [x for x in whole.get("annotations", ()) if x["image_id"] in ids],
        }
        with atomic_file(Path(name), "w") as file:
            json.dump(content, file)
        files = [file for x, file in split.images() if x["id"] in ids]
        parts.append(Split(name, AnnotationTable.of(parse_coco(name)), files))
    return parts


def crowd_finding(table: AnnotationTable) -> Finding:
    counts = np.bincount(table.image[table.is_object()], minlength=1)
    crowded = (counts > MAX_DETS).nonzero()[0]
    return Finding(
        f"images with more than {MAX_DETS} objects",
        [f"{table.content.images[k]['file_name']}: {counts[k]:,} objects" for k in crowded],
        f"--train-json and --val-json raise {' and '.join(LIMITS)} to "
        f"{rounded_limit(counts.max())}; otherwise set them yourself",
    )


def main() -> None:
    run_command(check_data_command, parse_arguments())
