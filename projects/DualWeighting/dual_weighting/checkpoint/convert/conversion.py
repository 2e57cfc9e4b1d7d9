"""Converts weights of other code bases to this project's names."""

import os
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dual_weighting.checkpoint.backbones.download import verify_check_sums
from dual_weighting.utils.errors import UserError


@dataclass(frozen=True)
class Rules:
    """Conversion rules for a code base.

    Attributes:
        rename: (pattern, replacement) for `re.sub`, applied to each name in this order.
        ignore: (pattern, reason) of names to drop.
        stack: (pattern with one group, name) of scalars to stack into a vector, in group order.
        rearrange: (pattern, function) of values whose elements have another order.
    """

    rename: Sequence[tuple[str, str]]
    ignore: Sequence[tuple[str, str]] = ()
    stack: Sequence[tuple[str, str]] = ()
    rearrange: Sequence[tuple[str, Callable[[Tensor], Tensor]]] = ()


@dataclass
class Conversion:
    """Attributes:
    state_dict: the converted weights.
    sources: original names of each converted name.
    ignored: reason for each dropped name.
    """

    state_dict: dict[str, Tensor] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def convert(state_dict: Mapping[str, Tensor], rules: Rules) -> Conversion:
    """Apply `rules`. Names without a matching rule stay unchanged.

    Raises:
        UserError: two names are converted to the same one.
    """
    result = Conversion()
    stacks: dict[str, dict[int, str]] = {}
    for name, value in state_dict.items():
        if reason := _first(rules.ignore, name):
            result.ignored[name] = reason
        elif target := _first(rules.stack, name):
            pattern = next(p for p, to in rules.stack if to == target)
            stacks.setdefault(target, {})[int(re.search(pattern, name)[1])] = name
        else:
            target = name
            for pattern, replacement in rules.rename:
                target = re.sub(pattern, replacement, target)
            if target in result.sources:
                raise UserError(
                    f"{result.sources[target][0]} and {name} would both be converted to "
                    f"{target}: remove one of them."
                )
            rearrange = _first(rules.rearrange, name)
            result.state_dict[target] = rearrange(value) if rearrange else value
            result.sources[target] = [name]
    for target, names in stacks.items():
        ordered = [names[k] for k in sorted(names)]
        result.state_dict[target] = torch.stack([state_dict[name].reshape(()) for name in ordered])
        result.sources[target] = ordered
    return result


def _first(rules: Sequence[tuple], name: str):
    """The second element of the first entry whose pattern is in `name`, or None."""
    return next((to for pattern, to in rules if re.search(pattern, name)), None)


def read_foreign_weights(file: str, *, trust: bool = False) -> dict[str, Tensor]:
    """The state dict in `file`, which may contain other training state, too.

    Args:
        trust: allow code in the file to run; otherwise it is loaded as data only.

    Raises:
        UserError: the file is missing or damaged, has no weights, or needs `trust`.
    """
    if not os.path.isfile(file):
        raise UserError(f"The file {file} does not exist.")
    try:
        verify_check_sums(file)
        loaded = torch.load(file, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        if "Unsupported " not in str(error) and "GLOBAL" not in str(error):
            raise UserError(_damaged(file)) from error
        raise UserError(
            f"The file {file} is refused because it contains more than weights, and loading it can "
            "execute code: add --trust if you trust its source."
        ) from error
    except ModuleNotFoundError as error:  # only with `trust`
        raise UserError(
            f"The file {file} contains objects of the package {error.name}, which is not "
            "installed: save it again with its state_dict only."
        ) from error
    except Exception as error:  # zip, pickle and torch raise different errors for truncated files
        raise UserError(_damaged(file)) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not any(isinstance(x, Tensor) for x in loaded.values()):
        raise UserError(f"The file {file} contains no named weights (state_dict).")
    others = [name for name, value in loaded.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(f"In the weights of {file}, {others[0]} is not a tensor.")
    for name in loaded:
        if not isinstance(name, str):
            raise UserError(f"In the weights of {file}, {name!r} is not a name.")
    return dict(loaded)


def _damaged(file: str) -> str:
    return f"The file {file} is not a complete checkpoint: it may be truncated, download it again."
