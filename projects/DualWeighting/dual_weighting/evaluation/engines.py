"""Who computes COCO's statistics: hotcoco, or pycocotools, the reference.

hotcoco's classes have the names, methods and results of pycocotools'. Of an object whose annotation
id is 0, pycocotools takes every detection for wrong; here both get ids above 0.
"""

import contextlib
import io
import logging

import hotcoco
from detectron2.evaluation.coco_evaluation import COCOevalMaxDets
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dual_weighting.data.coco import read_coco
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)

DEFAULT_ENGINE = "hotcoco"
MAX_DETS = 100  # detections of an image that count, in COCO's metrics
ENGINES = ("hotcoco", "pycocotools")

Annotations = hotcoco.COCO | COCO
Statistics = hotcoco.COCOeval | COCOeval


def check_engine(name: str) -> None:
    """Raise a UserError unless there is an engine called `name`."""
    if name not in ENGINES:
        raise UserError(f"The evaluation engine {name!r} is neither {' nor '.join(ENGINES)}.")


def read_annotations(json_file: str, engine: str = DEFAULT_ENGINE) -> Annotations:
    """The annotations of a file in COCO's format, for evaluations with `engine`; see
    `CocoContent.ground_truth` for what is filled in.

    hotcoco is strict, for example it wants numbers as image ids; what it refuses is left to
    pycocotools, which the log says.
    """
    content = read_coco(json_file).ground_truth()
    if engine == "hotcoco":
        try:
            return hotcoco.COCO(content)
        except (OverflowError, TypeError, ValueError) as error:
            logger.warning(
                "hotcoco does not read %s (%s): pycocotools evaluates, more slowly",
                json_file,
                error,
            )
    annotations = COCO()
    annotations.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):
        annotations.createIndex()
    return annotations


def statistics_of(ground_truth: Annotations, max_dets: int = MAX_DETS) -> type[Statistics]:
    """The class that evaluates against `ground_truth`, with this limit of detections an image."""
    if isinstance(ground_truth, hotcoco.COCO):
        return hotcoco.COCOeval
    return COCOeval if max_dets == MAX_DETS else COCOevalMaxDets
