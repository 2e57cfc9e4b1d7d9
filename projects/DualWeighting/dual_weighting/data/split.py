"""Dividing a data set into a part to train on and one to validate with."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar

from dual_weighting.utils.errors import UserError

Name = TypeVar("Name", bound=Hashable)


def split_by_share(digests: Mapping[Name, bytes], share: float) -> tuple[list[Name], list[Name]]:
    """Names of the training and of the validation images, each in the order of `digests`.

    Images of the same content stay together. The choice looks random, but depends on the images
    alone. The validation has at most `share` of them, or one group if all groups are larger.

    Args:
        digests: of the content of each image, by name; empty where it could not be read.

    Raises:
        UserError: `share` is not between 0 and 1, or all images are the same.
    """
    if not 0 < share < 1:
        raise UserError(f"The share of the validation must be between 0 and 1, got {share:g}.")
    groups = defaultdict(list)
    for name, digest in digests.items():
        groups[digest or hashlib.sha1(str(name).encode()).digest()].append(name)
    if len(groups) < 2:
        raise UserError("A split needs two images with different content.")
    val: set[Name] = set()
    for _, group in sorted(groups.items()):
        if len(val) + len(group) <= round(share * len(digests)):
            val.update(group)
    if not val:
        val.update(min(groups.values(), key=len))
    if len(val) == len(digests):
        val.difference_update(min(groups.values(), key=len))
    return [x for x in digests if x not in val], [x for x in digests if x in val]
