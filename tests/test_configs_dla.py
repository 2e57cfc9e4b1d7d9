"""What the configs of DLA say, and that its ablations are overrides."""

import numpy as np
import pytest
import torch
import torchvision
from detectron2.config import instantiate
from scenes import batch_of, random_scene
from test_configs import load

from dual_weighting.checkpoint.backbones.torchvision import to_detectron2_names
from dual_weighting.config.overrides import apply_overrides


@pytest.mark.parametrize(
    "name, epochs",
    [("COCO-Detection/dla_R_50_FPN_1x", 12), ("COCO-Detection/dla_R_101_FPN_ms_2x", 24),
     ("Digits/dla_R_18_FPN", 12)],
)  # fmt: skip
def test_epochs_follow_the_training(name, epochs):
    cfg = load(f"{name}.py")
    assert instantiate(cfg.model.scheme).epochs == pytest.approx(epochs, rel=1e-4)
    cfg.train.max_iter //= 2
    assert instantiate(cfg.model.scheme).epochs == pytest.approx(epochs / 2, rel=1e-4)


@pytest.mark.parametrize("name", ["dla_R_101_FPN_ms_2x", "dla_X_101_64x4d_FPN_ms_2x"])
def test_multi_scale_recipe(name):
    cfg = load(f"COCO-Detection/{name}.py")
    resize, flip = instantiate(cfg.dataloader.train.mapper.augmentations)
    image = np.zeros((600, 800, 3), dtype=np.uint8)
    sizes = {resize.get_transform(image).new_h for _ in range(20)}
    assert 480 <= min(sizes) < max(sizes) <= 960 and len(sizes) > 10
    assert resize.max_size == 1333 and flip.prob == 0.5
    assert cfg.train.max_iter == pytest.approx(24 * 117266 / 16, abs=1)


@pytest.mark.parametrize(
    "override",
    ["alpha_first=0.8 alpha_last=0.8", "k=5", "gamma=0", "epochs=100", "prior_scale=4"],
)
def test_ablations_are_overrides(override):
    batch = batch_of(random_scene(0), 0.5)
    cfg = load("COCO-Detection/dla_R_50_FPN_1x.py")
    plain = instantiate(cfg.model.scheme)(batch)
    apply_overrides(cfg, [f"model.scheme.{part}" for part in override.split()])
    changed = instantiate(cfg.model.scheme)(batch)
    assert not (torch.equal(plain.point, changed.point) and torch.equal(plain.box, changed.box))


def test_anchors_are_the_priors_of_the_scheme():
    cfg = load("COCO-Detection/dla_R_50_FPN_anchor_1x.py")
    cfg.model.scheme.prior_scale = 6.0
    head = instantiate(cfg.model.head)
    assert head.box_form.scale == 6.0
    assert (head.box_form(torch.zeros(1, 4, 1, 1), 8) == 24).all()
    assert not head.box_distances.bias.any()


@pytest.mark.parametrize(
    "config, name",
    [("dla_R_101_FPN_ms_2x", "resnet101"), ("dla_X_101_64x4d_FPN_ms_2x", "resnext101_64x4d")],
)
def test_backbone_takes_the_weights(config, name):
    """torchvision's weights of that name have the names and shapes of the whole backbone."""
    cfg = load(f"COCO-Detection/{config}.py")
    assert cfg.train.init_checkpoint == f"torchvision://{name}"
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)()
        ours = instantiate(cfg.model.backbone.bottom_up)
    renamed = to_detectron2_names(theirs.state_dict(), prefix="")
    shapes = {key: x.shape for key, x in ours.state_dict().items()}
    found = {key: x.shape for key, x in renamed.items()}
    assert found == {key: x for key, x in shapes.items() if not key.endswith("batches_tracked")}
