"""The command that looks at data before it is trained on."""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dual_weighting.checkpoint.atomic_file import atomic_file
from dual_weighting.data.annotation_checks import AnnotationTable, annotation_findings
from dual_weighting.data.coco_content import parse_coco, read_json
from dual_weighting.data.coco_file import check_folder
from dual_weighting.data.findings import Finding, report
from dual_weighting.data.image_checks import (
    ImageFile,
    image_findings,
    leak_finding,
    read_image_files,
)
from dual_weighting.data.split import split_by_share
from dual_weighting.engine.config import load_config
from dual_weighting.engine.fitting import LIMITS, rounded_limit
from dual_weighting.engine.image_size import check_image_size, image_size_values
from dual_weighting.engine.overrides import apply_overrides
from dual_weighting.engine.own_data import check_two_files
from dual_weighting.errors import UserError
from dual_weighting.evaluation.engines import MAX_DETS


def check_data_command(args: argparse.Namespace) -> None:
    """`args`: json, images, val_json, val_images, split, config_file, image_size,
    headers_only, show, overrides.

    Prints what it has found; `UserError` when something would stop a training.
    """
    cfg = config_of(args)
    share = getattr(args, "split", None)
    if args.val_json and share is not None:
        raise UserError("--split divides the file of --json: leave out --val-json.")
    if args.val_json:
        check_two_files(args.json, args.val_json)
    splits = [read_split(args.json, args.images, args)]
    if share is not None:
        splits = divided(splits[0], share)
    elif args.val_json:
        splits.append(read_split(args.val_json, args.val_images, args))
    num_faults = 0
    for number, split in enumerate(splits):
        print(split.title())
        print(class_table(split.table))
        findings = list(split_findings(split, cfg))
        if number:
            findings += between(splits[0], split)
        if cfg is not None:
            findings += pyramid_findings(split.table, cfg)
        print(report(findings, args.show) + "\n")
        num_faults += sum(len(finding.items) for finding in findings if finding.stops)
    if num_faults:
        raise UserError(
            f"A training would stop, number of faults: {num_faults}; mend what stands under "
            '"This would stop the training".'
        )


def config_of(args: argparse.Namespace) -> DictConfig | None:
    """The config that the data is checked for, if the command names one."""
    if not args.config_file:
        return None
    cfg = load_config(args.config_file)
    check_image_size(args.image_size)
    if args.image_size is not None:
        for key, value in image_size_values(cfg, args.image_size):
            OmegaConf.update(cfg, key, value)
    apply_overrides(cfg, args.overrides)
    return cfg


@dataclass(frozen=True)
class Split:
    """A file of annotations, and what was found of its images."""

    json_file: str
    table: AnnotationTable
    files: list[ImageFile]

    def images(self) -> list[tuple[dict, ImageFile]]:
        return list(zip(self.table.content.images, self.files, strict=True))

    def title(self) -> str:
        return (
            f"{self.json_file}: {len(self.files):,} images, "
            f"{int(self.table.is_object().sum()):,} objects, "
            f"{int(self.table.is_crowd.sum()):,} crowds"
        )


def read_split(json_file: str, image_root: str | None, args: argparse.Namespace) -> Split:
    content = parse_coco(json_file)
    image_root = check_folder(image_root or os.path.dirname(json_file) or ".")
    paths = [os.path.join(image_root, image["file_name"]) for image in content.images]
    name = os.path.basename(json_file)
    files = read_image_files(paths, pixels=not args.headers_only, name=name)
    return Split(json_file, AnnotationTable.of(content), files)


def divided(split: Split, share: float) -> list[Split]:
    """Writes FILE_train.json and FILE_val.json next to FILE.json; copies of an image, and images
    listed twice, stay together.

    Raises:
        UserError: one of the files exists.
    """
    whole = read_json(split.json_file)
    digests = {x["id"]: file.digest or file.path.encode() for x, file in split.images()}
    _, chosen = split_by_share(digests, share)
    chosen, parts = set(chosen), []
    for part in ("train", "val"):
        name = f"{os.path.splitext(split.json_file)[0]}_{part}.json"
        if os.path.exists(name):
            raise UserError(f"{name} exists: remove it, or give it to --json and --val-json.")
        inside = chosen if part == "val" else digests.keys() - chosen
        content = {
            **whole,
            "images": [x for x in whole["images"] if x["id"] in inside],
            "annotations": [x for x in whole.get("annotations", ()) if x["image_id"] in inside],
        }
        with atomic_file(Path(name), "w") as file:
            json.dump(content, file)
        files = [file for x, file in split.images() if x["id"] in inside]
        parts.append(Split(name, AnnotationTable.of(parse_coco(name)), files))
    return parts


def split_findings(split: Split, cfg: DictConfig | None) -> Iterator[Finding]:
    masks = cfg is not None and bool(cfg.dataloader.train.mapper.get("use_instance_mask", False))
    findings = list(annotation_findings(split.table, masks=masks))
    yield from findings
    objects = split.table.is_object() & split.table.is_loaded()
    if not objects.any() and not any(x.stops and x.items for x in findings):
        yield Finding("files without any object", [split.json_file], stops=True)
    yield crowd_finding(split.table)
    yield from image_findings(split.table.content.images, split.files)


def crowd_finding(table: AnnotationTable) -> Finding:
    counts = np.bincount(table.image[table.is_object()], minlength=1)
    crowded = (counts > MAX_DETS).nonzero()[0]
    return Finding(
        f"images with more than {MAX_DETS} objects",
        [f"{table.content.images[k]['file_name']}: {counts[k]:,} objects" for k in crowded],
        advice=f"with --train-json or --val-json, {' and '.join(LIMITS)} are raised to "
        f"{rounded_limit(counts.max())}; set them yourself elsewhere",
    )


def between(train: Split, val: Split) -> list[Finding]:
    """What the two do to each other."""
    names = [[name for name, *_ in split.table.class_counts()] for split in (train, val)]
    different = [] if names[0] == names[1] else [f"{', '.join(x)}" for x in names]
    return [
        Finding("different lists of categories", different, stops=True, advice="by rising id"),
        leak_finding(train.images(), val.images()),
    ]


def class_table(table: AnnotationTable) -> str:
    counts = table.class_counts()
    width = max([len("class"), *(len(name) for name, *_ in counts)])
    lines = [f"  {'class':{width}}  {'objects':>9}  {'images':>9}"]
    lines += [f"  {name:{width}}  {n:>9,}  {images:>9,}" for name, n, images in counts]
    return "\n".join(lines)


def pyramid_findings(table: AnnotationTable, cfg: DictConfig) -> list[Finding]:
    """Prints how many boxes each level has."""
    from dual_weighting.engine.pyramid_check import PyramidCheck

    check = PyramidCheck(table, cfg.model, cfg.dataloader.train.mapper)
    print(f"  boxes on the levels of the pyramid, {check.describe_input()}")
    print(check.table_of_levels())
    return list(check.findings())
