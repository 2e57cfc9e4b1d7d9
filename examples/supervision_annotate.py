"""Draw detections by supervision, whose trackers, zones and metrics take them as well.

python supervision_annotate.py CONFIG CHECKPOINT IMAGE OUTPUT [SCORE]

Needs supervision. CONFIG and CHECKPOINT are of a training, such as output/dw/config.yaml and
output/dw/model_final.pth.
"""

import sys

import cv2
import supervision

import dual_weighting

config, checkpoint, source, dest, threshold = (*sys.argv[1:], 0.3)[:5]
predictor = dual_weighting.Predictor(config, checkpoint)
detections = supervision.Detections.from_detectron2(predictor(source))
detections = detections[detections.confidence >= float(threshold)]
labels = [
    f"{predictor.classes[k]} {score:.2f}"
    for k, score in zip(detections.class_id, detections.confidence, strict=True)
]
image = supervision.BoxAnnotator(thickness=1).annotate(cv2.imread(source), detections)
image = supervision.LabelAnnotator(text_scale=0.35).annotate(image, detections, labels)
cv2.imwrite(dest, image)
print(f"{len(detections)} detections of score {threshold} or more, drawn in {dest}")
