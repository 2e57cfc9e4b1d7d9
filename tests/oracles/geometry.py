"""Points, scores and boxes in plain Python, for the oracles."""

import math


def points_of(image_size, strides):
    """(x, y, stride) of every point, in level order."""
    height, width = image_size
    return [
        ((i + 0.5) * s, (j + 0.5) * s, s)
        for s in strides
        for j in range(math.ceil(height / s))
        for i in range(math.ceil(width / s))
    ]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def iou_and_giou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    intersection = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    iou = intersection / union
    return iou, iou - (hull - union) / hull


def summed(losses_of_image, arrays, *settings):
    """Sums over the images of what `losses_of_image` gives; classes are the last of the arrays."""
    images = [
        losses_of_image(*(x.double().tolist() for x in image[:-1]), image[-1].tolist(), *settings)
        for image in zip(*arrays, strict=True)
    ]
    return [sum(column) for column in zip(*images, strict=True)]
