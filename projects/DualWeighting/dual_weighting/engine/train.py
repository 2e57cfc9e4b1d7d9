"""Trains and evaluates the detector that a LazyConfig describes."""

import argparse
import logging
import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from detectron2.engine import SimpleTrainer
from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm
from detectron2.utils.events import EventStorage, JSONWriter
from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.backbones.weights import is_backbone_address
from dual_weighting.config.command import config_of_command
from dual_weighting.config.load import build, check_sections
from dual_weighting.config.overrides import apply_overrides
from dual_weighting.data.catalog import release_contents
from dual_weighting.engine.build import (
    build_early_stopping,
    build_hooks,
    check_training_options,
    watched_metrics,
)
from dual_weighting.engine.console import setup_run
from dual_weighting.engine.ema import WeightAverage
from dual_weighting.engine.evaluation import Evaluation, after_evaluation, evaluator_override
from dual_weighting.engine.freed_memory import keep_freed_memory
from dual_weighting.engine.hooks import BEST
from dual_weighting.engine.launch import launch_processes
from dual_weighting.engine.machine_faults import faults_explained
from dual_weighting.engine.resume import check_same_training, match_classes
from dual_weighting.engine.run_folder import FINAL, check_writable, claimed, cut_metrics, put_aside
from dual_weighting.engine.trainer import build_trainer
from dual_weighting.engine.writers import RUN_ID, option
from dual_weighting.modeling.compilation import compile_detector
from dual_weighting.utils.device import choose_device, describe_device, share_threads
from dual_weighting.utils.errors import UserError

logger = logging.getLogger(__name__)


def train_command(args: argparse.Namespace) -> None:
    """Check the command line `args`, then train or evaluate in the processes it asks for."""
    cfg, own_data = config_of_command(args)
    check_sections(cfg, args.config_file)
    overrides = evaluator_override(cfg, args.evaluator)
    apply_overrides(cfg, overrides)
    args.opts = [*args.opts, *overrides]
    device = choose_device(cfg.train.device)
    if not args.eval_only:
        check_training_options(cfg, device)
        if args.resume:
            check_same_training(cfg)
    if args.num_gpus * args.num_machines > 1:
        release_contents()  # each process reads its own
        launch_processes(run, args, device=device)
    else:
        launch_processes(partial(run, loaded=(cfg, own_data)), args, device=device)


def run(args: argparse.Namespace, loaded: tuple[DictConfig, str] | None = None) -> None:
    """Train or evaluate in one process of the command.

    Args:
        loaded: the result of `config_of_command`, if this process has it already.
    """
    cfg, own_data = loaded or config_of_command(args)
    share_threads(num_processes=comm.get_local_size())
    device = choose_device(cfg.train.device)
    if device.type == "cpu":
        keep_freed_memory()
    check_writable(cfg.train.output_dir)
    writes = comm.is_main_process() and not args.eval_only
    claim = claimed(cfg.train.output_dir) if writes else nullcontext()
    with claim, faults_explained(cfg.train.output_dir):
        setup_run(cfg, args)
        logger.info(describe_device(device, num_processes=comm.get_world_size()))
        if own_data:
            logger.info(own_data)
        model = build(cfg, "model").to(device, memory_format=torch.channels_last)
        if cfg.train.compile:
            compile_detector(model)
        if args.eval_only:
            evaluate(cfg, model, resume=args.resume)
        else:
            train(cfg, model, resume=args.resume)


def evaluate(cfg: DictConfig, model: nn.Module, *, resume: bool = False) -> dict:
    """Evaluate `cfg.train.init_checkpoint` or, with `resume`, the run's last checkpoint."""
    checkpointer = Checkpointer(model, cfg.train.output_dir, complete=True)
    start = cfg.train.init_checkpoint
    if not (resume and checkpointer.has_checkpoint()) and (not start or is_backbone_address(start)):
        raise UserError(
            "--eval-only needs a checkpoint of a trained detector, "
            f"for example train.init_checkpoint={Path(cfg.train.output_dir, 'model_final.pth')}."
        )
    checkpointer.resume_or_load(start, resume=resume)
    if not resume:
        match_classes(model, start, cfg)
    evaluation = Evaluation(cfg, model)
    results = evaluation()
    after_evaluation(cfg, cfg.train.output_dir, evaluation.diagnosis)
    return results


def train(cfg: DictConfig, model: nn.Module, *, resume: bool = False) -> None:
    """Train `model` until `cfg.train.max_iter`; with `resume`, from the last checkpoint."""
    prepare_output(cfg.train.output_dir, resume=resume)
    trainer = build_trainer(cfg, model)
    ema = option(cfg, "ema")
    average = WeightAverage(model, **ema) if ema else None
    evaluated = average.model if average else model
    evaluation = Evaluation(cfg, evaluated, metrics=watched_metrics(cfg))
    parts = {"trainer": trainer, "ema": average} if average else {"trainer": trainer}
    checkpointer = Checkpointer(evaluated, cfg.train.output_dir, **parts)
    checkpointer.remove_partial_files()
    start_iter = resume_or_load(cfg, checkpointer, trainer, resume=resume)
    if average and average.updates == 0:
        average.hand_over()
    metrics_json = Path(cfg.train.output_dir, "metrics.json")
    if comm.is_main_process():
        cut_metrics(metrics_json, start_iter=start_iter)
    early_stopping = build_early_stopping(cfg, checkpointer)
    if early_stopping and early_stopping.is_over():
        logger.info(early_stopping.reason(start_iter))
        finish(checkpointer, evaluation, metrics_json, done=start_iter)
    elif start_iter >= cfg.train.max_iter:
        finish(checkpointer, evaluation, metrics_json, done=cfg.train.max_iter)
    else:
        hooks = build_hooks(
            cfg,
            model,
            average=average,
            checkpointer=checkpointer,
            evaluation=evaluation,
            early_stopping=early_stopping,
        )
        trainer.register_hooks(hooks)
        trainer.train(start_iter, cfg.train.max_iter)
    after_evaluation(cfg, cfg.train.output_dir, evaluation.diagnosis)


def prepare_output(output_dir: str, *, resume: bool) -> None:
    """Move files of an earlier run in `output_dir` out of the way, unless it is resumed."""
    if comm.is_main_process() and not resume:
        names = ("last_checkpoint", "metrics.json", f"{BEST}.pth", RUN_ID)
        moved = [f"{name}.bak" for name in names if put_aside(os.path.join(output_dir, name))]
        if moved:
            logger.warning(
                "Starting over in %s, which holds an earlier run (--resume would continue it): "
                "its checkpoints will be overwritten; kept as %s",
                output_dir,
                " and ".join(moved),
            )
    comm.synchronize()


def resume_or_load(
    cfg: DictConfig, checkpointer: Checkpointer, trainer: SimpleTrainer, *, resume: bool
) -> int:
    """Load the last checkpoint or the initial weights; return the first iteration."""
    resumed = resume and checkpointer.has_checkpoint()
    checkpointer.complete = resumed
    if resume and not resumed:
        logger.warning("No checkpoint to resume in %s: starting from scratch", cfg.train.output_dir)
    checkpointer.resume_or_load(cfg.train.init_checkpoint, resume=resume)
    start_iter = trainer.iter + 1 if resumed else 0
    found = comm.all_gather(start_iter)
    if len(set(found)) > 1:
        raise UserError(
            f"The processes would start at different iterations, {found}: "
            f"train.output_dir={cfg.train.output_dir} must be shared by all machines."
        )
    return start_iter


def finish(
    checkpointer: Checkpointer, evaluation: Evaluation, metrics_json: Path, *, done: int
) -> None:
    """Evaluate a run that was stopped between its last iteration and its evaluation.

    Args:
        done: number of iterations it has done.
    """
    logger.info("All %d iterations are already done: evaluating", done)
    if Path(checkpointer.get_checkpoint_file()).name != FINAL:
        checkpointer.save(Path(FINAL).stem, iteration=done - 1)
    with EventStorage(done) as storage:
        storage.put_scalars(**flatten_results_dict(evaluation()), smoothing_hint=False)
        if comm.is_main_process():
            writer = JSONWriter(str(metrics_json))
            writer.write()
            writer.close()
