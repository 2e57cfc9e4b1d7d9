"""ONNX files of detectors: writing them, and running them with ONNX Runtime."""

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.export import ExportedProgram

from dual_weighting.utils.errors import UserError

OPSET = 19  # the first with deformable convolution
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_packages() -> None:
    """Raise `UserError` when a package that ONNX needs is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"ONNX needs {', '.join(missing)}, which is not installed: "
            'run pip install -e ".[export]".'
        )


def write_onnx(
    program: ExportedProgram,
    file: str | os.PathLike,
    *,
    output_names: Sequence[str],
    metadata: Mapping[str, str],
) -> None:
    """Write `program`, which takes an image, as one file; `metadata` becomes its metadata_props."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and onnxscript about themselves
        exported = torch.onnx.export(
            program,
            input_names=["image"],
            output_names=list(output_names),
            opset_version=OPSET,
            verbose=False,
        )
    exported.model.metadata_props.update(metadata)
    exported.save(file, external_data=False)


def operators(file: str | os.PathLike) -> set[str]:
    """Names of the operators in the file, those of its functions included."""
    import onnx

    model = onnx.load(file, load_external_data=False)
    functions = [node for function in model.functions for node in function.node]
    return {node.op_type for node in [*model.graph.node, *functions]}


class OnnxRunner:
    """An ONNX file on the CPU as a function from an image (H, W, 3) uint8 to a dictionary of
    arrays."""

    def __init__(self, file: str | os.PathLike):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                os.fspath(file), options, providers=["CPUExecutionProvider"]
            )
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented as error:
            raise UserError(
                f"onnxruntime {onnxruntime.__version__} cannot run {file} ({error}): deformable "
                "convolutions need 1.25, which is there for Python 3.11."
            ) from error
        self.output_names = [output.name for output in self.session.get_outputs()]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        outputs = self.session.run(None, {"image": image.numpy()})
        return dict(zip(self.output_names, map(torch.from_numpy, outputs), strict=True))
