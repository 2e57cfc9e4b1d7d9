"""Detectron2's evaluator of detections, with a choice of who computes the statistics."""

import itertools
import json
from pathlib import Path

from detectron2.evaluation import COCOEvaluator
from detectron2.evaluation.coco_evaluation import _evaluate_predictions_on_coco
from detectron2.utils.file_io import PathManager

from dual_weighting.errors import UserError
from dual_weighting.evaluation.coco_metrics import restore_category_ids
from dual_weighting.evaluation.engines import (
    DEFAULT_ENGINE,
    check_engine,
    complete,
    read_annotations,
    statistics_of,
)


class DetectionEvaluator(COCOEvaluator):
    """Detectron2's COCOEvaluator, which gets its numbers from hotcoco or from pycocotools.

    Both give the same numbers; hotcoco is many times faster.
    """

    def __init__(
        self,
        dataset_name: str,
        *,
        engine: str = DEFAULT_ENGINE,
        tasks: tuple[str, ...] | None = None,
        output_dir: str | None = None,
        max_dets_per_image: int | None = None,
    ) -> None:
        """
        Args:
            dataset_name: of Detectron2's catalogs.
            engine: "hotcoco" or "pycocotools".
            tasks: of "bbox" and "segm"; those of the detections if None.
            output_dir: where the detections are written, in COCO's result format.
            max_dets_per_image: the best so many count, 100 if None; others need pycocotools.

        Raises:
            UserError: there is no such engine, or it cannot count so many detections.
        """
        check_engine(engine)
        if max_dets_per_image not in (None, 100) and engine != "pycocotools":
            raise UserError(
                f"max_dets_per_image={max_dets_per_image} needs engine='pycocotools': the numbers "
                f"of {engine} are those of COCO, with 100 detections an image."
            )
        super().__init__(
            dataset_name,
            tasks,
            output_dir=output_dir,
            max_dets_per_image=max_dets_per_image,
            use_fast_impl=False,
        )
        self.engine = engine
        complete(self._coco_api)

    def _eval_predictions(self, predictions: list[dict], img_ids: list[int] | None = None) -> None:
        """Detectron2's, whose pycocotools is not to be chosen."""
        if self.engine == "pycocotools" or not self._do_evaluation:
            super()._eval_predictions(predictions, img_ids)
            return
        results = list(itertools.chain.from_iterable(x["instances"] for x in predictions))
        restore_category_ids(results, self._metadata.get("thing_dataset_id_to_contiguous_id"))
        if self._output_dir:
            file = Path(self._output_dir, "coco_instances_results.json")
            file.write_text(json.dumps(results), encoding="utf-8")
        self._logger.info("Evaluating predictions with %s ...", self.engine)
        json_file = PathManager.get_local_path(self._metadata.json_file)
        ground_truth = read_annotations(json_file, self.engine)
        for task in self._tasks or self._tasks_from_predictions(results):
            statistics = None
            if results:
                statistics = _evaluate_predictions_on_coco(
                    ground_truth,
                    results,
                    task,
                    cocoeval_fn=statistics_of(ground_truth),
                    img_ids=img_ids,
                )
            self._results[task] = self._derive_coco_results(
                statistics, task, class_names=self._metadata.get("thing_classes")
            )
