"""Images that could not be used in a training: named, counted, reported."""

import logging
from collections import Counter

from detectron2.engine import HookBase
from detectron2.utils import comm

logger = logging.getLogger(__name__)


class SkippedImagesHook(HookBase):
    """Names each image once that another was taken for, and reports `skipped_images`, how often
    that was so in the training up to now, in all processes.

    In every process, because it asks all of them; before what writes the metrics.
    """

    def __init__(self, period: int, *, before: int = 0) -> None:
        """
        Args:
            period: iterations from one report to the next, that of the metrics.
            before: how many images an earlier part of this training has skipped.
        """
        self._period = period
        self._before = before
        self._skipped: Counter[str] = Counter()

    def after_step(self) -> None:
        last = self.trainer.iter == self.trainer.max_iter - 1
        if (self.trainer.iter + 1) % self._period == 0 or last:
            self._take(comm.gather(self._given_by_trainer()))
            self.trainer.storage.put_scalar("skipped_images", self._total(), smoothing_hint=False)

    def after_train(self) -> None:
        if not comm.is_main_process():
            return
        self._take([self._given_by_trainer()])  # what came after the last report
        if self._skipped:
            logger.warning(
                "In the place of %d images that cannot be used, others were taken, %d times; "
                "which they are is said above and in log.txt",
                len(self._skipped),
                self._total(),
            )

    def _given_by_trainer(self) -> Counter[str]:
        given = Counter(self.trainer.skipped_images)
        self.trainer.skipped_images.clear()
        return given

    def _take(self, counters: list[Counter[str]]) -> None:
        for counter in counters:
            for sentence in counter:
                if sentence not in self._skipped:
                    logger.warning("Skipped: %s", sentence)
            self._skipped.update(counter)

    def _total(self) -> int:
        return self._before + self._skipped.total()
