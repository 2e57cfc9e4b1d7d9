"""Dense object detection through label assignment, on Detectron2."""
