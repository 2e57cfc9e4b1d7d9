"""A detector whose classes stand in another order than those of the data it is evaluated on."""

import logging
from pathlib import Path

import torch
import yaml
from detectron2.data import MetadataCatalog
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dual_weighting.data.category_ids import categories_of
from dual_weighting.data.of_config import class_names
from dual_weighting.engine.yaml_config import load_yaml_config
from dual_weighting.errors import UserError

logger = logging.getLogger(__name__)

CLASS_LAYERS = ("head.cls_logits", "head.cls_score", "semantic_head.logits")


def match_classes(model: nn.Module, checkpoint: str, cfg: DictConfig) -> None:
    """Give `model`, loaded from `checkpoint`, the order of classes of the data in `cfg`.

    The order of the training is that of the config.yaml beside the checkpoint. Nothing changes
    where it is unknown, the same, or of other names.
    """
    trained, wanted = trained_classes(Path(checkpoint)), class_names(cfg)
    if trained in (None, wanted) or sorted(trained) != sorted(wanted):
        return
    if len(set(wanted)) < len(wanted):
        return
    order = torch.tensor([trained.index(name) for name in wanted])
    layers = dict(model.named_modules())
    with torch.no_grad():
        for layer in (layers[name] for name in CLASS_LAYERS if name in layers):
            for parameter in layer.parameters():
                parameter.copy_(parameter[order.to(parameter.device)])
    logger.info("The classes of %s are matched by their names.", checkpoint)


def trained_classes(checkpoint: Path) -> list[str] | None:
    """The names of the classes in the order of the training, None if they are not known."""
    file = checkpoint.with_name("config.yaml")
    try:
        cfg = load_yaml_config(str(file))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, UserError):
        return None
    name = OmegaConf.select(cfg, "dataloader.train.dataset.names")
    own = {entry["name"]: list(entry["thing_classes"]) for entry in cfg.get("datasets") or []}
    if name in own or not isinstance(name, str):
        return own.get(name)
    classes = MetadataCatalog.get(name).get("thing_classes")
    return list(classes or (category["name"] for category in categories_of(name))) or None
