"""Detect small objects in a large image by SAHI: in slices of it, whose detections are merged.

python sahi_slices.py CONFIG CHECKPOINT IMAGE OUTPUT [SIZE]

Needs sahi. SIZE is the side of a slice in pixels (512). CONFIG and CHECKPOINT are of a training,
such as output/dw/config.yaml and output/dw/model_final.pth.
"""

import sys
from pathlib import Path

from sahi.models.detectron2 import Detectron2DetectionModel
from sahi.predict import get_sliced_prediction

import dual_weighting

config, checkpoint, source, dest, size = (*sys.argv[1:], 512)[:5]
predictor = dual_weighting.Predictor(config, checkpoint)
detector = Detectron2DetectionModel(
    category_mapping={str(k): name for k, name in enumerate(predictor.classes)},
    confidence_threshold=0.3,
    load_at_init=False,
)
detector.model = predictor  # in the place of Detectron2's DefaultPredictor
result = get_sliced_prediction(
    source, detector, slice_height=int(size), slice_width=int(size), verbose=0
)
dest = Path(dest).with_suffix(".png")
result.export_visuals(str(dest.parent), file_name=dest.stem)
for found in result.object_prediction_list:
    box = ", ".join(f"{x:.0f}" for x in found.bbox.to_xyxy())
    print(f"{found.category.name} {found.score.value:.2f} at {box}")
print(f"{len(result.object_prediction_list)} detections, drawn in {dest}")
