"""Detect objects in an image with an exported detector, those of SCORE (0.3) and more.

python onnx_detect.py MODEL IMAGE OUTPUT [SCORE]

Needs onnxruntime and Pillow, nothing else; for models trained without antialiasing, as those for
CrowdHuman, opencv-python. MODEL is written by tools/export_model.py.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageOps


class Detector:
    """An exported detector.

    Attributes:
        about: what export_model.py stored in the file: classes, sizes, thresholds.
    """

    def __init__(self, file: str):
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.about = {name: json.loads(text) for name, text in metadata.items()}

    def __call__(self, image: Image.Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of an RGB image: boxes (D, 4) as x1, y1, x2, y2 in its pixels, scores (D,) that fall,
        and classes (D,)."""
        pixels = self.resize(image)
        height, width = pixels.shape[:2]
        if self.about["image_format"] == "BGR":
            pixels = pixels[:, :, ::-1]
        boxes, scores, classes = self.session.run(
            ["boxes", "scores", "classes"], {"image": np.ascontiguousarray(pixels)}
        )
        return boxes * ([image.width / width, image.height / height] * 2), scores, classes

    def resize(self, image: Image.Image) -> np.ndarray:
        """As the images that the detector was trained on were resized."""
        size = self.input_size(*image.size)
        if self.about["antialias"]:
            return np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        import cv2

        return cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_LINEAR)

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """The shorter side gets min_size pixels, but the longer one max_size at most."""
        if self.about["min_size"] == 0:
            return width, height
        short, long = self.about["min_size"], self.about["min_size"] / min(width, height)
        long *= max(width, height)
        shrink = min(1, self.about["max_size"] / long)
        short, long = (max(int(side * shrink + 0.5), 1) for side in (short, long))
        return (short, long) if width < height else (long, short)


def read(file: str) -> Image.Image:
    """Upright and in RGB. Gray of more than 8 bits, up to 1, 255 or 65535, is scaled to 8."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.mode[0] in "IF":
        values = np.nan_to_num(np.asarray(image, dtype=float)).clip(0)
        scales = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
        scale = next((x for x in scales if values.max() <= x), values.max())
        image = Image.fromarray(np.rint(values * (255 / scale)).astype(np.uint8))
    return image.convert("RGB")


def main(model: str, source: str, dest: str, threshold: str = "0.3") -> None:
    detector = Detector(model)
    try:
        image = read(source)
    except (OSError, SyntaxError, ValueError) as error:
        sys.exit(f"Error: {source} cannot be read ({error}).")
    boxes, scores, classes = detector(image)
    draw, count = ImageDraw.Draw(image), int((scores >= float(threshold)).sum())
    for k in range(count):  # they are sorted
        x1, y1, x2, y2 = boxes[k].round().astype(int).tolist()
        label = f"{detector.about['classes'][classes[k]]} {scores[k]:.2f}"
        print(f"{label} at {x1}, {y1}, {x2}, {y2}")
        draw.rectangle((x1, y1, x2, y2), outline="lime")
        draw.text((x1, y1 - 11), label, fill="lime")
    image.save(dest)
    print(f"{count} detections of score {threshold} or more, drawn in {dest}")


if __name__ == "__main__":
    main(*sys.argv[1:])
