"""The authors' detectors, through the converter into the shipped configs."""

import numpy as np
import pytest
import torch
from detectron2.structures import BitMasks, Boxes, Instances
from golden_models import image, load_golden_model

from dual_weighting import model_zoo
from dual_weighting.cli.convert_checkpoint import convert_file

CONFIGS = {
    "dw_r50_norefine": "COCO-Detection/dw_R_50_FPN_1x.py",
    "dw_r50_refine": "COCO-Detection/dw_refine_R_50_FPN_1x.py",
    "dw_r50_dcn": "COCO-Detection/dw_refine_R_50_DCN_FPN_ms_2x.py",
    "o2f_r50": "COCO-Detection/o2f_R_50_FPN_1x.py",
    "o2f_swin_t": "COCO-Detection/o2f_Swin_T_FPN_1x.py",
    "o2f_crowdhuman": "CrowdHuman/o2f_R_50_FPN_50ep.py",
    "o2f_condinst_r50": "COCO-InstanceSegmentation/o2f_condinst_R_50_FPN_1x.py",
}


@pytest.fixture(scope="module")
def device():
    return "cpu"


@pytest.fixture(scope="module", params=CONFIGS)
def golden_model(request, tmp_path_factory, device):
    """The released model's answers, and the model here with the converted weights."""
    return released_model(request.param, tmp_path_factory.mktemp("converted"), device)


def released_model(name, folder, device="cpu"):
    golden, checkpoint = load_golden_model(name)
    torch.save(checkpoint, folder / "source.pth")
    config = CONFIGS[name]
    convert_file(
        str(folder / "source.pth"),
        str(folder / "dest.pth"),
        configs=[model_zoo.get_config_file(config)],
    )
    model = model_zoo.get_model(config, folder / "dest.pth", device=str(device))
    model.mask_pixel_middle = 0.0  # the release's masks are half a pixel off the other way
    (folder / "source.pth").unlink()
    (folder / "dest.pth").unlink()
    return golden, model


def ellipses(boxes, height, width):
    """The pixels whose middle is in the ellipse inscribed in each box, (M, height, width)."""
    x1, y1, x2, y2 = boxes[:, :, None, None].unbind(dim=1)
    x, y = torch.arange(width) + 0.5, torch.arange(height)[:, None] + 0.5
    across, down = (2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1)
    return across**2 + down**2 <= 1


def inputs(golden):
    batch = []
    for boxes, classes, name in zip(
        golden["gt_boxes"], golden["gt_classes"], ("A0", "A1"), strict=True
    ):
        instances = Instances(tuple(golden["image_size"]))
        instances.gt_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32))
        instances.gt_classes = torch.tensor(classes)
        instances.gt_masks = BitMasks(ellipses(instances.gt_boxes.tensor, *golden["image_size"]))
        batch.append({"image": image(name, *golden["image_size"]), "instances": instances})
    return batch


@pytest.fixture(scope="module")
def detections(golden_model):
    golden, model = golden_model
    model.eval()
    with torch.no_grad():
        return [output["instances"].to("cpu") for output in model(inputs(golden))]


def test_detections(golden_model, detections):
    """98 of 100: box within 0.05 pixel, score within 1e-4, the same class."""
    golden, model = golden_model
    for found, expected in zip(detections, golden["detections"], strict=True):
        expected = np.array(expected)
        assert len(found) == len(expected) == model.max_detections_per_image
        box = np.abs(found.pred_boxes.tensor.numpy()[:, None] - expected[:, :4]).max(axis=2)
        score = np.abs(found.scores.numpy()[:, None] - expected[:, 4])
        same_class = found.pred_classes.numpy()[:, None] == expected[:, 5]
        matched = (box < 0.05) & (score < 1e-4) & same_class
        assert min(matched.any(axis=0).mean(), matched.any(axis=1).mean()) >= 0.98


def test_mask_areas(golden_model, detections):
    """Within 1 %, 98 of 100 by score and class."""
    golden, _ = golden_model
    if "mask_area" not in golden:
        pytest.skip("a detector of boxes")
    for found, expected in zip(detections, golden["mask_area"], strict=True):
        score, number, area = np.array(expected).T
        same = np.abs(found.scores.numpy()[:, None] - score) < 1e-4
        same &= found.pred_classes.numpy()[:, None] == number
        areas = found.pred_masks.flatten(1).sum(dim=1).numpy()[:, None]
        assert (same & (np.abs(areas - area) <= 0.01 * area)).any(axis=0).sum() >= 98


def test_training_losses(golden_model):
    """Within 1e-4, in each epoch that the release was asked about."""
    golden, model = golden_model
    answers = {key: golden[key] for key in golden if key.startswith("loss")}
    if not answers:
        pytest.skip("the training of Swin is random")
    model.train()
    batch = inputs(golden)
    with torch.no_grad():
        images = model.preprocess_image(batch)
        maps = model.backbone(images.tensor)
        features = [maps[name] for name in model.head_in_features]
        outputs = (
            images,
            features,
            model.head(features),
            [x["instances"].to(model.device) for x in batch],
        )
        epochs = {key: int(key.partition("_epoch")[2] or 0) for key in answers}
        for key, expected in answers.items():
            model.training_progress = epochs[key] / max(*epochs.values(), 1)  # ends with the last
            losses = {k: x.item() for k, x in model.forward_training(*outputs).items()}
            assert losses == pytest.approx(expected, rel=1e-4)
