import cv2
import numpy as np
import pytest
from commands.fake_camera import BLUE, FakeCapture

from dual_weighting.demo.video import DEFAULT_RATE, VideoFile, VideoFrames
from dual_weighting.utils.errors import UserError

RED = (250, 0, 0)


def frame(color, height=48, width=64):
    return np.full((height, width, 3), color, dtype=np.uint8)


@pytest.fixture
def video(tmp_path):
    """Three red frames and two blue ones, 12.5 a second."""
    path = tmp_path / "new" / "colors.mp4"
    with VideoFile(path, rate=12.5) as file:
        for color in (RED, RED, RED, BLUE, BLUE):
            file.write(frame(color))
    return path


def test_frames_come_back(video):
    with VideoFrames(video) as frames:
        assert (frames.rate, frames.count) == (12.5, 5)
        colors = [image.mean(axis=(0, 1)) for image in frames]
    np.testing.assert_allclose(colors, [RED, RED, RED, BLUE, BLUE], atol=25)


def test_a_video_without_frames_is_no_file(tmp_path):
    with VideoFile(tmp_path / "none.mp4", rate=25):
        pass
    assert not (tmp_path / "none.mp4").exists()


def test_files_that_are_no_videos(tmp_path, video, capfd):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "cut.mp4").write_bytes(video.read_bytes()[:300])
    for name in ("text.mp4", "cut.mp4", "gone.mp4"):
        with pytest.raises(UserError, match=rf"The video .*{name} cannot be read"):
            VideoFrames(tmp_path / name)
    assert "moov" not in capfd.readouterr().err


def test_camera(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    with VideoFrames(3) as frames:
        assert (frames.rate, frames.count, frames._capture.source) == (DEFAULT_RATE, None, 3)
        assert [image[0, 0].tolist() for image in frames] == [list(BLUE)] * 2
    assert frames._capture.released


def test_cameras_that_do_not_work(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: FakeCapture(source, works=False))
    with pytest.raises(UserError, match="Camera 3 cannot be opened"):
        VideoFrames(3)
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: FakeCapture(source, num_frames=0))
    with pytest.raises(UserError, match="Camera 3 returns no frames"), VideoFrames(3) as frames:
        next(iter(frames))
