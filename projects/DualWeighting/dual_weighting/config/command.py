"""The config of a command line."""

import argparse

from omegaconf import DictConfig

from dual_weighting.config.fitting import Fitting
from dual_weighting.config.load import check_resolves, find_config, load_config
from dual_weighting.config.overrides import apply_overrides, overridden_keys
from dual_weighting.config.own_data import read_own_data
from dual_weighting.config.recipe import Recipe
from dual_weighting.data import register_datasets

OPTIONS = ("train_json", "train_images", "val_json", "val_images", "epochs", "image_size")


def config_of_command(args: argparse.Namespace) -> tuple[DictConfig, str]:
    """The config of the command line `args`, and for the log, the settings that were derived from
    the user's own data (empty without such data).

    Annotation files are read once: their content is kept in `args` for the other processes.
    """
    args.config_file = find_config(args.config_file)
    if all(getattr(args, name, None) is None for name in OPTIONS):
        return load_config(args.config_file, args.opts), ""
    cfg = load_config(args.config_file)
    if getattr(args, "own_data", None) is None:
        args.own_data = read_own_data(args)
    fitting = Fitting(cfg, args.own_data, overridden_keys(cfg, args.opts))
    fitting.set_data()
    if getattr(args, "image_size", None) is not None:
        fitting.set_image_size(args.image_size)
    recipe = None if args.eval_only else Recipe.of(cfg)
    apply_overrides(cfg, args.opts)
    if recipe is not None:
        fitting.set_length(recipe, args.epochs, num_processes=args.num_gpus * args.num_machines)
    check_resolves(cfg, args.config_file)
    register_datasets(cfg)
    return cfg, fitting.report()
