"""Learning rate and weight decay of each parameter, as in the releases' recipes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from detectron2.solver.build import reduce_param_groups
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def parameter_groups(
    model: nn.Module,
    *,
    base_lr: float,
    weight_decay_norm: float | None = None,
    bias_lr_factor: float = 1.0,
    weight_decay_bias: float | None = None,
    rules: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Parameter groups of the trainable parameters of `model`.

    Unlike in Detectron2's `get_default_optimizer_params`, bias options exclude biases of
    normalization layers, as in MMDetection, and `rules` match full names.

    Args:
        base_lr: learning rate.
        weight_decay_norm: weight decay of normalization layers; None for that of the optimizer.
        bias_lr_factor: factor of the learning rate of biases, except those of normalization layers.
        weight_decay_bias: weight decay of these biases; None for that of the optimizer.
        rules: dictionaries with `names`, a regular expression searched for in full parameter names,
            and options for these parameters, such as `weight_decay`. Later rules win.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            group = {"params": [parameter], "lr": base_lr}
            if isinstance(module, NORMS):
                if weight_decay_norm is not None:
                    group["weight_decay"] = weight_decay_norm
            elif name == "bias":
                group["lr"] = base_lr * bias_lr_factor
                if weight_decay_bias is not None:
                    group["weight_decay"] = weight_decay_bias
            for rule in rules:
                if re.search(rule["names"], names[parameter]):
                    group |= {key: value for key, value in rule.items() if key != "names"}
            groups.append(group)
    return reduce_param_groups(groups)
