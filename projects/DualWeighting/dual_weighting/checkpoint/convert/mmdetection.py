"""Conversion rules for the DW and O2F releases, which use MMDetection's names, and for ResNets of
torchvision, whose names MMDetection adopted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from dual_weighting.checkpoint.convert.conversion import Conversion, Rules
from dual_weighting.utils.errors import UserError


def merging_order(value: Tensor) -> Tensor:
    """Reorder the inputs of Swin's patch merging, (..., 4C), from MMDetection to the authors' code.

    Both concatenate patches of 2 x 2 tokens: MMDetection by channel, with the 4 tokens of each row
    by row; the authors by token, column by column.
    """
    channels = value.shape[-1] // 4
    rows_columns = value.unflatten(-1, (channels, 2, 2))
    return rows_columns.movedim((-1, -2), (-3, -2)).flatten(-3)


RESNET = (
    (r"^backbone\.(conv1|bn1)\.", r"backbone.bottom_up.stem.\1."),
    *((rf"^backbone\.layer{k}\.", f"backbone.bottom_up.res{k + 1}.") for k in (1, 2, 3, 4)),
    (r"^(backbone\..*)\.bn(\d)\.", r"\1.conv\2.norm."),
    (r"^(backbone\..*res.*)\.downsample\.0\.", r"\1.shortcut."),
    (r"^(backbone\..*res.*)\.downsample\.1\.", r"\1.shortcut.norm."),
    (r"\.conv_offset\.", ".offset."),
)
SWIN = (
    (r"^backbone\.patch_embed\.projection\.", "backbone.bottom_up.patch_embed.proj."),
    (r"^backbone\.patch_embed\.norm\.", "backbone.bottom_up.patch_embed.norm."),
    (r"^backbone\.norm(\d)\.", r"backbone.bottom_up.norm\1."),
    (r"^backbone\.stages\.", "backbone.bottom_up.layers."),
    (r"\.attn\.w_msa\.", ".attn."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
)
NECK = (
    *((rf"^neck\.lateral_convs\.{k}\.conv\.", f"backbone.fpn_lateral{k + 3}.") for k in (0, 1, 2)),
    *((rf"^neck\.fpn_convs\.{k}\.conv\.", f"backbone.fpn_output{k + 3}.") for k in (0, 1, 2)),
    *((rf"^neck\.fpn_convs\.{k}\.conv\.", f"backbone.top_block.p{k + 3}.") for k in (3, 4)),
)
HEAD = (
    (r"^bbox_head\.cls_convs\.", "head.cls_tower."),
    (r"^bbox_head\.reg_convs\.", "head.box_tower."),
    (r"^bbox_head\.centerness_convs\.", "head.objectness_tower."),
    (r"^(head\.\w+_tower\.\d+)\.conv\.", r"\1."),
    (r"^(head\.\w+_tower\.\d+)\.gn\.", r"\1.norm."),
    (r"^bbox_head\.conv_cls\.", "head.cls_logits."),
    (r"^bbox_head\.conv_reg\.", "head.box_distances."),
    (r"^bbox_head\.conv_centerness\.", "head.objectness."),
    (r"^bbox_head\.reg_offset\.", "head.box_refinement.offset."),
)
MASKS = (
    (r"^bbox_head\.conv_quality\.", "head.objectness."),
    (r"^bbox_head\.controller\.", "head.controller."),
    (r"^bbox_head\.mask_tower\.4\.", "mask_branch.bases."),
    (r"^bbox_head\.(refine|mask_tower)\.(\d)\.0\.", r"mask_branch.\1.\2."),
    (r"^bbox_head\.(refine|mask_tower)\.(\d)\.1\.", r"mask_branch.\1.\2.norm."),
    (r"^mask_branch\.mask_tower\.", "mask_branch.tower."),
    (r"^bbox_head\.seg_head\.0\.", "semantic_head.tower.0."),
    (r"^bbox_head\.seg_head\.1\.", "semantic_head.tower.0.norm."),
    (r"^bbox_head\.seg_head\.3\.", "semantic_head.tower.1."),
    (r"^bbox_head\.seg_head\.4\.", "semantic_head.tower.1.norm."),
    (r"^bbox_head\.seg_out\.", "semantic_head.logits."),
)
MMDETECTION = Rules(
    rename=(*RESNET, *SWIN, *NECK, *HEAD, *MASKS),
    ignore=(
        (r"^bbox_head\.center_prior\.(mean|sigma)$", "a constant, model.scheme.sigma here"),
        (
            r"^bbox_head\.sizes_of_interest$",
            "a constant, model.mask_head.reach times the stride here",
        ),
        (r"^backbone\.norm0\.", "for a level of Swin that the detector does not use"),
    ),
    stack=((r"^bbox_head\.scales\.(\d+)\.scale$", "head.box_scales"),),
    rearrange=((r"^backbone\.stages\.\d\.downsample\.(norm|reduction)\.", merging_order),),
)
# A name that exists in one release only, and the prefix of its configs.
RELEASES = (
    ("bbox_head.center_prior.sigma", "dw_"),
    ("bbox_head.centerness_convs.0.conv.weight", "o2f_"),
)

TORCHVISION = Rules(
    rename=((r"^", "backbone."), *RESNET), ignore=((r"^fc\.", "the classifier of ImageNet"),)
)


COUNTER = ".num_batches_tracked"  # of BatchNorm, unused


@dataclass
class Candidate:
    """A model, with the names of its configs and the shapes of its parameters and buffers."""

    configs: list[str]
    shapes: dict[str, tuple[int, ...]]


def recognize(conversion: Conversion, candidates: Sequence[Candidate], *, file: str) -> Candidate:
    """The candidate with exactly the names and shapes of `conversion`, from which counters that the
    candidate lacks are removed.

    Args:
        file: source of the weights, for errors.

    Raises:
        UserError: no candidate matches.
    """
    weights = conversion.state_dict
    found = min(candidates, key=lambda candidate: len(differences(weights, candidate)))
    if names := differences(weights, found):
        shapes = found.shapes
        name = min(names, key=lambda name: (name in weights, name))
        source = " + ".join(conversion.sources.get(name, []))
        theirs = f"{tuple(weights[name].shape)} ({source})" if name in weights else "nothing"
        raise UserError(
            f"The weights of {file} match no config: the closest is {found.configs[0]}, which "
            f"differs in {len(names)} of {len(shapes)} names, for example {name}: "
            f"{shapes.get(name, 'nothing')} there, {theirs} in the file."
        )
    for name in [name for name in weights if name not in found.shapes]:
        del weights[name]
        (source,) = conversion.sources.pop(name)
        conversion.ignored[source] = "an unused counter"
    return found


def missing_names(weights: Mapping[str, Tensor], candidate: Candidate) -> list[str]:
    """Names in the model that the weights lack."""
    return sorted(set(candidate.shapes) - set(weights))


def differences(weights: Mapping[str, Tensor], candidate: Candidate) -> list[str]:
    """Names, except counters, that only one of them has or whose shapes differ."""
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    return [
        name
        for name in shapes.keys() | candidate.shapes.keys()
        if not name.endswith(COUNTER) and shapes.get(name) != candidate.shapes.get(name)
    ]
