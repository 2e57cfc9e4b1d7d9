"""What happens around the steps of a training, beside Detectron2's own hooks."""

from detectron2.engine import HookBase, hooks
from torch import nn


class TrainingProgressHook(HookBase):
    """Tells the model how far the training is: 0 at the first iteration, 1 at the last.

    Sets `model.training_progress` before every step, from the trainer's iteration alone, so that
    a resumed run has the right value. A model without that attribute is left as it is.
    """

    def __init__(self, model: nn.Module) -> None:
        """`model`: the detector itself, not its wrapper for several processes."""
        self._model = model

    def before_step(self) -> None:
        if hasattr(self._model, "training_progress"):
            last = max(self.trainer.max_iter - 1, 1)
            self._model.training_progress = min(self.trainer.iter / last, 1.0)


class EvalHook(hooks.EvalHook):
    """Detectron2's, except that a training that fails in its last iteration is not evaluated."""

    def after_train(self) -> None:
        # trainer.iter reaches max_iter only after the last iteration has succeeded.
        self._eval_after_train = self.trainer.iter >= self.trainer.max_iter
        super().after_train()
