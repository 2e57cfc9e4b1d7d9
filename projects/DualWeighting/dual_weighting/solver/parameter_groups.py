"""Learning rate and weight decay of each parameter, as the releases' recipes set them."""

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
    """Parameter groups of the trained parameters of `model`.

    Unlike Detectron2's `get_default_optimizer_params`, the options of biases leave out those of
    normalization layers, as in MMDetection, and `rules` select by full names.

    Args:
        base_lr: learning rate.
        weight_decay_norm: weight decay of normalization layers. None: the optimizer's.
        bias_lr_factor: factor of the learning rate of biases, except those of normalization layers.
        weight_decay_bias: weight decay of the same biases. None: the optimizer's.
        rules: each has `names`, a regular expression to be found in the full name of a parameter,
            and what holds for these parameters, for example `weight_decay`. Later rules win.
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
