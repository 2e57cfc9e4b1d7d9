"""Detection on image files, videos and cameras."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np

from dual_weighting.demo.pictures import Picture, PictureDetector
from dual_weighting.demo.video import VideoFile, VideoFrames
from dual_weighting.utils.errors import UserError

WINDOW = "Detections (q to quit)"


def detect_images(
    detect: PictureDetector, files: Sequence[Path], ids: Sequence[int], targets: Sequence[Path]
) -> dict[Path, str]:
    """Detect on image files, write pictures to `targets`, and return errors of unreadable files."""
    faults: dict[Path, str] = {}

    def readable() -> Iterator[tuple[Picture, Path]]:
        for file, image_id, target in zip(files, ids, targets, strict=True):
            try:
                yield Picture(read_rgb(detect, file), image_id, str(file)), target
            except UserError as error:
                faults[file] = str(error)

    for batch in batches(readable(), detect.predictor.batch_size):
        drawn = detect([picture for picture, _ in batch])
        for (_, target), image in zip(batch, drawn, strict=False):
            write_image(target, image)
    return faults


def read_rgb(detect: PictureDetector, file: Path) -> np.ndarray:
    image = detect.predictor.read(file, "RGB")
    return image if detect.predictor.image_format == "RGB" else image[:, :, ::-1]


def write_image(file: Path, image: np.ndarray) -> None:
    """Write an RGB image (H, W, 3); raise `UserError` if that fails."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), image[:, :, ::-1]):
        raise UserError(f"The picture {file} cannot be written.")


def detect_video(
    detect: PictureDetector, file: Path, ids: Iterator[int], target: Path | None
) -> None:
    """Detect on every frame of a video and write the frames to the video `target`.

    Args:
        ids: image ids of the frames.

    Raises:
        UserError: the video cannot be read, or not completely.
    """
    number = 0
    with VideoFrames(file) as frames, video_file(target, frames.rate) as written:
        for batch in batches(frames, detect.predictor.batch_size):
            pictures = [
                Picture(frame, next(ids), str(file), frame=n)
                for n, frame in enumerate(batch, start=number)
            ]
            for image in detect(pictures):
                written.write(image)
            number += len(batch)
    # Frame counts in files are not always exact.
    if frames.count and number < 0.95 * frames.count:
        raise UserError(f"Of the {frames.count} frames of {file} only {number} can be read.")


def detect_camera(detect: PictureDetector, number: int, target: Path | None) -> None:
    """Detect on frames of a camera until it ends, or until q in the window or Ctrl-C.

    Shows the frames if there is a screen, and writes them to the video `target`.
    """
    shows = has_screen()
    with VideoFrames(number) as frames, video_file(target, frames.rate) as written:
        try:
            for n, frame in enumerate(frames):
                (image,) = detect([Picture(frame, n + 1, f"camera {number}", frame=n)])
                if written:
                    written.write(image)
                if shows and not show(image):
                    break
        except KeyboardInterrupt:
            pass
    if shows:
        cv2.destroyAllWindows()


def show(image: np.ndarray) -> bool:
    """Show an RGB image (H, W, 3) in the window; return whether to continue."""
    cv2.imshow(WINDOW, image[:, :, ::-1])
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)


def has_screen() -> bool:
    """Whether a window can be opened; OpenCV aborts if it cannot."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def video_file(target: Path | None, rate: float):
    """The video to write, or a null context without a target."""
    return nullcontext() if target is None else VideoFile(target, rate)


def batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch
