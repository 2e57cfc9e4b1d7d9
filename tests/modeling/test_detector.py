import pytest
import torch
from detectron2.structures import Boxes
from oracles import dw as oracle
from tiny_detector import CHANNELS, STRIDES, tiny_detector, tiny_head, training_image

from dual_weighting.modeling import AnchorDeltas, BoxRefinement

LOSSES = {"loss_cls_pos", "loss_loc", "loss_cls_neg"}


def batch():
    return [
        training_image([[5, 5, 40, 50], [30, 10, 90, 60]], [0, 2], seed=1),
        training_image([], [], seed=2),
    ]


def test_training_losses_equal_the_oracle():
    """The whole forward pass: head, layout of points, ground truths of several images."""
    model = tiny_detector().train()
    losses = model(batch())
    assert set(losses) == LOSSES
    with torch.no_grad():
        images = model.preprocess_image(batch())
        features = [model.backbone(images.tensor)[f] for f in model.head_in_features]
        predictions = model.flatten_levels(model.head(features))
    expected = oracle.dw_losses(
        predictions.cls_logits,
        predictions.box_distances,
        predictions.objectness_logits,
        [x["instances"].gt_boxes.tensor for x in batch()],
        [x["instances"].gt_classes for x in batch()],
        image_size=(64, 96),
        strides=STRIDES,
    )
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("images", [slice(0, 2), slice(1, 2)], ids=["one empty", "all empty"])
def test_every_parameter_gets_a_gradient(images):
    """With an image, or a whole batch, without ground truth as well: DDP waits for all of them."""
    model = tiny_detector(head=tiny_head(box_refinement=BoxRefinement(in_channels=CHANNELS)))
    sum(model.train()(batch()[images]).values()).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert not missing
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_half_precision_training():
    model = tiny_detector().train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(batch())
    assert all(x.dtype == torch.float32 and torch.isfinite(x) for x in losses.values())
    sum(losses.values()).backward()


def test_training_step_learns():
    torch.manual_seed(0)
    model = tiny_detector().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    data = batch()[:1]
    first = None
    for _ in range(30):
        loss = sum(model(data).values())
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.6 * first


def detect(model, scores, boxes):
    """Inference on one level of 2 x 2 points with these scores (4, K) and boxes (4, 4)."""
    centers = torch.tensor([[4.0, 4], [12, 4], [4, 12], [12, 12]])
    boxes = torch.tensor(boxes)
    distances = torch.cat((centers - boxes[:, :2], boxes[:, 2:] - centers), dim=1)
    scores = model.scores(torch.tensor(scores).logit(), torch.full((4, 1), 50.0))
    return model.inference_single_image(centers, [scores], [distances], (16, 16))


SAME_BOX = [[0.0, 0, 20, 16], [0, 0, 16, 16], [0, 0, 16, 15], [8, 8, 16, 16]]
SCORES = [[0.5, 0.01, 0.0], [0.9, 0.02, 0.0], [0.0, 0.6, 0.0], [0.3, 0.0, 0.04]]


def test_inference_with_nms():
    """Score over 0.05; class-wise: the box of class 1 stays, the second one of class 0 does not."""
    found = detect(tiny_detector(test_nms_thresh=0.6), SCORES, SAME_BOX)
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert found.pred_classes.tolist() == [0, 1, 0]


def test_inference_without_nms():
    found = detect(tiny_detector(test_nms_thresh=None), SCORES, SAME_BOX)
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.5, 0.3])
    assert found.pred_boxes.tensor[2].tolist() == [0, 0, 16, 16]  # clipped to the image


@pytest.mark.parametrize("threshold", [0.6, None])
def test_limits_of_inference(threshold):
    found = detect(
        tiny_detector(test_nms_thresh=threshold, max_detections_per_image=2), SCORES, SAME_BOX
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.6])
    found = detect(
        tiny_detector(test_nms_thresh=threshold, test_topk_candidates=1), SCORES, SAME_BOX
    )
    assert found.scores.tolist() == pytest.approx([0.9])
    found = detect(
        tiny_detector(test_nms_thresh=threshold, test_score_thresh=0.95), SCORES, SAME_BOX
    )
    assert len(found) == 0


@pytest.mark.parametrize("form", [{}, {"box_form": AnchorDeltas(), "box_bias": 0.0}])
def test_training_and_inference_decode_alike(form):
    """Also where a box of anchors does not reach its point, so that a distance is negative."""
    model = tiny_detector(head=tiny_head(**form), test_score_thresh=0.0, test_nms_thresh=None)
    with torch.no_grad():
        model.head.box_distances.weight.mul_(100)
        images = model.preprocess_image(batch()[:1])
        features = [model.backbone(images.tensor)[f] for f in model.head_in_features]
        predictions = model.head(features)
        (found,) = model.detect(images, features, predictions)
        seen = model.batch(features, predictions, [batch()[0]["instances"]])
    assert (seen.predictions.box_distances < 0).any() == bool(form)
    boxes = Boxes(seen.boxes_at(found.point))
    boxes.clip((64, 96))
    assert torch.equal(found.pred_boxes.tensor, boxes.tensor)


def test_detections_in_original_pixels():
    """`height` and `width` are the original size: boxes are scaled from the input to it."""
    model = tiny_detector(test_score_thresh=0.0).eval()
    image = training_image([], [])
    with torch.no_grad():
        small = model([image])[0]["instances"]
        large = model([image | {"height": 128, "width": 192}])[0]["instances"]
    assert len(small) > 0 and large.image_size == (128, 192)
    torch.testing.assert_close(large.pred_boxes.tensor, 2 * small.pred_boxes.tensor)


def test_inference_does_not_depend_on_the_batch():
    """Images of different size in one batch are padded, their detections are not."""
    model = tiny_detector(test_score_thresh=0.0).eval()
    image, smaller = training_image([], []), training_image([], [], size=(64, 64), seed=3)
    with torch.no_grad():
        both = model([image, smaller])
        alone = model([image])
    torch.testing.assert_close(
        both[0]["instances"].scores, alone[0]["instances"].scores, rtol=1e-4, atol=1e-5
    )
    assert both[1]["instances"].pred_boxes.tensor[:, 2].max() <= 64


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
def test_training_progress_is_a_share(progress):
    model = tiny_detector()
    model.training_progress = 0.5
    with pytest.raises(ValueError, match="training_progress"):
        model.training_progress = progress
    assert model.training_progress == 0.5


def test_scheme_gets_the_progress():
    seen = []

    def scheme(batch):
        seen.append(batch.progress)
        return scheme.real(batch)

    model = tiny_detector()
    scheme.real, model.scheme = model.scheme, scheme
    model.training_progress = 0.25
    model.train()(batch())
    assert seen == [0.25]
