"""The command, from its options to its files, with a detector that is not trained."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from commands.fake_camera import FakeCapture
from commands.tiny_project import SIZE, write_tiny_project
from detectron2.config import instantiate

from dual_weighting import Predictor
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import load_config
from dual_weighting.demo import sources as demo_sources
from dual_weighting.demo.demo import score_threshold, split_overrides

TOOL = str(Path(__file__).parents[2] / "tools" / "demo.py")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a dozen images 000.png to 011.png, a config, and a checkpoint in model/."""
    folder = tmp_path_factory.mktemp("demo")
    config_file = write_tiny_project(folder, name="tiny_of_test_demo")
    torch.manual_seed(0)
    model = instantiate(load_config(str(config_file)).model)
    torch.nn.init.normal_(model.head.cls_logits.weight, std=0.5)
    (folder / "model").mkdir()
    Checkpointer(model, str(folder / "model")).save("model_final")
    return folder


@pytest.fixture
def demo(project, tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, checkpoint="model/model_final.pth"):
        files = ["--config-file", project / "tiny.py", "--checkpoint", project / checkpoint]
        monkeypatch.setattr(sys, "argv", list(map(str, [TOOL, *files, *arguments])))
        try:
            runpy.run_path(TOOL, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def write_video(path, num_frames=5, rate=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (SIZE, SIZE))
    for number in range(num_frames):
        writer.write(np.full((SIZE, SIZE, 3), 40 * number, dtype=np.uint8))
    writer.release()


def test_images_pictures_and_json(demo, project, tmp_path):
    """COCO's results: ids of names and of the data set, all scores or only the best."""
    images = [project / "003.png", project / "007.png"]
    code, out, _ = demo(*images, "--json", "all.json", "--score-threshold", 0, "--output", "drawn")
    assert code == 0 and "2 images in" in out and "images a second" in out
    results = json.loads(Path("all.json").read_text())
    assert {x["image_id"] for x in results} == {3, 7}
    assert {x["category_id"] for x in results} == {1, 2}
    assert {x["file_name"] for x in results} == set(map(str, images))
    assert all(min(x["bbox"][2:]) > 0 for x in results)
    assert sorted(x.name for x in Path("drawn").iterdir()) == ["003.png", "007.png"]
    drawn, original = cv2.imread("drawn/003.png"), cv2.imread(str(images[0]))
    assert drawn.shape == original.shape and (drawn != original).any()

    middle = sorted(x["score"] for x in results)[len(results) // 2]
    demo(*images, "--json", "best.json", "--score-threshold", middle)
    best = json.loads(Path("best.json").read_text())
    assert best == [x for x in results if x["score"] >= middle] and len(best) < len(results)
    assert not Path("output").exists(), "with --json alone nothing is drawn"


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_the_model_and_the_person_see_the_file(demo, project, channels):
    """Whatever the order of channels the model was trained with; nothing has a score of 1."""
    images = [project / "003.png", project / "007.png"]
    override = f"dataloader.test.mapper.image_format={channels}"
    demo(*images, override, "--score-threshold", 1, "--output", "plain")
    for image in images:
        plain = cv2.imread(f"plain/{image.name}")
        np.testing.assert_array_equal(plain, cv2.imread(str(image)))
    demo(images[0], override, "--score-threshold", 0, "--json", "all.json")
    cfg = load_config(str(project / "tiny.py"), [override])
    found = Predictor(cfg, project / "model" / "model_final.pth")(images[0])["instances"]
    scores = [x["score"] for x in json.loads(Path("all.json").read_text())]
    assert scores == pytest.approx(found.scores.tolist())


def test_the_order_of_batches_does_not_matter(demo, project):
    for size in (1, 5):
        demo(project, "--json", f"{size}.json", "--score-threshold", 0, "--batch-size", size)
    one, five = (json.loads(Path(f"{size}.json").read_text()) for size in (1, 5))
    assert [x["image_id"] for x in one] == [x["image_id"] for x in five]
    assert [x["score"] for x in one] == pytest.approx([x["score"] for x in five], abs=1e-4)


def test_a_video(demo, project):
    write_video("clip.avi")
    arguments = ("clip.avi", project / "003.png", "--json", "a.json", "--score-threshold", 0)
    code, out, err = demo(*arguments, "--output", "drawn", "--batch-size", 2)
    assert code == 0 and "6 images" in out, err
    frames = {(x["image_id"], x.get("frame")) for x in json.loads(Path("a.json").read_text())}
    assert frames <= {(1, None), (2, 0), (3, 1), (4, 2), (5, 3), (6, 4)} and (2, 0) in frames
    written = cv2.VideoCapture("drawn/clip.mp4")
    assert written.get(cv2.CAP_PROP_FPS) == 10 and written.get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_a_camera(demo, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: FakeCapture(source, num_frames=4))
    monkeypatch.setattr(demo_sources, "has_screen", lambda: True)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image.shape))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(shown) == 3 else -1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    code, out, _ = demo("--webcam", "--json", "camera.json", "--score-threshold", 0)
    assert code == 0 and "3 images in" in out and shown == [(48, 64, 3)] * 3
    assert {x["frame"] for x in json.loads(Path("camera.json").read_text())} <= {0, 1, 2}
    demo("--webcam", 1, "--output", "drawn")
    monkeypatch.undo()
    assert cv2.VideoCapture(str(tmp_path / "drawn" / "webcam.mp4")).read()[0]


def test_what_a_folder_has_that_cannot_be_read(demo, project):
    Path("in").mkdir()
    Path("in/good.png").write_bytes((project / "003.png").read_bytes())
    Path("in/text.png").write_text("no image")
    Path("in/notes.txt").write_text("notes")
    code, out, err = demo("in")
    assert code == 0 and "1 image in" in out
    assert "Left out, not images or videos: 1 files (notes.txt)" in out
    assert "The image in/text.png cannot be read (not an image)." in err
    Path("in/cut.mp4").write_bytes(b"0" * 100)
    code, _, err = demo("in")
    assert code == 0 and "The video in/cut.mp4 cannot be read." in err
    assert "2 of 3 files could not be read: in/text.png, in/cut.mp4." in err
    Path("in/good.png").unlink()
    assert demo("in")[0] == 1


def test_a_named_file_that_cannot_be_read(demo, project):
    """The others are done; the command fails."""
    Path("text.png").write_text("no image")
    code, out, err = demo("text.png", project / "003.png")
    assert code == 1 and "1 image in" in out and Path("output/demo/003.png").is_file()
    assert err == "Error: The image text.png cannot be read (not an image).\n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "No input given"),
        (["gone.png"], "The file or folder gone.png does not exist."),
        (["--webcam", "0", "a.png"], "either --webcam or inputs, not both"),
        (["IMAGE", "--output", "file"], "The output file is a file: give a folder."),
        (["IMAGE", "--output", "file/in"], "The folder file/in cannot be created"),
        (["IMAGE", "--json", "."], "The JSON file . is a folder"),
        (["IMAGE", "--batch-size", "0"], "--batch-size 0 must be at least 1"),
        (["IMAGE", "--score-threshold", "30"], "--score-threshold 30.0 must be between 0 and 1"),
        (["IMAGE", "model.nms=1"], "The config has no key 'model.nms'"),
        (["IMAGE", "--checkpoint", "gone.pth"], "The checkpoint gone.pth does not exist."),
        (["IMAGE", "--run", "folder"], "folder holds no config.yaml"),
    ],
)
def test_errors(demo, project, arguments, message):
    Path("file").touch()
    Path("folder").mkdir()
    arguments = [project / "003.png" if x == "IMAGE" else x for x in arguments]
    if "--run" in arguments:
        arguments += ["--config-file", ""]
    code, _, err = demo(*arguments)
    assert code == 1 and err.startswith("Error: ") and message in err and err.count("\n") == 1


def test_the_score_of_the_best_f1(tmp_path):
    checkpoint = tmp_path / "model_final.pth"

    def score(given=None, has_nms=True):
        return score_threshold(given, checkpoint, has_nms=has_nms)[0]

    assert score() == 0.3
    ways = {"with_nms": {"AP": 1, "threshold": 0.45}, "without_nms": {"AP": 1, "threshold": 0.6}}
    (tmp_path / "evaluation.json").write_text(json.dumps({"duplicates": ways}))
    assert (score(), score(has_nms=False), score(given=0.1)) == (0.45, 0.6, 0.1)
    ways["with_nms"]["threshold"] = float("nan")  # nothing was right
    (tmp_path / "evaluation.json").write_text(json.dumps({"duplicates": ways}))
    assert score() == 0.3
    (tmp_path / "evaluation.json").write_text("[]")
    assert score() == 0.3


def test_overrides_may_stand_among_the_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x=1.png").touch()
    arguments = ["a.png", "model.test_nms_thresh=null", "x=1.png", "b c=d.png"]
    assert split_overrides(arguments) == (
        ["a.png", "x=1.png", "b c=d.png"],
        ["model.test_nms_thresh=null"],
    )
