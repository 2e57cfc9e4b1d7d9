"""Training and evaluating a detector as a LazyConfig says."""

import argparse
import logging
import os
from pathlib import Path

import torch
from detectron2.config import instantiate
from detectron2.engine import create_ddp_model, default_writers, hooks
from detectron2.engine.train_loop import SimpleTrainer
from detectron2.evaluation.testing import flatten_results_dict
from detectron2.utils import comm
from detectron2.utils.events import EventStorage, JSONWriter
from omegaconf import DictConfig
from torch import nn

from dual_weighting.checkpoint import Checkpointer
from dual_weighting.checkpoint.backbone_weights import is_backbone_address
from dual_weighting.engine.config import check_sections
from dual_weighting.engine.console import setup_run
from dual_weighting.engine.device import (
    choose_device,
    describe_device,
    prepare_processes,
    share_threads,
)
from dual_weighting.engine.evaluation import Evaluation, after_evaluation, evaluator_override
from dual_weighting.engine.finite_loss import FiniteLossAMPTrainer, FiniteLossTrainer
from dual_weighting.engine.freed_memory import keep_freed_memory
from dual_weighting.engine.hooks import EvalHook, PeakMemoryHook, TrainingProgressHook
from dual_weighting.engine.metrics_file import cut_metrics, put_aside
from dual_weighting.engine.own_data import config_of_command
from dual_weighting.engine.processes import launch_processes
from dual_weighting.errors import UserError

logger = logging.getLogger(__name__)


def train_command(args: argparse.Namespace) -> None:
    """Check the command line `args`, then train or evaluate in as many processes as it says."""
    cfg, _ = config_of_command(args)
    check_sections(cfg, args.config_file)
    args.opts = [*args.opts, *evaluator_override(cfg, getattr(args, "evaluator", None))]
    device = choose_device(cfg.train.device)
    prepare_processes(device, num_processes=args.num_gpus)
    if cfg.train.amp.enabled and device.type == "cpu":
        raise UserError("train.amp.enabled=True needs a GPU: use train.amp.enabled=False.")
    launch_processes(run, args)


def run(args: argparse.Namespace) -> None:
    """Train or evaluate, in one of the processes of the command."""
    cfg, own_data = config_of_command(args)
    share_threads(num_processes=comm.get_local_size())
    device = choose_device(cfg.train.device)
    if device.type == "cpu":
        keep_freed_memory()
    setup_run(cfg, args)
    logger.info(describe_device(device, num_processes=comm.get_world_size()))
    if own_data:
        logger.info(own_data)
    model = instantiate(cfg.model).to(device, memory_format=torch.channels_last)
    if args.eval_only:
        evaluate(cfg, model, resume=args.resume)
    else:
        train(cfg, model, resume=args.resume)


def evaluate(cfg: DictConfig, model: nn.Module, *, resume: bool = False) -> dict:
    """Evaluate the checkpoint `cfg.train.init_checkpoint`, or with `resume` the run's last one."""
    checkpointer = Checkpointer(model, cfg.train.output_dir, complete=True)
    start = cfg.train.init_checkpoint
    if not (resume and checkpointer.has_checkpoint()) and (not start or is_backbone_address(start)):
        raise UserError(
            "--eval-only needs the checkpoint of a trained detector, "
            f"for example train.init_checkpoint={Path(cfg.train.output_dir, 'model_final.pth')}."
        )
    checkpointer.resume_or_load(start, resume=resume)
    results = Evaluation(cfg, model)()
    after_evaluation(cfg, cfg.train.output_dir)
    return results


def train(cfg: DictConfig, model: nn.Module, *, resume: bool = False) -> None:
    """Train `model` up to `cfg.train.max_iter`, from the last checkpoint when `resume` is set."""
    prepare_output(cfg.train.output_dir, resume=resume)
    evaluation = Evaluation(cfg, model)
    trainer = build_trainer(cfg, model)
    checkpointer = Checkpointer(model, cfg.train.output_dir, trainer=trainer)
    checkpointer.remove_partial_files()
    start_iter = resume_or_load(cfg, checkpointer, trainer, resume=resume)
    metrics_json = Path(cfg.train.output_dir, "metrics.json")
    if comm.is_main_process():
        cut_metrics(metrics_json, start_iter=start_iter)
    if start_iter >= cfg.train.max_iter:
        finish(cfg, checkpointer, evaluation, metrics_json)
    else:
        trainer.register_hooks(build_hooks(cfg, model, checkpointer, evaluation))
        trainer.train(start_iter, cfg.train.max_iter)
    after_evaluation(cfg, cfg.train.output_dir)


def prepare_output(output_dir: str, *, resume: bool) -> None:
    """Put aside what an earlier run left in `output_dir`, unless it is to be resumed."""
    if comm.is_main_process() and not resume:
        names = ("last_checkpoint", "metrics.json")
        moved = [f"{name}.bak" for name in names if put_aside(os.path.join(output_dir, name))]
        if moved:
            logger.warning(
                "Starting over in %s, which holds an earlier run (--resume would continue it): "
                "its checkpoints will be overwritten, of the rest %s stays",
                output_dir,
                " and ".join(moved),
            )
    comm.synchronize()


def build_trainer(cfg: DictConfig, model: nn.Module) -> SimpleTrainer:
    """The trainer of `model` with its optimizer and data, as `cfg` says."""
    batch = cfg.dataloader.train.get("total_batch_size", 0)
    if batch % comm.get_world_size():
        raise UserError(
            f"dataloader.train.total_batch_size={batch} cannot be divided "
            f"among {comm.get_world_size()} processes."
        )
    cfg.optimizer.params.model = model
    optimizer = instantiate(cfg.optimizer)
    loader = instantiate(cfg.dataloader.train)
    ddp = dict(cfg.train.ddp)
    if next(model.parameters()).device.type == "cpu":
        ddp["device_ids"] = None
    trainer_class = FiniteLossAMPTrainer if cfg.train.amp.enabled else FiniteLossTrainer
    return trainer_class(create_ddp_model(model, **ddp), loader, optimizer)


def resume_or_load(
    cfg: DictConfig, checkpointer: Checkpointer, trainer: SimpleTrainer, *, resume: bool
) -> int:
    """Load the last checkpoint or the initial weights; the iteration to start with."""
    resumed = resume and checkpointer.has_checkpoint()
    if resume and not resumed:
        logger.warning("No checkpoint to resume in %s: starting anew", cfg.train.output_dir)
    checkpointer.resume_or_load(cfg.train.init_checkpoint, resume=resume)
    return trainer.iter + 1 if resumed else 0


def build_hooks(
    cfg: DictConfig, model: nn.Module, checkpointer: Checkpointer, evaluation: Evaluation
) -> list:
    """What runs around the training steps; the evaluation comes after the last checkpoint."""
    try:
        schedule = instantiate(cfg.lr_multiplier)
    except ValueError as error:
        raise UserError(f"The learning rate schedule is impossible: {error}.") from error
    main = comm.is_main_process()
    return [
        hooks.IterationTimer(),
        TrainingProgressHook(model),
        PeakMemoryHook(next(model.parameters()).device),
        hooks.LRScheduler(scheduler=schedule),
        hooks.PeriodicCheckpointer(checkpointer, **cfg.train.checkpointer) if main else None,
        EvalHook(cfg.train.eval_period, evaluation),
        hooks.PeriodicWriter(
            default_writers(cfg.train.output_dir, cfg.train.max_iter), period=cfg.train.log_period
        )
        if main
        else None,
    ]


def finish(
    cfg: DictConfig, checkpointer: Checkpointer, evaluation: Evaluation, metrics_json: Path
) -> None:
    """Evaluate a run that was ended between its last iteration and its evaluation."""
    logger.info("All %d iterations are done already: evaluating", cfg.train.max_iter)
    if not Path(cfg.train.output_dir, "model_final.pth").is_file():
        checkpointer.save("model_final", iteration=cfg.train.max_iter - 1)
    with EventStorage(cfg.train.max_iter) as storage:
        storage.put_scalars(**flatten_results_dict(evaluation()), smoothing_hint=False)
        if comm.is_main_process():
            writer = JSONWriter(str(metrics_json))
            writer.write()
            writer.close()
