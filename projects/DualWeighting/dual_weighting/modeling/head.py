"""Heads of dense detectors: what is predicted at every point of the pyramid."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from detectron2.layers import Conv2d, ShapeSpec, get_norm
from detectron2.utils.registry import Registry
from torch import Tensor, nn

from .box_forms import distances_in_strides
from .deform_conv import DeformConv2d

DENSE_HEAD_REGISTRY = Registry("DENSE_HEAD")
DENSE_HEAD_REGISTRY.__doc__ = """
Heads by name. A head is called with the list of pyramid features, (N, C, H, W) each, and returns
three lists, one entry a level: class logits (N, K, H, W), distances to the four sides in pixels
(N, 4, H, W) and objectness logits (N, 1, H, W).
"""


def conv_tower(
    in_channels: int, conv_dims: Sequence[int], norm: str, *, deformable: bool = False
) -> nn.Sequential:
    """3x3 convolutions, each with normalization and ReLU; the last one `deformable` or not."""
    dims = [in_channels, *conv_dims]
    return nn.Sequential(
        *(
            (DeformConv2d if deformable and k == len(conv_dims) - 1 else Conv2d)(
                dims[k],
                dims[k + 1],
                kernel_size=3,
                padding=1,
                norm=get_norm(norm, dims[k + 1]),
                activation=F.relu,
            )
            for k in range(len(conv_dims))
        )
    )


def prior_bias(prob: float) -> float:
    """The bias of a logit whose score starts at `prob`."""
    return -math.log((1 - prob) / prob)


def predictor(in_channels: int, out_channels: int) -> Conv2d:
    """The last 3x3 convolution of a branch."""
    return Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


@DENSE_HEAD_REGISTRY.register()
class DenseHead(nn.Module):
    """Two towers shared by all levels: classes from one, boxes and objectness from the other.

    With the default arguments it is the head of DW. The joint score of class k is
    sigmoid(class logit k) * sigmoid(objectness logit).
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[ShapeSpec],
        num_classes: int,
        conv_dims: Sequence[int] = (256, 256, 256, 256),
        norm: str = "GN",
        deformable: bool = False,
        objectness_dims: Sequence[int] = (),
        objectness_from_both: bool = False,
        prior_prob: float = 0.02,
        objectness_prior_prob: float = 0.5,
        box_bias: float = 4.0,
        box_form: Callable[[Tensor, int], Tensor] = distances_in_strides,
        box_refinement: nn.Module | None = None,
    ):
        """
        Args:
            input_shape: channels and stride of each level. All levels have the same channels.
            conv_dims: output channels of each convolution of a tower.
            norm: normalization of the towers, a name of Detectron2's `get_norm`.
            deformable: the last convolution of both towers is deformable (the DCN rows of DW).
            objectness_dims: output channels of the convolutions before the objectness predictor.
            objectness_from_both: objectness is predicted from both towers instead of the regression
                tower: a 1x1 convolution brings their features to the channels of one (DLA).
            prior_prob: score of every class at the start, sets the bias of the class logits.
            objectness_prior_prob: the same for the objectness.
            box_bias: bias of the box predictor at the start, in the units of `box_form`.
            box_form: called with (output of the box predictor, stride) of a level, returns
                distances in pixels; see `box_forms`.
            box_refinement: called with (regression features, distances, stride) of a level, returns
                better distances; see :class:`BoxRefinement`.
        """
        super().__init__()
        in_channels = {shape.channels for shape in input_shape}
        if len(in_channels) != 1:
            raise ValueError(f"all levels need the same number of channels, got {in_channels}")
        (in_channels,) = in_channels
        self.strides = [shape.stride for shape in input_shape]

        self.cls_tower = conv_tower(in_channels, conv_dims, norm, deformable=deformable)
        self.box_tower = conv_tower(in_channels, conv_dims, norm, deformable=deformable)
        self.objectness_fusion = (
            Conv2d(2 * conv_dims[-1], conv_dims[-1], kernel_size=1)
            if objectness_from_both
            else None
        )
        self.objectness_tower = conv_tower(conv_dims[-1], objectness_dims, norm)
        self.cls_logits = predictor(conv_dims[-1], num_classes)
        self.box_distances = predictor(conv_dims[-1], 4)
        self.objectness = predictor([conv_dims[-1], *objectness_dims][-1], 1)
        self.box_scales = nn.Parameter(torch.ones(len(input_shape)))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.zeros_(module.bias)
                if not isinstance(module, DeformConv2d):  # uniform, as in MMCV
                    nn.init.normal_(module.weight, std=0.01)
        nn.init.constant_(self.cls_logits.bias, prior_bias(prior_prob))
        nn.init.constant_(self.objectness.bias, prior_bias(objectness_prior_prob))
        nn.init.constant_(self.box_distances.bias, box_bias)
        self.box_form = box_form
        self.box_refinement = box_refinement

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """See :data:`DENSE_HEAD_REGISTRY`."""
        levels = [
            self.predict(self.cls_tower(x), self.box_tower(x), stride, scale)
            for x, stride, scale in zip(features, self.strides, self.box_scales, strict=True)
        ]
        return tuple(map(list, zip(*levels, strict=True)))

    def predict(
        self, cls_features: Tensor, box_features: Tensor, stride: int, scale: Tensor
    ) -> tuple[Tensor, ...]:
        """The maps of one level from the features (N, C, H, W) of the two towers."""
        # Pixels need float32: above 1024, half precision has no fractions.
        distances = self.box_form(self.box_distances(box_features).float() * scale, stride)
        if self.box_refinement is not None:
            distances = self.box_refinement(box_features, distances, stride)
        objectness_features = box_features
        if self.objectness_fusion is not None:
            objectness_features = self.objectness_fusion(
                torch.cat((cls_features, box_features), dim=1)
            )
        objectness = self.objectness(self.objectness_tower(objectness_features))
        return self.cls_logits(cls_features), distances, objectness
