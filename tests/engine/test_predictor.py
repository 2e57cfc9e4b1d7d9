"""Images in, detections in their pixels out."""

import cv2
import numpy as np
import pytest
import torch
from commands.tiny_project import write_tiny_project
from detectron2.config import LazyCall as L
from detectron2.config import instantiate
from detectron2.data import transforms as T
from PIL import Image

from dual_weighting import Predictor
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.config.load import load_config
from dual_weighting.utils.errors import UserError


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A config whose test images have a short side of 96, and a checkpoint that detects things."""
    folder = tmp_path_factory.mktemp("project")
    config = load_config(str(write_tiny_project(folder)))
    config.dataloader.test.mapper.augmentations = [
        L(T.ResizeShortestEdge)(short_edge_length=96, max_size=200)
    ]
    config.dataloader.test.mapper.image_format = "RGB"
    config.model.test_score_thresh = 0.0
    torch.manual_seed(0)
    model = instantiate(config.model)
    torch.nn.init.normal_(model.head.cls_logits.weight, std=0.5)
    Checkpointer(model, str(folder)).save("model_final")
    return config, folder / "model_final.pth"


@pytest.fixture
def images(tmp_path):
    """Three images of different size: files, and arrays as OpenCV has them."""
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in
              ((48, 64), (64, 64), (80, 40))]  # fmt: skip
    files = [tmp_path / f"{k}.png" for k in range(3)]
    for file, array in zip(files, arrays, strict=True):
        cv2.imwrite(str(file), array)
    return files, arrays


def same(one, other, **tolerance):
    assert one.image_size == other.image_size and len(one) == len(other) > 0
    torch.testing.assert_close(one.scores, other.scores, **tolerance)
    torch.testing.assert_close(one.pred_boxes.tensor, other.pred_boxes.tensor, **tolerance)


def test_file_bgr_and_rgb_are_the_same_image(project, images):
    predictor = Predictor(*project)
    (file, *_), (array, *_) = images
    found = predictor(file)["instances"]
    assert found.image_size == (48, 64) and found.pred_boxes.tensor[:, 2].max() <= 64
    same(found, predictor(array)["instances"])
    rgb = predictor(np.ascontiguousarray(array[:, :, ::-1]), array_format="RGB")
    same(found, rgb["instances"])
    turned = predictor(array, array_format="RGB")["instances"]
    assert not torch.equal(found.scores, turned.scores)


def test_images_are_resized_as_the_test_data(project, images):
    """As the model's answer to the image that is resized by hand, scaled back by 96 / 48."""
    config, checkpoint = project
    predictor = Predictor(config, checkpoint)
    array = images[1][0]
    resized = np.array(Image.fromarray(array[:, :, ::-1]).resize((128, 96), Image.BILINEAR))
    with torch.no_grad():
        (output,) = predictor.model([{"image": torch.tensor(resized).permute(2, 0, 1)}])
    found, expected = predictor(array)["instances"], output["instances"].to("cpu")
    torch.testing.assert_close(found.scores, expected.scores)
    torch.testing.assert_close(found.pred_boxes.tensor, expected.pred_boxes.tensor / 2)


def test_a_batch_is_its_images(project, images):
    """In batches of two; the answers are in the order of the images."""
    predictor = Predictor(*project, batch_size=2)
    calls = []
    predictor.model.register_forward_hook(lambda model, args, output: calls.append(len(args[0])))
    together = [output["instances"] for output in predictor(images[0])]
    assert calls == [2, 1]
    assert [x.image_size for x in together] == [(48, 64), (64, 64), (80, 40)]
    same(together[2], predictor(images[0][2])["instances"])
    assert predictor([]) == []


def test_half_precision(project, images):
    whole, half = Predictor(*project), Predictor(*project, half=True)
    dtypes = set()
    half.model.head.cls_logits.register_forward_hook(lambda m, a, out: dtypes.add(out.dtype))
    found, expected = (predict(images[0][0])["instances"] for predict in (half, whole))
    assert dtypes == {torch.bfloat16 if half.device.type == "cpu" else torch.float16}
    assert found.scores.dtype == torch.float32
    torch.testing.assert_close(found.scores[:20], expected.scores[:20], rtol=0.1, atol=0.02)


def test_errors(project, images, tmp_path):
    config, checkpoint = project
    predictor = Predictor(config, checkpoint)
    with pytest.raises(UserError, match=r"none.png cannot be read"):
        predictor(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UserError, match=r"text.png cannot be read"):
        predictor(tmp_path / "text.png")
    with pytest.raises(ValueError, match=r"\(H, W, 3\), not \(4, 4\)"):
        predictor(np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="array_format"):
        predictor(images[1][0], array_format="GBR")
    with pytest.raises(UserError, match=r"config file none.py does not exist"):
        Predictor("none.py", checkpoint)
    with pytest.raises(UserError, match=r"gone.pth does not exist"):
        Predictor(config, tmp_path / "gone.pth")
