"""The three things that pictures come from: image files, videos and cameras."""

import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np

from dual_weighting.demo.pictures import Picture, PictureDetector
from dual_weighting.demo.video import VideoFile, VideoFrames
from dual_weighting.utils.errors import UserError

WINDOW = "Detections (q ends)"


def detect_images(
    detect: PictureDetector, files: Sequence[Path], ids: Sequence[int], targets: Sequence[Path]
) -> dict[Path, str]:
    """Detect on image files and write the pictures to `targets`; what is wrong with those that
    could not be read."""
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
    """`image`: (H, W, 3), RGB. Raises `UserError` where it cannot be written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), image[:, :, ::-1]):
        raise UserError(f"The picture {file} cannot be written.")


def detect_video(
    detect: PictureDetector, file: Path, ids: Iterator[int], target: Path | None
) -> None:
    """Detect on every frame of a video and write them to the video `target`.

    `ids` are the image ids of the frames.

    Raises:
        UserError: it cannot be read, or not to its end.
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
    # What a file says about its length is not always exact.
    if frames.count and number < 0.95 * frames.count:
        raise UserError(f"Of the {frames.count} frames of {file} only {number} can be read.")


def detect_camera(detect: PictureDetector, number: int, target: Path | None) -> None:
    """Detect on a camera's pictures until it ends or a person does, with q in the window or Ctrl-C.

    Shows them where there is a screen, and writes them to the video `target`, which lasts as long
    as the time that went by.
    """
    shows = has_screen()
    with VideoFrames(number) as frames, video_file(target, frames.rate) as written:
        start, copies = time.monotonic(), 0
        try:
            for n, frame in enumerate(frames):
                (image,) = detect([Picture(frame, n + 1, f"camera {number}", frame=n)])
                while written and copies <= (time.monotonic() - start) * frames.rate:
                    written.write(image)
                    copies += 1
                if shows and not show(image):
                    break
        except KeyboardInterrupt:
            pass
    if shows:
        cv2.destroyAllWindows()


def show(image: np.ndarray) -> bool:
    """Show an image (H, W, 3), RGB, in the window; whether to go on."""
    cv2.imshow(WINDOW, image[:, :, ::-1])
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)


def has_screen() -> bool:
    """Whether a window can be opened: OpenCV ends the process where it cannot."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def video_file(target: Path | None, rate: float):
    """The video to write; nothing where none is wanted."""
    return nullcontext() if target is None else VideoFile(target, rate)


def batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch
