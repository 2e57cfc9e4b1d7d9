"""Who computes COCO's statistics: hotcoco, or pycocotools, the reference.

hotcoco's classes have the names, methods and results of pycocotools'. They are known to differ in
one case: of an object whose annotation id is 0, pycocotools takes every detection for wrong.
"""

import contextlib
import io
import logging

import hotcoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dual_weighting.errors import UserError

logger = logging.getLogger(__name__)

DEFAULT_ENGINE = "hotcoco"
ENGINES = ("hotcoco", "pycocotools")

Annotations = hotcoco.COCO | COCO
Statistics = hotcoco.COCOeval | COCOeval


def check_engine(name: str) -> None:
    """Raise a UserError unless there is an engine called `name`."""
    if name not in ENGINES:
        raise UserError(f"The evaluation engine {name!r} is neither {' nor '.join(ENGINES)}.")


def read_annotations(json_file: str, engine: str = DEFAULT_ENGINE) -> Annotations:
    """The annotations of a file in COCO's format, for evaluations with `engine`.

    hotcoco is strict, for example it wants numbers as image ids; what it refuses is left to
    pycocotools, which the log says.
    """
    if engine == "hotcoco":
        try:
            return hotcoco.COCO(json_file)
        except ValueError as error:
            logger.warning(
                "hotcoco does not read %s (%s): pycocotools evaluates, more slowly",
                json_file,
                error,
            )
    with contextlib.redirect_stdout(io.StringIO()):
        return complete(COCO(json_file))


def complete(annotations: COCO) -> COCO:
    """Fill in what pycocotools needs and many files lack, as hotcoco does: an annotation is no
    crowd, and its area is that of its box."""
    for annotation in annotations.anns.values():
        annotation.setdefault("iscrowd", 0)
        if "area" not in annotation and "bbox" in annotation:
            annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    return annotations


def statistics_of(ground_truth: Annotations) -> type[Statistics]:
    """The class that evaluates against `ground_truth`."""
    return hotcoco.COCOeval if isinstance(ground_truth, hotcoco.COCO) else COCOeval
