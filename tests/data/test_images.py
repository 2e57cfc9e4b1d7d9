"""Image files of every kind: read upright and in 8 bits, and resized."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from dual_weighting.data.checks.image_files import read_image_file
from dual_weighting.data.images import read_image, scale_to_8_bit
from dual_weighting.data.transforms import ResizeShortestEdge

GRAY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 50  # 0 to 250


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16.png", GRAY.astype(np.uint16) * 257),
        ("16.tif", GRAY.astype(np.uint16) * 257),
        ("32.tif", GRAY.astype(np.int32) * 257),
        ("small32.tif", GRAY.astype(np.int32)),
        ("unit.tif", GRAY.astype(np.float32) / 255),
        ("float.tif", GRAY.astype(np.float32)),
        ("float16.tif", GRAY.astype(np.float32) * 257),
    ],
)
def test_gray_of_more_than_8_bits_is_scaled(tmp_path, name, values):
    Image.fromarray(values).save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.dtype == np.uint8
    assert (image == GRAY[:, :, None]).all()


def test_scaling_of_other_ranges():
    values = np.array([-10.0, np.nan, 40.0, np.inf])
    assert scale_to_8_bit(values, (1, 255, 65535)).tolist() == [0, 0, 255, 0]
    assert scale_to_8_bit(np.array([-3.0, -3.0]), (1,)).tolist() == [0, 0]
    assert scale_to_8_bit(np.array([np.nan]), (1,)).tolist() == [0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_other_modes_are_as_pillow_converts_them(tmp_path, mode):
    image = Image.fromarray(GRAY).convert("RGB").convert(mode)
    file = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    # Pillow before 13 cannot read the YCbCr that it has written without compression.
    image.save(file, **({"compression": "tiff_lzw"} if file.suffix == ".tif" else {}))
    assert (read_image(file) == np.asarray(Image.open(file).convert("RGB"))).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("number", [*range(10), 6000])
def test_orientation(tmp_path, suffix, number):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = number
    file = str(tmp_path / f"image.{suffix}")
    Image.fromarray(pixels).save(file, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    assert (read_image(file) == expected).all()
    for pixels in (True, False):
        found = read_image_file(file, pixels=pixels)
        assert found.size == expected.shape[1::-1] and found.turned == (5 <= number <= 8)


def test_thin_images_keep_a_pixel():
    resize = ResizeShortestEdge(96, 160)
    line = np.zeros((1, 4000, 3), np.uint8)
    assert resize.get_transform(line).apply_image(line).shape == (1, 160, 3)
    column = np.zeros((4000, 1, 3), np.uint8)
    assert resize.get_transform(column).apply_image(column).shape == (160, 1, 3)
    assert ResizeShortestEdge.get_output_shape(1, 4000, 96, 160) == (1, 160)
    photo = np.zeros((100, 120, 3), np.uint8)
    assert resize.get_transform(photo).apply_image(photo).shape[:2] == (96, 115)


def test_the_example_of_an_export_reads_alike(tmp_path):
    """examples/onnx_detect.py needs nothing of this package."""
    pytest.importorskip("onnxruntime")
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "onnx_detect.py"))
    for values in (GRAY.astype(np.uint16) * 257, GRAY.astype(np.float32) / 255, GRAY):
        file = str(tmp_path / "image.tif")
        Image.fromarray(values).save(file)
        assert (np.asarray(example["read"](file)) == read_image(file)).all()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("low", "high"), [(70, 200), (160, 160), (250, 415)])
def test_the_example_of_an_export_resizes_alike(low, high, antialias):
    pytest.importorskip("onnxruntime")
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "onnx_detect.py"))
    detector = object.__new__(example["Detector"])
    detector.about = {"min_size": low, "max_size": high, "antialias": antialias}
    resize, random = ResizeShortestEdge(low, high, antialias=antialias), np.random.default_rng(0)
    for width, height in itertools.product((1, 17, 99, 100, 333, 1001), repeat=2):
        image = random.integers(256, size=(height, width, 3), dtype=np.uint8)
        expected = resize.get_transform(image).apply_image(image)
        found = detector.resize(Image.fromarray(image))
        assert found.shape == expected.shape and (found == expected).all()


SQUARES = np.zeros((8, 8, 3), dtype=np.uint8)
SQUARES[::2] = 200  # lines of one pixel


def resized(image, **options):
    return ResizeShortestEdge(short_edge_length=2, max_size=9, **options).get_transform(image)


def test_antialiasing_is_an_average():
    """Four lines become one: their mean, or the two in the middle alone."""
    assert np.abs(resized(SQUARES).apply_image(SQUARES).astype(int) - 100).max() <= 15
    shrunk = SQUARES.copy()
    shrunk[1::4] = 200  # of each four lines, the second now counts too
    plain = resized(shrunk, antialias=False).apply_image(shrunk)
    assert plain.shape == (2, 2, 3) and (plain == 200).all()


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3), (7, 90, 3)])
def test_plain_bilinear_is_that_of_pillow_without_its_filter(shape):
    """Between the four nearest pixels."""
    image = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    transform = ResizeShortestEdge(short_edge_length=11, max_size=60, antialias=False)
    transform = transform.get_transform(image)
    found = transform.apply_image(image)
    height, width = found.shape[:2]
    scale = (shape[1] / width, 0, 0, 0, shape[0] / height, 0)
    expected = Image.fromarray(image).transform(
        (width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR
    )
    assert found.shape == (height, width, *shape[2:])
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 2


def test_segmentations_are_those_of_detectron2():
    mask = np.random.default_rng(0).integers(2, size=(40, 30), dtype=np.uint8)
    found, expected = (
        ResizeShortestEdge(short_edge_length=11, max_size=60, antialias=x)
        .get_transform(mask)
        .apply_segmentation(mask)
        for x in (False, True)
    )
    assert (found == expected).all()
