"""What is wrong with the image files of a data set: all are read."""

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from dual_weighting.data.checks.findings import Finding
from dual_weighting.data.coco_file import some
from dual_weighting.data.images import UNREADABLE, orientation, upright_size
from dual_weighting.utils.progress import with_progress

EXIF_OF_PNG = (b"eXIf", b"exif", b"xmp")  # names of chunks that may say how it is turned


@dataclass(frozen=True)
class ImageFile:
    """One file, as it was found.

    Attributes:
        size: width and height as Detectron2 reads the image, turned upright; None if unreadable.
        digest: of the bytes of the file.
        turned: whether its bytes are of an image that lies on its side.
    """

    path: str
    size: tuple[int, int] | None = None
    digest: bytes = b""
    turned: bool = False
    error: str = ""


def read_image_files(paths: Sequence[str], *, pixels: bool = True, name: str) -> list[ImageFile]:
    """Read files, several at once. `pixels`: decode them, which finds what was cut short."""
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
            # Pillow looks for EXIF data behind the pixels of a PNG too, and so decodes them.
            has_exif = image.format != "PNG" or any(x in content for x in EXIF_OF_PNG)
            turned = has_exif and orientation(image) >= 5
            size = upright_size(image) if has_exif else image.size
            if pixels:
                image.draft(image.mode, (1, 1))  # a JPEG an eighth as large: all is read, less made
                image.load()
    except UNREADABLE as error:
        reason = " ".join(str(error).split()).replace(repr(io.BytesIO), "the file")
        if "cannot identify image file" in reason:
            reason = "no image of a known format"
        return ImageFile(path, error=f"cannot be read ({reason})")
    return ImageFile(path, size, hashlib.sha1(content).digest(), turned)


def image_findings(images: Sequence[dict], files: Sequence[ImageFile]) -> Iterator[Finding]:
    """`images`: of a COCO file. `files`: what was found of each."""
    pairs = list(zip(images, files, strict=True))
    yield Finding(
        "images that are missing",
        [f"image id {x['id']}: {file.path}" for x, file in pairs if file.error == "does not exist"],
        stops=True,
    )
    yield Finding(
        "images that cannot be read",
        [
            f"image id {x['id']}: {file.path} {file.error}"
            for x, file in pairs
            if file.error and file.error != "does not exist"
        ],
        stops=True,
    )
    yield Finding(
        "images of another size than their annotations say",
        [
            f"image id {x['id']} ({x['file_name']}): {file.size[0]} x {file.size[1]}, not "
            f"{x['width']} x {x['height']}"
            + (" (its EXIF data turns it upright)" if file.turned else "")
            for x, file in pairs
            if file.size and file.size != (x["width"], x["height"])
        ],
        stops=True,
    )
    yield Finding(
        "file names that lead out of the folder of images",
        [f"image id {x['id']}: {x['file_name']}" for x in images if leads_out(x["file_name"])],
        advice="the files are read where they lie",
    )
    yield Finding(
        "images that are copies of each other",
        [
            some([f"{x['file_name']} (image id {x['id']})" for x in copies])
            for copies in by_digest(pairs).values()
            if len(copies) > 1
        ],
        advice="the same bytes",
    )


def leads_out(file_name: str) -> bool:
    """Whether a name climbs out of the folder of images by `..`."""
    return os.path.normpath(file_name).split(os.sep)[0] == os.pardir


def by_digest(pairs: Sequence[tuple[dict, ImageFile]]) -> dict[bytes, list[dict]]:
    """The images of each content."""
    groups = {}
    for image, file in pairs:
        if file.digest:
            groups.setdefault(file.digest, []).append(image)
    return groups


def leak_finding(
    train: Sequence[tuple[dict, ImageFile]], val: Sequence[tuple[dict, ImageFile]]
) -> Finding:
    """Images of the validation that are trained on."""
    trained = by_digest(train)
    return Finding(
        "images of the validation that are in the training too",
        [
            f"{image['file_name']} (image id {image['id']}) is "
            f"{trained[file.digest][0]['file_name']} (image id {trained[file.digest][0]['id']})"
            for image, file in val
            if file.digest in trained
        ],
        advice="the AP will be too high",
    )
