"""Changes of a config that follow from a person's own data: classes, length, learning rate."""

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

# Detections of an image that the model gives, and that the evaluation counts.
LIMITS = ("model.max_detections_per_image", "dataloader.evaluator.max_dets_per_image")


def rounded_limit(most_objects: int) -> int:
    """A limit of detections for images of so many objects: the next hundred."""
    return 100 * math.ceil(most_objects / 100)


def rounded_up(value: float) -> int:
    """The next whole number, or the very one if `value` misses it by an error of rounding."""
    return math.ceil(round(value, 6))


class Fitting:
    """Changes a config, but never what the command line has set, and remembers what it has done."""

    def __init__(self, cfg: DictConfig, data: OwnData, overridden: set[str]):
        self.cfg, self.data, self.overridden = cfg, data, overridden
        self.reasons = {}

    def set(self, key: str, value: object, reason: str) -> None:
        self.reasons[key] = "as given" if key in self.overridden else reason
        if key not in self.overridden:
            OmegaConf.update(self.cfg, key, value, force_add=True)

    def set_data(self) -> None:
        """The data sets, and what of the model and the loaders follows from their content."""
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
                "as the file has them",
            )
        self.set_limits(max(data.most_objects for data in (train, val) if data is not None))
        for split in ("train", "test"):
            if accepts(cfg.dataloader[split].dataset, "empty_boxes"):
                key = f"dataloader.{split}.dataset.empty_boxes"
                self.set(key, "error", 'without area: "error" stops, "skip" leaves them out')

    def set_limits(self, most_objects: int) -> None:
        """As many detections an image as a crowd needs, where the config has fewer."""
        limit = rounded_limit(most_objects)
        keys = [key for key in (*LIMITS[:1], "model.test_topk_candidates") if has(self.cfg, key)]
        if accepts(self.cfg.dataloader.evaluator, "max_dets_per_image"):
            keys += LIMITS[1:]
        for key in keys:
            now = OmegaConf.select(self.cfg, key, default=None) or MAX_DETS
            if now < limit:
                self.set(key, limit, f"an image has {most_objects} objects")

    def set_image_size(self, pixels: int) -> None:
        for key, value in image_size_values(self.cfg, pixels):
            self.set(key, value, f"--image-size {pixels}, of the {side_of(key)} side")

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
        """Batch, learning rate and steps.

        Args:
            recipe: what the config says, before the command line has changed it.
            epochs: length of the training; None for that of the recipe, or on few images for as
                many epochs as it takes to see `min_images_seen`.
            num_evaluations: during the training, at most; never more than one an epoch.
            warmup_share: the most of the training that may be a warm-up.
        """
        cfg = self.cfg
        num_images = self.num_trained_images()
        self.set("train.num_images", num_images, "what an epoch is")
        self.set("train.reference_world_size", num_processes, "processes share a step")

        each = min(max(recipe.batch // recipe.num_processes, 1), -(-num_images // num_processes))
        self.set(
            "dataloader.train.total_batch_size",
            each * num_processes,
            f"{each} for each process; the recipe has {recipe.batch} on {recipe.num_processes}",
        )
        step = images_a_step(cfg)
        self.set(
            "optimizer.lr",
            float(f"{recipe.lr * step / recipe.step:.4g}"),
            f"the recipe's is {recipe.lr:g} for {recipe.step} images a step",
        )
        if epochs is None:
            epochs = max(recipe.epochs(), rounded_up(min_images_seen / num_images))
        self.set(
            "train.max_iter",
            max(rounded_up(epochs * num_images / step), 1),
            f"{epochs:g} epochs; --epochs says how many",
        )
        max_iter = cfg.train.max_iter
        epochs = epochs_of_training(max_iter=max_iter, total_batch_size=step, num_images=num_images)
        if "warmup_iters" in cfg.lr_multiplier:
            warmup = min(recipe.warmup, int(warmup_share * max_iter))
            self.set(
                "lr_multiplier.warmup_iters", warmup, f"at most {warmup_share:.0%} of the training"
            )
        every = max(rounded_up(epochs / num_evaluations), 1)
        period = min(rounded_up(every * num_images / step), max_iter)
        what = "each epoch" if every == 1 else f"every {every} epochs"
        if cfg.train.eval_period or "train.eval_period" in self.overridden:
            self.set("train.eval_period", period, what)
        self.set("train.checkpointer.period", period, what)
        log_period = min(cfg.train.log_period, max(max_iter // 20, 1))
        self.set("train.log_period", log_period, "at least 20 lines")

    def num_trained_images(self) -> int:
        train = self.data.train
        number = train.num_images
        if self.cfg.dataloader.train.dataset.get("filter_empty", True):
            number -= len(train.without_objects)
        if number == 0:
            raise UserError(f"No image of {train.json_file} has an object to train on.")
        return number

    def report(self) -> str:
        """What was chosen, and what of the data is not used."""
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
        lines.append("  chosen for it (KEY=VALUE at the end of the command changes any of these):")
        rows = [(key, text_of(self.cfg, key), why) for key, why in self.reasons.items()]
        widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
        lines += [f"    {key:{widths[0]}}  {value:{widths[1]}}  {why}" for key, value, why in rows]
        return "\n".join(lines)

    def fate_of_empty_images(self, files: list[str]) -> str:
        if not self.cfg.dataloader.train.dataset.get("filter_empty", True):
            return f"Trained on as background, without an object: {len(files)} ({some(files)})."
        return (
            f"Left out of the training, without an object: {len(files)} ({some(files)}); "
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
    """Let an evaluator of COCO's format, in the place of any other, judge the data set `name`."""
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
    """The full keys called `name` in `node` that are no interpolation of another."""
    for key in node:
        if OmegaConf.is_interpolation(node, key):
            continue
        if key == name:
            yield f"{prefix}.{key}"
        elif isinstance(node._get_node(key), DictConfig):
            yield from literal_keys(node[key], name, prefix=f"{prefix}.{key}")
