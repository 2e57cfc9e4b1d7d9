"""Reading weights that others have saved."""

import os
import pickle

import torch
from torch import Tensor

from dual_weighting.checkpoint.check_sums import verify_check_sums
from dual_weighting.errors import UserError


def read_foreign_weights(file: str, *, trust: bool = False) -> dict[str, Tensor]:
    """The state dict in `file`, alone or with a training's other states around it.

    Loaded as data only, unless `trust`: then code in the file is run.

    Raises:
        UserError: the file is missing or damaged, holds no weights, or needs `trust`.
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
            f"The file {file} is refused because it holds more than weights, and loading that runs "
            "code in it: add --trust if you trust where it comes from."
        ) from error
    except ModuleNotFoundError as error:  # only with `trust`
        raise UserError(
            f"The file {file} holds objects of the package {error.name}, which is not installed: "
            "save it again with its state_dict only."
        ) from error
    except Exception as error:  # zip, pickle and torch each have their own for a cut file
        raise UserError(_damaged(file)) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not any(isinstance(x, Tensor) for x in loaded.values()):
        raise UserError(f"The file {file} holds no weights by name (a state_dict).")
    others = [name for name, value in loaded.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(f"Among the weights of {file}, {others[0]} is no tensor.")
    for name in loaded:
        if not isinstance(name, str):
            raise UserError(f"Among the weights of {file} is one without a name: {name!r}.")
    return dict(loaded)


def _damaged(file: str) -> str:
    return f"The file {file} is no complete checkpoint: it may have been cut short, get it again."
