"""Who computes COCO's statistics: hotcoco, or pycocotools, the reference."""

import contextlib
import io

import hotcoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dual_weighting.errors import UserError

DEFAULT_ENGINE = "hotcoco"
# Annotations and their evaluation; hotcoco's classes have the names and methods of pycocotools'.
ENGINES = {"hotcoco": (hotcoco.COCO, hotcoco.COCOeval), "pycocotools": (COCO, COCOeval)}

Annotations = hotcoco.COCO | COCO
Statistics = hotcoco.COCOeval | COCOeval


def check_engine(name: str) -> None:
    """Raise a UserError unless there is an engine called `name`."""
    if name not in ENGINES:
        raise UserError(f"The evaluation engine {name!r} is neither {' nor '.join(ENGINES)}.")


def read_annotations(json_file: str, engine: str = DEFAULT_ENGINE) -> Annotations:
    """The annotations of a file in COCO's format, for evaluations with `engine`."""
    annotations, _ = ENGINES[engine]
    with contextlib.redirect_stdout(io.StringIO()):
        return annotations(json_file)


def statistics_of(ground_truth: Annotations) -> type[Statistics]:
    """The class that evaluates against `ground_truth`."""
    return next(run for kind, run in ENGINES.values() if isinstance(ground_truth, kind))
