"""Reads video files and cameras, and writes video files."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dual_weighting.utils.errors import UserError

# Silence FFmpeg: errors in videos are reported here.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

DEFAULT_RATE = 25.0  # frames per second of sources that do not report any


class VideoFrames:
    """Context manager for the frames of a video file, or of the camera with this number.

    Attributes:
        rate: frames per second.
        count: number of frames according to the file; None for cameras or if unknown.
    """

    def __init__(self, source: Path | int) -> None:
        """Raises `UserError` if OpenCV cannot open it."""
        self.source = source
        self.is_camera = isinstance(source, int)
        self._capture = cv2.VideoCapture(source if self.is_camera else str(source))
        if not self._capture.isOpened():
            self.close()
            raise UserError(
                f"Camera {source} cannot be opened: check that it is connected, permitted and "
                "not in use, or try another number."
                if self.is_camera
                else f"The video {source} cannot be read."
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and 0 < rate <= 1000 else DEFAULT_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = int(count) if not self.is_camera and 0 < count < 1e9 else None

    def __enter__(self) -> "VideoFrames":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterate over RGB frames (H, W, 3); raise `UserError` if there are none."""
        number = 0
        while True:
            there, frame = self._capture.read()
            if not there:
                break
            number += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if number == 0:
            what = f"Camera {self.source}" if self.is_camera else f"The video {self.source}"
            raise UserError(f"{what} returns no frames.")

    def close(self) -> None:
        self._capture.release()


class VideoFile:
    """Context manager for writing an MP4 file (MPEG-4 part 2)."""

    def __init__(self, path: Path, rate: float) -> None:
        """`rate`: frames per second."""
        self.path, self.rate = path, rate
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *_) -> None:
        if self._writer is not None:
            self._writer.release()

    def write(self, frame: np.ndarray) -> None:
        """Append an RGB frame (H, W, 3); raise `UserError` if OpenCV cannot write."""
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            height, width = frame.shape[:2]
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self.path), code, self.rate, (width, height))
            if not self._writer.isOpened():
                raise UserError(f"OpenCV cannot write the video {self.path}.")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
