"""Detect objects in an image with an exported detector, those of SCORE (0.3) and more.

python onnx_detect.py MODEL IMAGE OUTPUT [SCORE]

Needs onnxruntime and opencv-python, nothing else. MODEL is written by tools/export_model.py.
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime

model, source, dest, threshold = (*sys.argv[1:], 0.3)[:4]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
about = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}

image = cv2.imread(source, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)  # BGR or gray
if image is None:
    sys.exit(f"Error: {source} is no image that OpenCV can read.")
if image.dtype != np.uint8:  # more than 8 bits: 16 of them, or floats up to 1, 255 or 65535
    scales = (65535,) if image.dtype == np.uint16 else (1, 255, 65535)
    scale = next((x for x in scales if image.max() <= x), image.max())
    image = np.rint(image.clip(0) * (255 / scale)).astype(np.uint8)
if image.ndim == 2:
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
height, width = image.shape[:2]
scale = 1.0
if about["min_size"]:
    scale = min(about["min_size"] / min(height, width), about["max_size"] / max(height, width))
size = max(round(width * scale), 1), max(round(height * scale), 1)
resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
if about["image_format"] == "RGB":
    resized = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)

boxes, scores, classes = session.run(["boxes", "scores", "classes"], {"image": resized})
boxes = (boxes * ([width / size[0], height / size[1]] * 2)).round().astype(int)
count = (scores >= float(threshold)).sum()
for k in range(count):  # they are sorted
    x1, y1, x2, y2 = boxes[k].tolist()
    label = f"{about['classes'][classes[k]]} {scores[k]:.2f}"
    print(f"{label} at {x1}, {y1}, {x2}, {y2}")
    cv2.rectangle(image, (x1, y1), (x2, y2), (0, 255, 0), 1)
    cv2.putText(image, label, (x1, y1 - 3), 0, 0.35, (0, 255, 0), 1, cv2.LINE_AA)
cv2.imwrite(dest, image)
print(f"{count} detections of score {threshold} or more, drawn in {dest}")
