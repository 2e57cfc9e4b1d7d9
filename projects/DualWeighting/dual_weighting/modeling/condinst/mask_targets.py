"""Ground-truth masks as the losses need them. No mask is kept at full size."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from detectron2.structures import BitMasks, Instances, PolygonMasks
from detectron2.structures.masks import polygons_to_bitmask
from torch import Tensor

from ...assignment import GroundTruths
from ...utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class MaskGroundTruths(GroundTruths):
    """Ground truths with masks, and with the centers of mass as their centers.

    Attributes:
        masks: (M, 2H, 2W) bool, every fourth pixel of the input from the third on.
        semantic: (N, H, W), every eighth pixel from the fifth on: the class of the smallest
            instance there, K for the background.
    """

    masks: Tensor
    semantic: Tensor


def mask_ground_truths(
    instances: list[Instances],
    size: tuple[int, int],
    num_classes: int,
    pixel_middle: float = 0.5,
) -> MaskGroundTruths:
    """The ground truths of a batch from Detectron2's per-image instances.

    Args:
        instances: with `gt_boxes`, `gt_classes` and `gt_masks`, PolygonMasks or BitMasks. Without
            instances an image needs no `gt_masks`.
        size: H and W.
        pixel_middle: where the middle of pixel (0, 0) is, in both coordinates. The release has 0,
            and masks that its resizing shifts by as much the other way.

    Raises:
        UserError: there are no masks.
    """
    plain = GroundTruths.from_images(
        [x.gt_boxes.tensor for x in instances], [x.gt_classes for x in instances]
    )
    images = [mask_targets(x, size, num_classes, pixel_middle) for x in instances]
    masks, semantic, centers = zip(*images, strict=True)
    return MaskGroundTruths(
        **vars(plain) | {"centers": torch.cat(centers)},
        masks=torch.cat(masks),
        semantic=torch.stack(semantic),
    )


def mask_targets(
    instances: Instances, size: tuple[int, int], num_classes: int, pixel_middle: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Masks (M, 2H, 2W), semantic target (H, W) and centers (M, 2) of one image."""
    boxes, (height, width) = instances.gt_boxes.tensor.float(), size
    # Masks are cut where they are made, polygons on the CPU, so that little has to be sent.
    own = instances.get_fields().get("gt_masks")
    where = own.device if isinstance(own, BitMasks) else "cpu"
    masks = torch.zeros(len(boxes), 2 * height, 2 * width, dtype=torch.bool, device=where)
    coarse = torch.zeros(len(boxes), height, width, dtype=torch.bool, device=where)
    sums = torch.zeros(len(boxes), 3, device=where)
    for m, mask in enumerate(full_size_masks(instances)):
        paste(masks[m], mask[2::4, 2::4])
        paste(coarse[m], mask[4::8, 4::8])
        sums[m] = pixel_sums(mask)
    masks, coarse, sums = (x.to(boxes.device) for x in (masks, coarse, sums))

    areas, middles = sums[:, 0], (boxes[:, :2] + boxes[:, 2:]) / 2
    masses = sums[:, 1:] / areas[:, None] + pixel_middle
    centers = masses.where(areas[:, None] > 0, middles)
    return masks, smallest_class(coarse, areas, instances.gt_classes, num_classes), centers


def paste(target: Tensor, values: Tensor) -> None:
    """Write values (h, w) into the upper left of a padded map, in place."""
    target[: values.shape[0], : values.shape[1]] = values


def full_size_masks(instances: Instances) -> Iterator[Tensor]:
    """The masks of an image one by one, (height, width) bool."""
    if len(instances) == 0:
        return
    if not instances.has("gt_masks"):
        raise UserError(
            "Ground truths without masks cannot train a mask head; set "
            "dataloader.train.mapper.use_instance_mask=True."
        )
    masks: BitMasks | PolygonMasks = instances.gt_masks
    if isinstance(masks, BitMasks):
        yield from masks.tensor
    else:
        for polygons in masks.polygons:
            yield torch.from_numpy(polygons_to_bitmask(polygons, *instances.image_size))


def pixel_sums(mask: Tensor) -> Tensor:
    """(3,): number of pixels of a mask (height, width), and the sums of their columns and rows."""
    columns, lines = mask.sum(dim=0).float(), mask.sum(dim=1).float()
    moments = [
        torch.dot(count, torch.arange(len(count), dtype=count.dtype, device=count.device))
        for count in (columns, lines)
    ]
    return torch.stack((columns.sum(), *moments))


def smallest_class(masks: Tensor, areas: Tensor, classes: Tensor, num_classes: int) -> Tensor:
    """Class of the mask with the smallest area at each cell, (H, W); K where there is none. Of
    equally small ones the last.

    Args:
        masks: (M, H, W) bool.
        areas: (M,), at full size.
    """
    semantic = classes.new_full(masks.shape[1:], num_classes)
    order = areas.argsort(descending=True, stable=True)  # smaller ones over larger ones
    for mask, its_class in zip(masks[order], classes[order], strict=True):
        semantic = torch.where(mask, its_class, semantic)
    return semantic
