"""Small files in COCO's formats."""

import json


def write_annotations(path, objects, *, num_images, names=("a", "b")):
    """objects: (image, class, box, crowd). Images have ids from 1, categories 10, 20, ..."""
    content = {
        "images": [
            {"id": k + 1, "file_name": f"{k + 1}.png", "width": 100, "height": 100}
            for k in range(num_images)
        ],
        "annotations": [
            {"id": k + 1, "image_id": image + 1, "category_id": 10 * (klass + 1),
             "bbox": list(box), "area": box[2] * box[3], "iscrowd": int(crowd)}
            for k, (image, klass, box, crowd) in enumerate(objects)
        ],
        "categories": [{"id": 10 * (k + 1), "name": name} for k, name in enumerate(names)],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def write_results(path, detections):
    """detections: (image, class, box, score)."""
    content = [
        {"image_id": image + 1, "category_id": 10 * (klass + 1), "bbox": list(box), "score": score}
        for image, klass, box, score in detections
    ]
    path.write_text(json.dumps(content))
    return path
