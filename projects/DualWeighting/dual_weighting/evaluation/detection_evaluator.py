"""Detectron2's evaluator of detections, with a choice of who computes the statistics."""

import itertools
import json
import logging
from pathlib import Path

import torch
from detectron2.data import MetadataCatalog
from detectron2.evaluation import COCOEvaluator

from dual_weighting.data.coco import read_coco
from dual_weighting.evaluation.coco_metrics import restore_category_ids, summarize
from dual_weighting.evaluation.engines import (
    DEFAULT_ENGINE,
    MAX_DETS,
    check_engine,
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
            max_dets_per_image: the best so many count, 100 if None.

        Raises:
            UserError: there is no such engine.
        """
        check_engine(engine)
        metadata = MetadataCatalog.get(dataset_name)
        if metadata.get("json_file") is None:  # Detectron2 writes such a file
            super().__init__(dataset_name, output_dir=output_dir)
        # What COCOEvaluator's constructor does, which would read the file by itself.
        self._logger = logging.getLogger(__name__)
        self._metadata, self._tasks, self._output_dir = metadata, tasks, output_dir
        self._distributed, self._use_fast_impl, self._kpt_oks_sigmas = True, False, ()
        self._cpu_device = torch.device("cpu")
        self._max_dets_per_image = [1, 10, max_dets_per_image or MAX_DETS]
        self.engine = engine
        self._do_evaluation = read_coco(metadata.json_file).annotated
        self._coco_api = read_annotations(metadata.json_file, engine)

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
        ground_truth = self._coco_api
        for task in self._tasks or self._tasks_from_predictions(results):
            statistics = None
            if results:
                boxless = ("bbox",) if task == "segm" else ()  # the area is that of the mask
                found = [{k: x[k] for k in x if k not in boxless} for x in results]
                limits = self._max_dets_per_image
                run = statistics_of(ground_truth, limits[-1])
                statistics = run(ground_truth, ground_truth.loadRes(found), task)
                statistics.params.maxDets = limits
                if img_ids is not None:
                    statistics.params.imgIds = img_ids
                statistics.evaluate()
                statistics.accumulate()
                summarize(statistics)
            self._results[task] = self._derive_coco_results(
                statistics, task, class_names=self._metadata.get("thing_classes")
            )
