"""Reads all images of a data set, finds faults, and splits data sets."""

import hashlib
import io
import os
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from dual_weighting.data.checks.findings import Finding, some
from dual_weighting.data.images import UNREADABLE, orientation, upright_size
from dual_weighting.utils.errors import UserError
from dual_weighting.utils.progress import with_progress

Name = TypeVar("Name", bound=Hashable)
EXIF_OF_PNG = (b"eXIf", b"exif", b"xmp")  # PNG chunks that may contain an orientation


@dataclass(frozen=True)
class ImageFile:
    """An image file.

    Attributes:
        size: width and height with EXIF orientation applied; None if unreadable.
        digest: hash of the file.
        turned: whether EXIF data swaps width and height.
    """

    path: str
    size: tuple[int, int] | None = None
    digest: bytes = b""
    turned: bool = False
    error: str = ""


def read_image_files(paths: Sequence[str], *, pixels: bool = True, name: str) -> list[ImageFile]:
    """Read files in parallel. `pixels`: decode them to find truncated files."""
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(read_image_file, path, pixels=pixels) for path in paths]
        return [
            job.result() for job in with_progress(jobs, description=f"Reading images of {name}")
        ]


def read_image_file(path: str, *, pixels: bool = True) -> ImageFile:
    if not os.path.isfile(path):
        return ImageFile(path, error="does not exist")
    try:
        with open(path, "rb") as file:
            content = file.read()
        with Image.open(io.BytesIO(content)) as image:
            # For PNGs, Pillow also searches for EXIF data after the pixels, which decodes them.
            has_exif = image.format != "PNG" or any(x in content for x in EXIF_OF_PNG)
            turned = has_exif and orientation(image) >= 5
            size = upright_size(image) if has_exif else image.size
            if pixels:
                image.draft(
                    image.mode, (1, 1)
                )  # JPEGs at an eighth of their size: faster, but read completely
                image.load()
    except UNREADABLE as error:
        reason = " ".join(str(error).split()).replace(repr(io.BytesIO), "the file")
        if "cannot identify image file" in reason:
            reason = "not an image in a known format"
        return ImageFile(path, error=f"cannot be read ({reason})")
    return ImageFile(path, size, hashlib.sha1(content).digest(), turned)


def check_folder(image_root: str) -> str:
    if not os.path.isdir(image_root):
        raise UserError(f"The image folder {image_root} does not exist.")
    return image_root


def missing_images(images: Sequence[dict], image_root: str) -> Finding:
    """Missing files among `images` of a file in COCO's format."""
    paths = ((x["id"], os.path.join(image_root, x["file_name"])) for x in images)
    return Finding(
        "images that are missing",
        [f"image id {k} ({path}) does not exist" for k, path in paths if not os.path.isfile(path)],
        "correct the image folder or the file names",
        stops=True,
    )


def image_findings(images: Sequence[dict], files: Sequence[ImageFile]) -> Iterator[Finding]:
    """Findings in `images` of a file in COCO's format, and in their `files`."""
    pairs = list(zip(images, files, strict=True))
    yield Finding(
        "images that are missing or cannot be read",
        [f"image id {x['id']}: {file.path} {file.error}" for x, file in pairs if file.error],
        "put the right files in place, or remove the images from the annotations",
        stops=True,
    )
    yield Finding(
        "images whose size differs from their annotations",
        [
            f"image id {x['id']} ({x['file_name']}): {file.size[0]} x {file.size[1]}, not "
            f"{x['width']} x {x['height']}" + (" (after EXIF orientation)" if file.turned else "")
            for x, file in pairs
            if file.size and file.size != (x["width"], x["height"])
        ],
        "correct the annotations, or put the right images in place",
        stops=True,
    )
    outside = [x for x in images if os.path.normpath(x["file_name"]).split(os.sep)[0] == os.pardir]
    yield Finding(
        "file names that lead out of the image folder",
        [f"image id {x['id']}: {x['file_name']}" for x in outside],
        "these files are read anyway",
    )
    yield Finding(
        "identical images",
        [
            some([f"{x['file_name']} (image id {x['id']})" for x in copies])
            for copies in by_digest(pairs).values()
            if len(copies) > 1
        ],
        "the same bytes",
    )


def by_digest(pairs: Sequence[tuple[dict, ImageFile]]) -> dict[bytes, list[dict]]:
    """Images grouped by content."""
    groups = defaultdict(list)
    for image, file in pairs:
        if file.digest:
            groups[file.digest].append(image)
    return groups


def leak_finding(
    train: Sequence[tuple[dict, ImageFile]], val: Sequence[tuple[dict, ImageFile]]
) -> Finding:
    """Validation images that are also training images."""
    trained = by_digest(train)
    pairs = [(image, trained[file.digest][0]) for image, file in val if file.digest in trained]
    return Finding(
        "validation images that are also training images",
        [
            f"{a['file_name']} (image id {a['id']}) is {b['file_name']} (image id {b['id']})"
            for a, b in pairs
        ],
        "the AP will be too high",
    )


def split_by_share(digests: Mapping[Name, bytes], share: float) -> tuple[list[Name], list[Name]]:
    """Names of the training and validation images, in the order of `digests`.

    Identical images stay together, and the split depends on the images alone. At most `share` of
    them are for validation, or one group if all groups are larger.

    Args:
        digests: hash of each image, by name; empty if unreadable.

    Raises:
        UserError: `share` is not between 0 and 1, or all images are identical.
    """
    if not 0 < share < 1:
        raise UserError(f"The share of validation images must be between 0 and 1, got {share:g}.")
    groups = defaultdict(list)
    for name, digest in digests.items():
        groups[digest or hashlib.sha1(str(name).encode()).digest()].append(name)
    if len(groups) < 2:
        raise UserError("A split needs at least two different images.")
    val: set[Name] = set()
    for _, group in sorted(groups.items()):
        if len(val) + len(group) <= round(share * len(digests)):
            val.update(group)
    if not val:
        val.update(min(groups.values(), key=len))
    if len(val) == len(digests):
        val.difference_update(min(groups.values(), key=len))
    return [x for x in digests if x not in val], [x for x in digests if x in val]
