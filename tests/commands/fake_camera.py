"""A camera where there is none."""

import cv2
import numpy as np

BLUE = (0, 0, 250)


class FakeCapture:
    """A camera of two blue pictures that does not know its rate."""

    def __init__(self, source, num_frames=2, works=True):
        self.source, self.left, self.works = source, num_frames, works
        self.released = False

    def isOpened(self):
        return self.works

    def get(self, key):
        return {cv2.CAP_PROP_FPS: float("nan"), cv2.CAP_PROP_FRAME_COUNT: -1.0}[key]

    def read(self):
        self.left -= 1
        return (
            (True, np.full((48, 64, 3), BLUE[::-1], dtype=np.uint8))
            if self.left >= 0
            else (False, None)
        )

    def release(self):
        self.released = True
