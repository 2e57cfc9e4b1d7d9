"""Recording a detector with torch.export."""

import os
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from dual_weighting.utils.errors import UserError

from .wrapper import ExportableDetector

EXAMPLE_SIZE = (200, 330)  # no multiples of a stride


def record(detector: ExportableDetector) -> ExportedProgram:
    """The operations of `detector` for images of any height and width.

    torch.export takes a side of one cell for a constant. So a .pt2 file refuses images whose sides
    are, padded, only one cell of the coarsest level long; an ONNX file does not check.

    Raises:
        UserError: the detector does something that depends on the size of the example.
    """
    image = torch.zeros(*EXAMPLE_SIZE, 3, dtype=torch.uint8)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch and torchvision about themselves
            return torch.export.export(
                detector,
                (image,),
                dynamic_shapes={"image": {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}},
                prefer_deferred_runtime_asserts_over_guards=True,
            )
    except Exception as error:  # torch raises many kinds, and so may the model
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"torch.export cannot record this model: {reason}") from error


def save_program(
    program: ExportedProgram, file: str | os.PathLike, metadata: Mapping[str, str]
) -> None:
    """Write a .pt2 file, with a text file inside for each entry of `metadata`."""
    torch.export.save(program, file, extra_files=dict(metadata))


class ProgramRunner:
    """A .pt2 file as a function from an image (H, W, 3) uint8 to a dictionary of arrays."""

    def __init__(self, file: str | os.PathLike, output_names: tuple[str, ...]):
        self.module = torch.export.load(file).module()
        self.output_names = output_names

    @torch.no_grad()
    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.output_names, self.module(image), strict=True))
