"""Whole detectors of the authors' releases: their weights by a recipe, and what they answer."""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent / "golden"

# Spread of a layer's weights, times 1 / sqrt(inputs).
GAIN = {"conv_cls": 2.0, "conv_reg": 1.5, "conv_centerness": 2.0, "conv_quality": 2.0,
        "reg_offset": 1.0, "conv_offset": 0.5, "controller": 0.5}  # fmt: skip
BIAS = {"conv_cls": -2.5, "conv_reg": 2.0}


def generator(name):
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def weight(name, shape):
    """The tensor called `name`: numbers that follow from the name alone."""
    random = generator(name)
    layer = name.split(".")[-2]
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    if name.endswith("sizes_of_interest"):
        return torch.tensor([64.0, 128.0, 256.0, 512.0, 1024.0])
    if name.endswith("running_var"):
        values = 0.75 + 0.5 * random.random(shape)
    elif name.endswith("center_prior.mean"):
        values = np.zeros(shape)
    elif name.endswith("center_prior.sigma"):
        values = np.full(shape, 1.11)
    else:
        values = random.standard_normal(shape)
        if name.endswith("running_mean"):
            values = 0.1 * values
        elif name.endswith(".scale"):
            values = 1 + 0.1 * values
        elif len(shape) == 1 and name.endswith("weight"):  # of a norm
            values = (0.25 if ".bn3." in name else 1.0) * (1 + 0.1 * values)
        elif len(shape) == 1:
            values = BIAS.get(layer, 0.0) + 0.1 * values
        else:
            values = GAIN.get(layer, math.sqrt(2)) / math.sqrt(np.prod(shape[1:])) * values
    return torch.tensor(values, dtype=torch.float32)


def image(name, height, width):
    """(3, H, W) RGB, integers: random colors 16 pixels apart, bilinear between."""
    coarse = generator(name).random((height // 16 + 2, width // 16 + 2, 3))
    y = np.linspace(0, len(coarse) - 1.001, height)
    x = np.linspace(0, coarse.shape[1] - 1.001, width)
    top, left = y.astype(int), x.astype(int)
    down, right = (y - top)[:, None, None], (x - left)[None, :, None]
    rows = coarse[top] * (1 - down) + coarse[top + 1] * down
    pixels = rows[:, left] * (1 - right) + rows[:, left + 1] * right
    return torch.from_numpy((255 * pixels).astype(np.uint8)).permute(2, 0, 1).float()


def load_golden_model(name, *, values=True):
    """The answers of the model `name`, and its checkpoint as MMDetection saves it, if `values`."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    if not values:
        return golden, None
    weights = {key: weight(key, shape) for key, shape in golden["state_dict_shapes"].items()}
    return golden, {"meta": {"epoch": 12}, "state_dict": weights}
