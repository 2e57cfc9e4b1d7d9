"""The dense detector with instance masks."""

import torch
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.structures import ImageList, Instances
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ...assignment import Assignment, Batch, PointGrid
from ...assignment.segments import take_rows
from ...losses.masks import MaskLoss, dice_loss
from ..detector import DualWeightingDetector
from ..training_events import report_assignment
from .aligned_bilinear import aligned_bilinear
from .dynamic_head import DynamicMaskHead
from .mask_targets import MaskGroundTruths, mask_ground_truths
from .sub_batches import sum_over_instances


@META_ARCH_REGISTRY.register()
class CondInstDetector(DualWeightingDetector):
    """A dense detector whose points predict the mask of their instance as well: every point that
    learns a box learns a mask.

    Detections have `pred_masks`, (I, height, width) bool, at the size of the original image.
    """

    def __init__(
        self,
        *,
        mask_branch: nn.Module,
        mask_head: DynamicMaskHead,
        semantic_head: nn.Module,
        mask_losses: MaskLoss,
        test_mask_thresh: float = 0.5,
        mask_pixel_middle: float = 0.5,
        sub_batch_size: int = 32,
        **kwargs,
    ):
        """
        Args:
            mask_branch: from the features to the base channels, see :class:`MaskBranch`.
            mask_head: draws the masks.
            semantic_head: from the finest features to class logits, see :class:`SemanticHead`.
            test_mask_thresh: what has a larger probability is in the mask.
            mask_pixel_middle: see `mask_ground_truths`.
            sub_batch_size: so many masks are held in memory at a time.
            kwargs: those of :class:`DualWeightingDetector`; the head is a :class:`CondInstHead`.
        """
        super().__init__(**kwargs)
        if self.strides[0] != 8:
            raise ValueError(f"masks need a finest level of stride 8, not {self.strides[0]}")
        self.mask_branch = mask_branch
        self.mask_head = mask_head
        self.semantic_head = semantic_head
        self.mask_losses = mask_losses
        self.test_mask_thresh = test_mask_thresh
        self.mask_pixel_middle = mask_pixel_middle
        self.sub_batch_size = sub_batch_size

    def forward(self, batched_inputs: list[dict]) -> dict[str, Tensor] | list[dict]:
        """Detectron2's input and output, see its DenseDetector."""
        results = super().forward(batched_inputs)
        if not self.training:
            for result, image in zip(results, batched_inputs, strict=True):
                instances, input_size = result["instances"], tuple(image["image"].shape[-2:])
                instances.pred_masks = self.full_size_masks(instances, input_size)
                instances.remove("mask_logits")
        return results

    def forward_training(
        self,
        images: ImageList,
        features: list[Tensor],
        predictions: list[list[Tensor]],
        gt_instances: list[Instances],
    ) -> dict[str, Tensor]:
        bases, semantic_logits = self.mask_branch(features), self.semantic_head(features[0])
        with torch.autocast(self.device.type, enabled=False):
            batch = self.batch(features, predictions, gt_instances)
            assignment = self.scheme(batch)
            report_assignment(assignment, batch)
            parameters = self.flatten_parameters(predictions)
            dice = self.dice_loss(assignment, batch, parameters, bases.float())
            masks = self.mask_losses(*dice, semantic_logits.float(), batch.targets.semantic)
            return self.losses(assignment, batch) | masks

    def ground_truths(self, instances: list[Instances], features: list[Tensor]) -> MaskGroundTruths:
        size = tuple(features[0].shape[-2:])
        return mask_ground_truths(instances, size, self.num_classes, self.mask_pixel_middle)

    def flatten_levels(self, predictions: list[list[Tensor]]):
        return super().flatten_levels(predictions[:3])

    def flatten_parameters(self, predictions: list[list[Tensor]]) -> Tensor:
        """What the controller predicts, a row a point, (N * R, P) float32."""
        (levels,) = self._transpose_dense_predictions(
            predictions[3:], [self.mask_head.num_parameters]
        )
        return torch.cat(levels, dim=1).flatten(0, 1).float()

    def dice_loss(
        self, assignment: Assignment, batch: Batch, parameters: Tensor, bases: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sum of the dice loss over the points that learn a box, and their number."""
        learns = assignment.box > 0
        (pair,) = learns.nonzero(as_tuple=True)  # once, not for each of the two
        point, gt = take_rows(assignment.point, pair), take_rows(assignment.gt, pair)

        def of_sub_batch(parameters: Tensor, bases: Tensor, point: Tensor, gt: Tensor) -> Tensor:
            logits = self.mask_logits(point, parameters, bases, batch.grid)
            return dice_loss(logits.sigmoid(), take_rows(batch.targets.masks, gt).float())

        parameters = take_rows(parameters, point)
        dice = sum_over_instances(of_sub_batch, self.sub_batch_size, parameters, bases, point, gt)
        return dice, learns.sum()

    def mask_logits(
        self, point: Tensor, parameters: Tensor, bases: Tensor, grid: PointGrid
    ) -> Tensor:
        """Masks (I, 2H, 2W), of stride 4, by the points (I,) that predict them and the parameters
        (I, P) that they predict."""
        r = point % len(grid)
        logits = self.mask_head(
            parameters,
            bases,
            point // len(grid),
            take_rows(grid.centers, r),
            take_rows(grid.strides, r),
        )
        return aligned_bilinear(logits[:, None], 2)[:, 0]

    def forward_inference(
        self, images: ImageList, features: list[Tensor], predictions: list[list[Tensor]]
    ) -> list[Instances]:
        detections = self.detect(images, features, predictions[:3])
        parameters, bases = self.flatten_parameters(predictions), self.mask_branch(features)
        grid = self.point_grid(features)
        with torch.autocast(self.device.type, enabled=False):
            for n, x in enumerate(detections):
                point = n * len(grid) + x.point
                x.mask_logits = self.mask_logits(
                    point, take_rows(parameters, point), bases.float(), grid
                )
                x.remove("point")
        return detections

    def scores(self, cls_logits: Tensor, objectness_logits: Tensor) -> Tensor:
        """As in the release, the threshold is on the class score alone."""
        scores = cls_logits.float().sigmoid()
        scores = scores.where(scores > self.test_score_thresh, 0.0)
        return scores * objectness_logits.float().sigmoid()

    def full_size_masks(self, detections: Instances, input_size: tuple[int, int]) -> Tensor:
        """Masks (I, height, width) bool of the image that the detections are of.

        Args:
            input_size: rows and columns of the image as the network saw it, without padding.
        """
        height, width = input_size
        masks = []
        for logits in detections.mask_logits.split(self.sub_batch_size):
            scores = aligned_bilinear(logits[:, None].sigmoid(), 4)[..., :height, :width]
            scores = interpolate(scores, detections.image_size, mode="bilinear")
            masks.append(scores[:, 0] > self.test_mask_thresh)
        return torch.cat(masks)
