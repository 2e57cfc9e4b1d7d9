"""Adapts a config to the user's own data: classes, length of training, learning rate."""

import math
from collections.abc import Iterator

from detectron2.config import LazyCall
from detectron2.evaluation import COCOEvaluator
from detectron2.utils.registry import locate
from omegaconf import DictConfig, OmegaConf

from dual_weighting.config.overrides import accepts
from dual_weighting.config.own_data import OwnData, check_same_classes
from dual_weighting.config.recipe import Recipe, images_a_step
from dual_weighting.data.catalog import literal
from dual_weighting.data.checks.findings import some
from dual_weighting.data.transforms import image_size_values
from dual_weighting.evaluation.ground_truth import MAX_DETS
from dual_weighting.solver.lr_schedule import epochs_of_training
from dual_weighting.utils.errors import UserError

# Detections per image, of the model and in the evaluation.
LIMITS = ("model.max_detections_per_image", "dataloader.evaluator.max_dets_per_image")


def rounded_limit(most_objects: int) -> int:
    """The limit of detections for images with this many objects: the next hundred."""
    return 100 * math.ceil(most_objects / 100)


def rounded_up(value: float) -> int:
    """`value` rounded up, but not because of floating-point error."""
    return math.ceil(round(value, 6))


class Fitting:
    """Changes a config, except for keys set on the command line, and records each change."""

    def __init__(self, cfg: DictConfig, data: OwnData, overridden: set[str]):
        self.cfg, self.data, self.overridden = cfg, data, overridden
        self.reasons = {}

    def set(self, key: str, value: object, reason: str) -> None:
        self.reasons[key] = "as given" if key in self.overridden else reason
        if key not in self.overridden:
            OmegaConf.update(self.cfg, key, value, force_add=True)

    def set_data(self) -> None:
        """Set the data sets, and what follows from them for model and loaders."""
        cfg, train, val = self.cfg, self.data.train, self.data.val
        if train is None and cfg.get("datasets"):
            check_same_classes(cfg.datasets[0].thing_classes, "the config", val)
        cfg.datasets = [literal(data.entry()) for data in (train, val) if data is not None]
        cfg.dataloader.test.dataset.names = literal(val.name)
        if train is not None:
            cfg.dataloader.train.dataset.names = literal(train.name)
        set_evaluator(cfg.dataloader, literal(val.name))
        classes = val.thing_classes
        for key in literal_keys(cfg.model, "num_classes", prefix="model"):
            self.set(key, len(classes), some(classes, 10))
        if cfg.dataloader.train.mapper.get("use_instance_mask", False):
            for data in filter(None, (train, val)):
                data.check_masks()
            self.set(
                "dataloader.train.mapper.instance_mask_format",
                (train or val).mask_format,
                "as in the annotation file",
            )
        self.set_limits(max(data.most_objects for data in (train, val) if data is not None))
        for split in ("train", "test"):
            if accepts(cfg.dataloader[split].dataset, "empty_boxes"):
                key = f"dataloader.{split}.dataset.empty_boxes"
                self.set(key, "error", 'boxes without area: "error" stops, "skip" drops them')

    def set_limits(self, most_objects: int) -> None:
        """Raise the limits of detections per image for crowded images."""
        limit = rounded_limit(most_objects)
        keys = [key for key in (*LIMITS[:1], "model.test_topk_candidates") if has(self.cfg, key)]
        if accepts(self.cfg.dataloader.evaluator, "max_dets_per_image"):
            keys += LIMITS[1:]
        for key in keys:
            now = OmegaConf.select(self.cfg, key, default=None) or MAX_DETS
            if now < limit:
                self.set(key, limit, f"there is an image with {most_objects} objects")

    def set_image_size(self, pixels: int) -> None:
        for key, value in image_size_values(self.cfg, pixels):
            self.set(key, value, f"--image-size {pixels}, for the {side_of(key)} side")

    def set_length(
        self,
        recipe: Recipe,
        epochs: float | None,
        *,
        num_processes: int,
        min_images_seen: int = 12000,
        num_evaluations: int = 10,
        warmup_share: float = 0.1,
    ) -> None:
        """Set batch size, learning rate and number of steps.

        Args:
            recipe: of the config before the overrides of the command line.
            epochs: length of training. None for that of the recipe or, with few images, as many
                epochs as it takes to see `min_images_seen`.
            num_evaluations: upper limit; never more than one per epoch.
            warmup_share: largest share of training to be used for warm-up.
        """
        cfg = self.cfg
        num_images = self.num_trained_images()
        self.set("train.num_images", num_images, "images per epoch")
        self.set("train.reference_world_size", num_processes, "processes per step")

        each = min(max(recipe.batch // recipe.num_processes, 1), -(-num_images // num_processes))
        self.set(
            "dataloader.train.total_batch_size",
            each * num_processes,
            f"{each} per process; the recipe has {recipe.batch} on {recipe.num_processes}",
        )
        step = images_a_step(cfg)
        self.set(
            "optimizer.lr",
            float(f"{recipe.lr * step / recipe.step:.4g}"),
            f"the recipe has {recipe.lr:g} for {recipe.step} images per step",
        )
        if epochs is None:
            epochs = max(recipe.epochs(), rounded_up(min_images_seen / num_images))
        self.set(
            "train.max_iter",
            max(rounded_up(epochs * num_images / step), 1),
            f"{epochs:g} epochs; set with --epochs",
        )
        max_iter = cfg.train.max_iter
        epochs = epochs_of_training(max_iter=max_iter, total_batch_size=step, num_images=num_images)
        if "warmup_iters" in cfg.lr_multiplier:
            warmup = min(recipe.warmup, int(warmup_share * max_iter))
            self.set(
                "lr_multiplier.warmup_iters", warmup, f"at most {warmup_share:.0%} of training"
            )
        every = max(rounded_up(epochs / num_evaluations), 1)
        period = min(rounded_up(every * num_images / step), max_iter)
        what = "each epoch" if every == 1 else f"every {every} epochs"
        if cfg.train.eval_period or "train.eval_period" in self.overridden:
            self.set("train.eval_period", period, what)
        self.set("train.checkpointer.period", period, what)
        log_period = min(cfg.train.log_period, max(max_iter // 20, 1))
        self.set("train.log_period", log_period, "at least 20 log lines")

    def num_trained_images(self) -> int:
        train = self.data.train
        number = train.num_images
        if self.cfg.dataloader.train.dataset.get("filter_empty", True):
            number -= len(train.without_objects)
        if number == 0:
            raise UserError(f"No image in {train.json_file} has an object to train on.")
        return number

    def report(self) -> str:
        """The chosen settings, and the data that is not used, for the log."""
        lines = ["Your own data"]
        for what, data in (("training", self.data.train), ("validation", self.data.val)):
            if data is not None:
                lines.append(
                    f"  {what + ':':11} {data.num_images:,} images, {data.num_objects:,} objects, "
                    f"{len(data.thing_classes)} classes in {data.json_file}"
                )
                lines += [f"    {sentence}" for sentence in data.left_out()]
        if self.data.train is not None and self.data.train.without_objects:
            lines.append(f"    {self.fate_of_empty_images(self.data.train.without_objects)}")
        lines.append("  settings chosen for it (append KEY=VALUE to the command to change any):")
        rows = [(key, text_of(self.cfg, key), why) for key, why in self.reasons.items()]
        widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
        lines += [f"    {key:{widths[0]}}  {value:{widths[1]}}  {why}" for key, value, why in rows]
        return "\n".join(lines)

    def fate_of_empty_images(self, files: list[str]) -> str:
        if not self.cfg.dataloader.train.dataset.get("filter_empty", True):
            return (
                f"{len(files)} images without objects are trained on as background ({some(files)})."
            )
        return (
            f"{len(files)} images without objects are left out of training ({some(files)}); "
            "dataloader.train.dataset.filter_empty=False keeps them."
        )


def has(cfg: DictConfig, key: str) -> bool:
    return OmegaConf.select(cfg, key, default=None) is not None


def side_of(key: str) -> str:
    return "longer" if key.endswith("max_size") else "shorter"


def text_of(cfg: DictConfig, key: str) -> str:
    value = OmegaConf.select(cfg, key)
    return f"{value:g}" if isinstance(value, float) else str(value)


def set_evaluator(dataloader: DictConfig, name: str) -> None:
    """Evaluate on the data set `name`, with a COCO-style evaluator in place of any other."""
    from dual_weighting.evaluation.detection_evaluator import DetectionEvaluator
    from dual_weighting.evaluation.ground_truth import DEFAULT_ENGINE

    target = dataloader.evaluator["_target_"]
    target = locate(target) if isinstance(target, str) else target
    if not (isinstance(target, type) and issubclass(target, COCOEvaluator)):
        dataloader.evaluator = LazyCall(DetectionEvaluator)(
            dataset_name="${..test.dataset.names}",
            engine=DEFAULT_ENGINE,
        )
    elif not OmegaConf.is_interpolation(dataloader.evaluator, "dataset_name"):
        dataloader.evaluator.dataset_name = name


def literal_keys(node: DictConfig, name: str, *, prefix: str) -> Iterator[str]:
    """The full keys of `name` in `node` that hold a value rather than an interpolation."""
    for key in node:
        if OmegaConf.is_interpolation(node, key):
            continue
        if key == name:
            yield f"{prefix}.{key}"
        elif isinstance(node._get_node(key), DictConfig):
            yield from literal_keys(node[key], name, prefix=f"{prefix}.{key}")
