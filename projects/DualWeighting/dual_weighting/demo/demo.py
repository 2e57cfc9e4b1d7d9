"""The demo command: detections on a user's images and videos."""

import argparse
import itertools
import math
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dual_weighting.config.load import load_config
from dual_weighting.data.catalog import category_ids
from dual_weighting.demo.media import Medium, find_media, ids_in_names, output_files
from dual_weighting.demo.pictures import PictureDetector
from dual_weighting.demo.sources import detect_camera, detect_images, detect_video
from dual_weighting.engine.predictor import Predictor
from dual_weighting.engine.run_folder import checkpoint_of_run, config_of_run
from dual_weighting.report.run import get, read_evaluation
from dual_weighting.utils.device import describe_device
from dual_weighting.utils.errors import UserError
from dual_weighting.utils.progress import Throughput

DEFAULT_OUTPUT = Path("output/demo")
DEFAULT_SCORE = 0.3  # without an evaluation


def demo_command(args: argparse.Namespace) -> None:
    """Detect objects, draw them, and write the results."""
    inputs, overrides = split_overrides(args.inputs)
    media, output = inputs_and_output(args, inputs)
    config_file, checkpoint = model_files(args)
    cfg = load_config(config_file, overrides)
    check_score(args.score_threshold)
    predictor = Predictor(
        cfg, checkpoint, device=args.device, half=args.half, batch_size=args.batch_size
    )
    has_nms = getattr(predictor.model, "test_nms_thresh", None) is not None
    threshold, source = score_threshold(args.score_threshold, checkpoint, has_nms=has_nms)
    ids = category_ids(cfg)
    print(describe_device(predictor.device, num_processes=1))
    print(f"Detections with a score of at least {threshold:.3f} ({source})")
    if ids is None and args.json:
        print("Category ids of the data set are unknown: using 1, 2, 3, ...")
    with Throughput(
        None if args.webcam is not None or has_video(media) else len(media)
    ) as progress:
        detect = PictureDetector(
            predictor,
            category_ids=ids or range(1, cfg.model.num_classes + 1),
            score_threshold=threshold,
            progress=progress,
            draws=output is not None or args.webcam is not None,
        )
        try:
            if args.webcam is not None:
                faults = {}
                detect_camera(detect, args.webcam, output and output / "webcam.mp4")
            else:
                faults = detect_media(detect, media, output)
        finally:
            if args.json:
                detect.write_json(args.json)
    images = f"{progress.count} image{'s'[: progress.count != 1]}"
    print(
        f"{images} in {progress.seconds:.1f} s, {progress.rate}: {len(detect.results)} detections"
    )
    for what, place in (("Pictures", output), ("JSON", args.json)):
        if place:
            print(f"{what}: {place}")
    say_faults(faults, media)


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Inputs, and config overrides (key=value), which may be mixed."""
    inputs, overrides = [], []
    for text in arguments:
        is_override = re.match(r"[A-Za-z_][\w.]*=", text) and not os.path.exists(text)
        (overrides if is_override else inputs).append(text)
    return inputs, overrides


def inputs_and_output(
    args: argparse.Namespace, inputs: Sequence[str]
) -> tuple[list[Medium], Path | None]:
    """The inputs, and the folder for pictures or None."""
    output = args.output or (None if args.json else DEFAULT_OUTPUT)
    if output is not None and output.exists() and not output.is_dir():
        raise UserError(f"The output {output} is a file: give a folder.")
    if args.json is not None and args.json.is_dir():
        raise UserError(f"The JSON file {args.json} is a folder: give a file.")
    if args.batch_size < 1:
        raise UserError(f"--batch-size {args.batch_size} must be at least 1.")
    if args.webcam is not None:
        if inputs:
            raise UserError(f"Give either --webcam or inputs, not both: {inputs[0]}.")
        make_folders(output, args.json)
        return [], output
    media, left_out = find_media(inputs)
    if left_out:
        names = ", ".join(file.name for file in left_out[:5]) + ", ..." * (len(left_out) > 5)
        print(f"Left out, not images or videos: {len(left_out)} files ({names})")
    make_folders(output, args.json)
    return media, output


def make_folders(output: Path | None, json_file: Path | None) -> None:
    """Create output folders before starting."""
    for folder in (output, json_file and json_file.parent):
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder {folder} cannot be created ({error.strerror}).") from error


def model_files(args: argparse.Namespace) -> tuple[str, Path]:
    """Config and checkpoint, from options or an output folder."""
    folder = args.run
    if not (folder or args.config_file):
        raise UserError("No detector given: use --run with an output folder, or --config-file.")
    config_file = args.config_file or config_of_run(folder)
    if args.checkpoint is None and folder is None:
        raise UserError(
            "No weights given: use --checkpoint FILE, for example output/dw/model_final.pth."
        )
    if args.checkpoint is None:
        return config_file, checkpoint_of_run(folder)
    if folder is not None and not args.checkpoint.is_file():
        return config_file, checkpoint_of_run(folder, str(args.checkpoint))
    if not args.checkpoint.is_file():
        raise UserError(f"The checkpoint {args.checkpoint} does not exist.")
    return config_file, args.checkpoint


def check_score(score: float | None) -> None:
    if score is not None and not 0 <= score <= 1:
        raise UserError(f"--score-threshold {score} must be between 0 and 1.")


def score_threshold(given: float | None, checkpoint: Path, *, has_nms: bool) -> tuple[float, str]:
    """The score threshold and its source: `given`, or that of the best F1 in the evaluation.json
    next to the checkpoint, with or without NMS, or a default."""
    if given is not None:
        return given, "--score-threshold"
    file = checkpoint.parent / "evaluation.json"
    way = "with_nms" if has_nms else "without_nms"
    best = get(lambda: read_evaluation(file)["duplicates"][way]["threshold"], math.nan)
    if 0 <= best <= 1:
        return best, f"best F1 in {file}"
    return DEFAULT_SCORE, "--score-threshold changes it"


def has_video(media: Sequence[Medium]) -> bool:
    return any(medium.is_video for medium in media)


def detect_media(
    detect: PictureDetector, media: Sequence[Medium], output: Path | None
) -> dict[Path, str]:
    """Detect on images, then on videos, and return errors of unreadable files.

    Image ids are the numbers in the file names if all are numbers, else 1, 2, 3, ...
    """
    files = [medium.path for medium in media]
    targets = output_files(files, output) if output else [None] * len(files)
    num_images = sum(not medium.is_video for medium in media)
    ids = (not has_video(media) and ids_in_names(files)) or range(1, num_images + 1)
    faults = detect_images(detect, files[:num_images], ids, targets[:num_images])
    frame_ids = itertools.count(num_images + 1)
    for file, target in zip(files[num_images:], targets[num_images:], strict=True):
        try:
            detect_video(detect, file, frame_ids, target)
        except UserError as error:
            faults[file] = str(error)
    return faults


def say_faults(faults: dict[Path, str], media: Sequence[Medium]) -> None:
    """Report unreadable files.

    Raises:
        UserError: one of them was named explicitly, or none of the files could be read.
    """
    if not faults:
        return
    if len(faults) > 1:
        print("\n".join(faults.values()), file=sys.stderr)
        names = ", ".join(str(file) for file in list(faults)[:3]) + ", ..." * (len(faults) > 3)
        summary = f"{len(faults)} of {len(media)} files could not be read: {names}."
    else:
        (summary,) = faults.values()
    asked = any(medium.named and medium.path in faults for medium in media)
    if asked or len(faults) == len(media):
        raise UserError(summary)
    print(summary, file=sys.stderr)
