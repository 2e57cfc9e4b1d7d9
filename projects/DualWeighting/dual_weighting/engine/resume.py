"""Whether a run can go on with a config."""

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
    """Raise UserError if the run in `cfg.train.output_dir` was made with other classes or data, or
    has done more iterations than `cfg` wants. Nothing is loaded but its config.yaml."""
    folder = Path(cfg.train.output_dir)
    last, config = folder / "last_checkpoint", folder / "config.yaml"
    if not last.is_file() or not config.is_file():
        return
    try:
        before = load_yaml_config(str(config))
    except (yaml.YAMLError, UnicodeDecodeError, UserError):
        return  # damaged: the checkpoint itself is checked as it is loaded
    for what, key in (("classes", classes_of), ("training data", data_of)):
        old, new = key(before), key(cfg)
        if old != new:
            raise UserError(
                f"--resume cannot go on in {folder} with other {what}: it was trained with {old}, "
                f"now there are {new}. To start from its weights, leave out --resume and give "
                f"train.init_checkpoint={folder / FINAL} and another train.output_dir."
            )
    name = last.read_text(errors="replace").strip()
    found = re.fullmatch(r"model_(\d+)\.pth", name)
    done = int(found[1]) + 1 if found else before.train.max_iter if name == FINAL else 0
    if done > cfg.train.max_iter:
        raise UserError(
            f"--resume cannot go back: the run in {folder} has done {done} iterations, "
            f"train.max_iter={cfg.train.max_iter} is fewer. Give at least as many, or evaluate "
            f"with --eval-only train.init_checkpoint={folder / name}."
        )


def classes_of(cfg: DictConfig) -> str:
    """Number of the classes, and their names where the config has them."""
    own = {entry["name"]: list(entry["thing_classes"]) for entry in cfg.get("datasets") or []}
    classes = own.get(OmegaConf.select(cfg, "dataloader.train.dataset.names"), [])
    names = f" ({', '.join(classes)})" if classes else ""
    return f"{OmegaConf.select(cfg, 'model.num_classes')} classes{names}"


def data_of(cfg: DictConfig) -> str:
    """What tells one set of training images from another, wherever its files are."""
    names = OmegaConf.select(cfg, "dataloader.train.dataset.names")
    own = {entry["name"] for entry in cfg.get("datasets") or []}
    number = OmegaConf.select(cfg, "train.num_images")
    return f"{number} images" if names in own else f"{number} images of {names}"


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
