"""Checks before a run is resumed, and matching of classes by name."""

import logging
import re
from pathlib import Path

import torch
import yaml
from detectron2.data import MetadataCatalog
from omegaconf import DictConfig, OmegaConf
from torch import nn

from dual_weighting.config.load import load_yaml_config
from dual_weighting.data.catalog import categories_of, class_names
from dual_weighting.engine.run_folder import FINAL
from dual_weighting.utils.errors import UserError


def check_same_training(cfg: DictConfig) -> None:
    """Raise `UserError` if the run in `cfg.train.output_dir` was trained with other classes or
    data, or beyond `cfg.train.max_iter`. Reads only its config.yaml."""
    folder = Path(cfg.train.output_dir)
    last, config = folder / "last_checkpoint", folder / "config.yaml"
    if not last.is_file() or not config.is_file():
        return
    try:
        before = load_yaml_config(str(config))
    except (yaml.YAMLError, UnicodeDecodeError, UserError):
        return  # damaged; the checkpoint itself is checked when it is loaded
    for what, key in (("classes", classes_of), ("training data", data_of)):
        old, new = key(before), key(cfg)
        if old != new:
            raise UserError(
                f"--resume cannot continue {folder} with other {what}: it was trained with {old}, "
                f"but the config now has {new}. To start from its weights, omit --resume and set "
                f"train.init_checkpoint={folder / FINAL} and another train.output_dir."
            )
    name = last.read_text(errors="replace").strip()
    found = re.fullmatch(r"model_(\d+)\.pth", name)
    done = int(found[1]) + 1 if found else before.train.max_iter if name == FINAL else 0
    if done > cfg.train.max_iter:
        raise UserError(
            f"--resume cannot go back: the run in {folder} has done {done} iterations, more than "
            f"train.max_iter={cfg.train.max_iter}. Set at least as many, or evaluate "
            f"with --eval-only train.init_checkpoint={folder / name}."
        )


def classes_of(cfg: DictConfig) -> str:
    """Number of classes, and their names if the config has them."""
    own = {entry["name"]: list(entry["thing_classes"]) for entry in cfg.get("datasets") or []}
    classes = own.get(OmegaConf.select(cfg, "dataloader.train.dataset.names"), [])
    names = f" ({', '.join(classes)})" if classes else ""
    return f"{OmegaConf.select(cfg, 'model.num_classes')} classes{names}"


def data_of(cfg: DictConfig) -> str:
    """A description that identifies the training images, wherever the files are."""
    names = OmegaConf.select(cfg, "dataloader.train.dataset.names")
    own = {entry["name"] for entry in cfg.get("datasets") or []}
    number = OmegaConf.select(cfg, "train.num_images")
    return f"{number} images" if names in own else f"{number} images of {names}"


logger = logging.getLogger(__name__)

CLASS_LAYERS = ("head.cls_logits", "head.cls_score", "semantic_head.logits")


def match_classes(model: nn.Module, checkpoint: str, cfg: DictConfig) -> None:
    """Reorder the class layers of `model`, loaded from `checkpoint`, to the classes of `cfg`.

    The order in training is read from the config.yaml next to the checkpoint. Nothing changes if it
    is unknown or the same, or if the names differ.
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
    logger.info("Matched the classes of %s by name.", checkpoint)


def trained_classes(checkpoint: Path) -> list[str] | None:
    """The class names in the order of training, or None if unknown."""
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
