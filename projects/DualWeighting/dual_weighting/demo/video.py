"""Frames of video files and cameras, and video files of frames."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dual_weighting.utils.errors import UserError

# What FFmpeg would print of a faulty video, the errors here say.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

DEFAULT_RATE = 25.0  # frames a second where a source does not know


class VideoFrames:
    """The frames of a video file, or of the camera of that number; a context manager.

    Attributes:
        rate: frames a second.
        count: number of frames as the file says; None for a camera or where it does not know.
    """

    def __init__(self, source: Path | int) -> None:
        """Raises `UserError` where OpenCV cannot open it."""
        self.source = source
        self.is_camera = isinstance(source, int)
        self._capture = cv2.VideoCapture(source if self.is_camera else str(source))
        if not self._capture.isOpened():
            self.close()
            raise UserError(
                f"Camera {source} cannot be opened: see that it is connected, allowed and not in "
                "use, or try another number."
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
        """(H, W, 3), RGB. Raises `UserError` where there is not even a first one."""
        number = 0
        while True:
            there, frame = self._capture.read()
            if not there:
                break
            number += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if number == 0:
            what = f"Camera {self.source}" if self.is_camera else f"The video {self.source}"
            raise UserError(f"{what} gives no picture.")

    def close(self) -> None:
        self._capture.release()


class VideoFile:
    """An MP4 file (MPEG-4 part 2) that frames are written to; a context manager.

    It has the size of its first frame and does not exist before.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """`rate`: frames a second."""
        self.path, self.rate = path, rate
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *_) -> None:
        if self._writer is not None:
            self._writer.release()

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (H, W, 3), RGB. Raises `UserError` where OpenCV cannot write."""
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            height, width = frame.shape[:2]
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self.path), code, self.rate, (width, height))
            if not self._writer.isOpened():
                raise UserError(f"OpenCV cannot write the video {self.path}.")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
