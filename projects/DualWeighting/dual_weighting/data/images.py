"""Reads image files."""

import os

import numpy as np
from detectron2.data.detection_utils import convert_PIL_to_numpy
from detectron2.utils.file_io import PathManager
from PIL import Image

IMAGE_SUFFIXES = {
    *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm"),
    *(".tif", ".tiff", ".webp"),
}
# Exceptions raised by damaged files; Pillow raises SyntaxError for PNGs.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

ORIENTATION = 0x0112  # in EXIF
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Full scale of gray images of more than 8 bits, by Pillow's mode: the first that holds all values.
FULL_SCALES = {"I": (255, 65535), "F": (1, 255, 65535)}


def read_image(file_name: str | os.PathLike, format: str = "RGB") -> np.ndarray:
    """Read an image as uint8 (H, W, 3), with its EXIF orientation applied.

    Like Detectron2's `read_image`, but gray images with 16 or 32 bits are scaled to 8, not clipped.

    Raises:
        OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError: the file cannot be read.
    """
    with PathManager.open(str(file_name), "rb") as file, Image.open(file) as image:
        image.load()  # Pillow turns a TIFF as it loads it
        method = UPRIGHT.get(orientation(image))
        image = to_8_bit(image)
        return convert_PIL_to_numpy(image if method is None else image.transpose(method), format)


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if missing or invalid. From 5 on, width and height are
    exchanged."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's parser of EXIF data fails in many ways
        return 1
    return value if isinstance(value, int) and value in UPRIGHT else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened image with its EXIF orientation applied."""
    width, height = image.size
    exchanged = orientation(image) >= 5 and image.format != "TIFF"  # Pillow turns those
    return (height, width) if exchanged else (width, height)


def to_8_bit(image: Image.Image) -> Image.Image:
    """A gray image of 16 or 32 bits, integer or float, scaled to 8 bits; others as they are."""
    if image.mode[0] not in "IF":
        return image
    values = np.asarray(image).astype(np.float32)
    scaled = scale_to_8_bit(values, FULL_SCALES.get(image.mode, (65535,)))
    return Image.fromarray(scaled)


def scale_to_8_bit(values: np.ndarray, full_scales: tuple[int, ...]) -> np.ndarray:
    """Scale from 0 and the smallest of `full_scales` that holds all `values`; if none does, from
    their own minimum and maximum. Values that are not finite become 0."""
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    if low >= 0 and high <= full_scales[-1]:
        low, high = 0, next(scale for scale in full_scales if high <= scale)
    values = np.where(finite, values, low).astype(np.float64)
    return np.rint((values - low) * (255 / max(high - low, 1e-300))).astype(np.uint8)
