"""The sections of the page, by name, in its order."""

import inspect
from types import ModuleType

from benchmarks import (
    crowds,
    data,
    evaluation,
    floor,
    inference,
    losses,
    onnx,
    startup,
    step,
)

SECTIONS: dict[str, ModuleType] = {
    "losses": losses,
    "floor": floor,
    "crowds": crowds,
    "step": step,
    "data": data,
    "inference": inference,
    "evaluation": evaluation,
    "onnx": onnx,
    "startup": startup,
}


def options_of(section: str) -> set[str]:
    """Names of the options that a section has."""
    return set(inspect.signature(SECTIONS[section].run).parameters)
