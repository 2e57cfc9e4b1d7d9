"""Detectron2's checkpointer, with atomic writes and checks of the files it loads."""

import os
import pickle
from typing import Any

import numpy as np
import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.utils import comm

from dual_weighting.checkpoint.backbones.download import verify_check_sums
from dual_weighting.checkpoint.backbones.weights import (
    backbone_state,
    is_backbone_address,
    load_backbone_weights,
)
from dual_weighting.checkpoint.pickled_arrays import check_only_arrays
from dual_weighting.utils.atomic_file import atomic_file, remove_partial_files
from dual_weighting.utils.errors import UserError


class Checkpointer(DetectionCheckpointer):
    """Saves and loads a model and its training state.

    Files are renamed to their names once complete, so that the checkpoint in `last_checkpoint` can
    always be loaded. `torchvision://resnet50` loads an ImageNet backbone, see `backbone_weights`.
    Files that cannot be loaded raise a `UserError` with their name.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        save_dir: str = "",
        *,
        complete: bool = False,
        resumable: bool = True,
        **checkpointables: Any,
    ) -> None:
        """
        Args:
            complete: refuse files that lack any of the model's parameters, as for evaluation.
            resumable: whether runs may resume from files saved here, so that `last_checkpoint`
                names them.
            checkpointables: objects with a state dict, by name in the file.
        """
        super().__init__(model, save_dir, **checkpointables)
        self.complete = complete
        self.resumable = resumable
        self.path_manager = _AtomicWrites(self.path_manager)

    def remove_partial_files(self) -> None:
        """Delete partial checkpoints of killed runs; call before saving the first one."""
        if self.save_to_disk:
            remove_partial_files(self.save_dir)

    def load(self, path: str | None, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Like Detectron2's `load`, but raises `UserError` if `path` cannot be loaded."""
        if is_backbone_address(path):
            self._load_backbone(path)
            return {}
        if path:
            self._check_exists(path)
        try:
            return super().load(path or "", *args, **kwargs)
        except torch.OutOfMemoryError:
            raise
        except (LookupError, AttributeError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"The checkpoint {path} does not match ({type(error).__name__}: {reason}): check "
                "that it belongs to this config."
            ) from error
        finally:
            self._parsed_url_during_load = None

    def get_checkpoint_file(self) -> str:
        try:
            return super().get_checkpoint_file()
        except UnicodeDecodeError as error:
            last = os.path.join(self.save_dir, "last_checkpoint")
            raise UserError(
                f"{last} is damaged: write the name of a checkpoint into it, or delete it to "
                "start from scratch."
            ) from error

    def tag_last_checkpoint(self, last_filename_basename: str) -> None:
        if self.resumable:
            super().tag_last_checkpoint(last_filename_basename)

    def _check_exists(self, path: str) -> None:
        try:
            found = os.path.isfile(self.path_manager.get_local_path(path.split("?")[0]))
        except Exception as error:  # path handlers fail in many ways
            raise UserError(f"The checkpoint {path} cannot be fetched: {error}.") from error
        if not found:
            last = os.path.join(self.save_dir, "last_checkpoint")
            named = self.has_checkpoint() and self.get_checkpoint_file() == path
            advice = (
                f"write the name of another one into {last}, or delete it to start from scratch"
            )
            raise UserError(
                f"The checkpoint {path} does not exist: "
                + (advice if named else "check its path (train.init_checkpoint of train_net.py)")
                + "."
            )

    def _load_file(self, filename: str) -> dict[str, Any]:
        try:
            if filename.endswith(".pkl"):
                check_only_arrays(filename)
            loaded = super()._load_file(filename)
        except UserError:
            raise
        except pickle.UnpicklingError as error:
            if "Unsupported global" not in str(error):
                raise UserError(_damaged(filename)) from error
            raise UserError(
                f"The checkpoint {filename} is refused because it contains more than weights, and "
                "loading it could execute code: save it again with tensors, numbers and strings "
                "only."
            ) from error
        except (
            Exception
        ) as error:  # zip, pickle and torch raise different errors for truncated files
            raise UserError(_damaged(filename)) from error
        weights = loaded.get("model")
        if not isinstance(weights, dict) or not weights:
            raise UserError(_damaged(filename))
        if name := next((k for k, x in weights.items() if not _is_weight(k, x)), None):
            raise UserError(
                f"In the weights of the checkpoint {filename}, {name!r} does not name a tensor of "
                "real numbers: use another checkpoint."
            )
        return loaded

    def _torch_load(self, f: str) -> Any:
        verify_check_sums(f)
        return torch.load(f, map_location="cpu", weights_only=True)

    def _load_model(self, checkpoint: dict[str, Any]) -> Any:
        incompatible = super()._load_model(checkpoint)
        absent = {name for name, *_ in incompatible.incorrect_shapes}
        absent.update(incompatible.missing_keys)
        parameters = [name for name, _ in self.model.named_parameters()]
        lacking = [name for name in parameters if name in absent]
        if lacking and (self.complete or len(lacking) == len(parameters)):
            raise UserError(
                f"The checkpoint lacks {len(lacking)} of the model's {len(parameters)} parameters "
                f"or has them in another shape, for example {lacking[0]}: "
                "check that it belongs to this config."
            )
        return incompatible

    def _load_backbone(self, address: str) -> None:
        """Load the complete backbone, wherever it is in the model, or raise `UserError`."""
        if comm.is_main_process():
            load_backbone_weights(address)  # downloads, once for all processes
        comm.synchronize()
        weights = load_backbone_weights(address)
        prefix, own = backbone_state(self.model)
        differing = set(own).symmetric_difference(weights) or {
            key for key in own if own[key].shape != weights[key].shape
        }
        if differing:
            raise UserError(
                f"The weights train.init_checkpoint={address} do not match the model's backbone, "
                f"for example in {prefix}{min(differing)}: use those of its type and depth."
            )
        self.model.load_state_dict({prefix + k: x for k, x in weights.items()}, strict=False)
        self.logger.info("Backbone: %s, pretrained on ImageNet (%d tensors)", address, len(weights))


class _AtomicWrites:
    """A path manager that writes files through `atomic_file`."""

    def __init__(self, path_manager: Any) -> None:
        self._path_manager = path_manager

    def open(self, path: str, mode: str = "r", **kwargs: Any) -> Any:
        if "w" in mode and "://" not in path:
            return atomic_file(path, mode)
        return self._path_manager.open(path, mode, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._path_manager, name)


def _is_weight(name: object, value: object) -> bool:
    """Whether these are a name and a tensor of real numbers."""
    if isinstance(value, np.ndarray):
        return isinstance(name, str) and value.dtype.kind in "biuf"
    is_real = isinstance(value, torch.Tensor) and not value.is_complex()
    return isinstance(name, str) and is_real and value.layout == torch.strided


def _damaged(filename: str) -> str:
    return (
        f"The file {filename} is not a complete checkpoint: "
        "it may be truncated; download or copy it again, or use another one."
    )
