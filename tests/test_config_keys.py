"""No number of a config's scheme, losses or head is without effect."""

import copy
from pathlib import Path

import pytest
import torch
from all_configs import LOADED
from detectron2.config import instantiate
from omegaconf import OmegaConf
from scenes import batch_of, random_scene

# Detectron2's FCOS head reads the first level's channels only; the reach of relative coordinates
# is the mask head's, of which CondInst's head reads the number of parameters.
UNUSED_IN_HEAD = {"FCOSBaselineHead": {"channels", "stride"}, "CondInstHead": {"reach"}}
UNUSED_IF_COUPLED = {"gamma1", "min_iou"}  # DW's weights of negatives follow from the positives'


MODELS = {name: OmegaConf.to_container(cfg, resolve=True)["model"] for name, cfg in LOADED.items()}


def distinct(case_of):
    """What `case_of` makes of all models, each case once, with the name of its first config."""
    found = {}
    for name, model in MODELS.items():
        case = case_of(model)
        found.setdefault(str(case), pytest.param(case, id=Path(name).stem))
    return [param for text, param in found.items() if text != "None"]


def scheme_and_losses(model):
    return {key: model[key] for key in ("scheme", "losses")} if "scheme" in model else None


def small_head(model):
    """The head with three classes, and narrower and shorter than it is."""
    head = model["head"] | {"num_classes": 3, "conv_dims": [32, 32]}
    head["input_shape"] = [shape | {"channels": 32} for shape in head["input_shape"][:3]]
    if head.get("box_refinement"):
        head["box_refinement"] = head["box_refinement"] | {"in_channels": 32}
    return head


def build(node):
    return instantiate(OmegaConf.create(node, flags={"allow_objects": True}))


def leaves(node, path=()):
    """Paths of all numbers, truth values and lists of numbers in nested dictionaries and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if isinstance(value, bool | int | float):
            yield (*path, key)
        elif isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


def changed(node, path):
    """A copy of `node` with another value at `path`."""
    node = copy.deepcopy(node)
    place = node
    for key in path[:-1]:
        place = place[key]
    value = place[path[-1]]
    if isinstance(value, bool):
        place[path[-1]] = not value
    else:
        place[path[-1]] = value + 1 + value // 4 if isinstance(value, int) else value * 0.8 + 0.01
    return node


def effect(compute, node, path):
    """Whether `compute` gives something else, or refuses, after a change at `path`."""
    try:
        before, after = compute(node), compute(changed(node, path))
    except (ValueError, RuntimeError):
        return True
    return len(before) != len(after) or not all(
        torch.equal(x, y) for x, y in zip(before, after, strict=True)
    )


def losses_of(node):
    """All that scheme and losses say of three scenes."""
    scheme, losses = build(node["scheme"]), build(node["losses"])
    values = []
    for seed in range(3):
        batch = batch_of(random_scene(seed, num_gt=(6, 4), strides=(4, 8, 16)), 0.4)
        values.extend(losses(scheme(batch), batch).values())
    return values


def outputs_of(node):
    """What an untrained head says of random features, and its parameters."""
    torch.manual_seed(0)
    head = build(node)
    features = [torch.randn(1, 32, size, size) for size in (8, 4, 2)]
    with torch.no_grad():
        outputs = head(features)
    return [*[x for output in outputs for x in output], *head.state_dict().values()]


@pytest.mark.parametrize("node", distinct(scheme_and_losses))
def test_scheme_and_losses(node):
    losses_of(node)  # it works as it is
    inert = {path[-1] for path in leaves(node) if not effect(losses_of, node, path)}
    assert inert == (UNUSED_IF_COUPLED if node["scheme"].get("coupled") else set())


@pytest.mark.parametrize("node", distinct(small_head))
def test_head(node):
    outputs_of(node)
    inert = {path[-1] for path in leaves(node) if not effect(outputs_of, node, path)}
    assert inert <= UNUSED_IN_HEAD.get(node["_target_"].__name__, set())
