"""Matching of detections and objects, one pair at a time, from COCO's description."""


def iou(a, b, crowd=False):
    """Of (x, y, width, height); for a crowd b the share of a that is in it."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common, area = width * height, a[2] * a[3]
    return common / (area if crowd else area + b[2] * b[3] - common)


def match(objects, detections, min_iou=0.5):
    """Per detection, in the order given, (kind, object): "right" with its object, "ignored" or
    "wrong" with None.

    objects: (image, class, box, crowd); detections: (image, class, box, score).
    """
    taken, answers = set(), {}
    for d in sorted(range(len(detections)), key=lambda d: -detections[d][3]):
        image, klass, box, _ = detections[d]
        best, best_iou, in_crowd = None, min_iou, False
        for o, (other, label, place, crowd) in enumerate(objects):
            if (other, label) != (image, klass):
                continue
            overlap = iou(box, place, crowd)
            if crowd:
                in_crowd = in_crowd or overlap >= min_iou
            elif o not in taken and overlap >= best_iou:
                best, best_iou = o, overlap
        if best is not None:
            taken.add(best)
            answers[d] = ("right", best)
        else:
            answers[d] = ("ignored" if in_crowd else "wrong", None)
    return [answers[d] for d in range(len(detections))]
