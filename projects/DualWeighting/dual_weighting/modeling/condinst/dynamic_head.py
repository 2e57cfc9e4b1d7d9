"""The network that draws a mask. Every instance brings the weights of its own."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...assignment.points import level_centers
from ...assignment.segments import take_rows


@dataclass(frozen=True)
class DynamicMaskHead:
    """Three 1x1 convolutions with ReLU between, from the base channels of the image and the
    position relative to the instance to a mask logit (CondInst, ECCV 2020, sec. 3.1).

    Attributes:
        base_channels: B.
        hidden_channels: outputs of the first and second convolution.
        reach: relative positions are in units of `reach` strides of the instance's level.
    """

    base_channels: int = 8
    hidden_channels: int = 8
    reach: float = 8.0

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each convolution."""
        hidden = self.hidden_channels
        return [(2 + self.base_channels, hidden), (hidden, hidden), (hidden, 1)]

    @property
    def num_parameters(self) -> int:
        """How many numbers are the weights and biases of an instance."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.layers)

    def __call__(
        self, parameters: Tensor, bases: Tensor, image: Tensor, centers: Tensor, strides: Tensor
    ) -> Tensor:
        """
        Args:
            parameters: (I, P), the weights of all layers, then their biases.
            bases: (N, B, H, W) of the images, at stride 8.
            image: (I,), the image of each instance.
            centers: (I, 2), x and y of the point that predicts the instance, pixels.
            strides: (I,), stride of that point's level, pixels.

        Returns:
            Mask logits, (I, H, W).
        """
        height, width = bases.shape[-2:]
        position = relative_positions(height, width, centers, self.reach * strides)
        x = torch.cat((position, take_rows(bases.flatten(2), image)), dim=1)  # (I, 2 + B, H * W)
        for k, (weight, bias) in enumerate(self.split(parameters)):
            x = torch.baddbmm(bias, weight, x if k == 0 else x.relu())
        return x.view(-1, height, width)

    def split(self, parameters: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weight (I, outputs, inputs) and bias (I, outputs, 1) of each layer."""
        sizes = [inputs * outputs for inputs, outputs in self.layers]
        sizes += [outputs for _, outputs in self.layers]
        parts = parameters.split(sizes, dim=1)
        return [
            (weight.unflatten(1, (outputs, inputs)), bias[:, :, None])
            for (inputs, outputs), weight, bias in zip(
                self.layers, parts[:3], parts[3:], strict=True
            )
        ]


def relative_positions(
    height: int, width: int, centers: Tensor, unit: Tensor, stride: int = 8
) -> Tensor:
    """From every cell of a map of this stride to the centers (I, 2), in units (I,): x and y,
    (I, 2, H * W)."""
    cells = level_centers(height, width, stride, centers.device)
    return (centers[:, :, None] - cells.T) / unit[:, None, None]
