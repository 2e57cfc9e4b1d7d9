"""Handlers for `torchvision://` and `swin://` in Detectron2's path manager."""

from pathlib import Path

import torch
from detectron2.utils.file_io import PathHandler, PathManager
from iopath.common.file_io import file_lock

from dual_weighting.checkpoint.backbones.weights import SCHEMES, load_backbone_weights
from dual_weighting.utils.atomic_file import atomic_file


class BackboneWeightsHandler(PathHandler):
    """Resolves addresses to files that Detectron2's `DetectionCheckpointer` loads into the
    backbone, wherever it is in the model."""

    def _get_supported_prefixes(self) -> list[str]:
        return list(SCHEMES)

    def _get_local_path(self, path: str, force: bool = False, **kwargs) -> str:
        scheme, name = path.split("://")
        file = Path(torch.hub.get_dir(), "checkpoints", f"{scheme}_{name}_for_detectron2.pth")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(str(file)):  # requested by all processes of a training
            if force or not file.is_file():
                weights = load_backbone_weights(path)
                with atomic_file(file, "wb") as opened:
                    torch.save({"model": weights, "matching_heuristics": True}, opened)
        return str(file)

    def _isfile(self, path: str, **kwargs) -> bool:
        return True

    def _open(self, path: str, mode: str = "r", buffering: int = -1, **kwargs):
        return open(self._get_local_path(path), mode, buffering)


PathManager.register_handler(BackboneWeightsHandler())
