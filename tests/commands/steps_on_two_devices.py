"""A training step and an inference of every detector, on the CPU and on a pretended GPU.

Prints JSON, by detector: `waits`, the places where a step waits for the device and how often, with
one object in an image and with ten in three; `differences`, the largest one of the losses and
gradients of each of these steps, and of the detections.
"""

import json
from copy import deepcopy

import torch
from all_schemes import SCHEMES
from detectron2.structures import PolygonMasks
from detectron2.utils.events import EventStorage
from tiny_detector import CHANNELS, tiny_condinst, tiny_detector, tiny_head, training_image

from commands.pretended_gpu import DEVICE, WAITS, PretendedGPU
from dual_weighting.modeling import BoxRefinement

BOXES = [[10, 5, 60, 50], [3, 3, 30, 20], [40, 8, 90, 60], [12, 30, 33, 61], [1, 40, 20, 63]]


def image(num_objects: int) -> dict:
    record = training_image(BOXES[:num_objects], [k % 3 for k in range(num_objects)])
    outlines = [[[x1, y1, x2, y1, x2, y2, x1, y2]] for x1, y1, x2, y2 in BOXES[:num_objects]]
    record["instances"].gt_masks = PolygonMasks(outlines)
    return record


FEW = [image(1)]
MANY = [image(5), image(0), image(5)]


def step(model, batch) -> dict[str, torch.Tensor]:
    """The losses of a training step, and the gradients of their sum."""
    model.train().zero_grad()
    with EventStorage():
        losses = model(batch)
    sum(losses.values()).backward()
    gradients = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    return {k: x.detach().cpu() for k, x in (losses | gradients).items()}


def detections(model, batch) -> dict[str, torch.Tensor]:
    model.eval().test_score_thresh = 0.0
    with torch.no_grad():
        results = [x["instances"].to("cpu") for x in model(batch)]
    return {
        f"{n} {name}": getattr(x, "tensor", x).float()
        for n, result in enumerate(results)
        for name, x in result.get_fields().items()
    }


def difference(expected: dict[str, torch.Tensor], actual: dict[str, torch.Tensor]) -> float:
    assert expected.keys() == actual.keys() and len(expected) > 3
    return max(float((actual[k] - x).abs().max()) for k, x in expected.items() if x.numel())


def compare(model) -> dict:
    """Of a detector on the CPU. What a step changes, such as BatchNorm, changes in both alike."""
    with PretendedGPU():
        twin = deepcopy(model).to(DEVICE)
    waits, differences = [], []
    for batch in (FEW, MANY):
        with PretendedGPU():
            WAITS.clear()
            actual = step(twin, batch)
            waits.append(dict(WAITS))
        differences.append(difference(step(model, batch), actual))
    with PretendedGPU():
        actual = detections(twin, MANY)
    differences.append(difference(detections(model, MANY), actual))
    return {"differences": differences, "waits": waits}


def detectors() -> dict:
    made = {
        name: tiny_detector(scheme=scheme, losses=losses)
        for name, (scheme, losses) in SCHEMES.items()
    }
    refining = tiny_detector(head=tiny_head(box_refinement=BoxRefinement(in_channels=CHANNELS)))
    return made | {"refining": refining, "condinst": tiny_condinst()}


if __name__ == "__main__":
    print(json.dumps({name: compare(model) for name, model in detectors().items()}))
