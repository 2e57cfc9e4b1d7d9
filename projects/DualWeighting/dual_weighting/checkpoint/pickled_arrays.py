"""Checks of pickled NumPy arrays, the format of Detectron2's model zoo."""

import pickle
from typing import Any

# The globals in pickled arrays, with the names of NumPy 1 and 2.
ALLOWED = {
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
} | {
    (f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    )
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"Unsupported global: {module}.{name}")
        return super().find_class(module, name)


def check_only_arrays(filename: str) -> None:
    """Raise `pickle.UnpicklingError` unless the file contains only arrays, numbers and names."""
    with open(filename, "rb") as file:
        _ArrayUnpickler(file, encoding="latin1").load()
