"""Logging of a run: everything to log.txt, the essentials to the console."""

import argparse
import logging
import sys

from detectron2.engine import default_setup
from detectron2.utils import comm
from detectron2.utils.logger import setup_logger
from omegaconf import DictConfig

from dual_weighting.utils.errors import printable_output

# Detectron2's verbose loggers, of which only warnings reach the console.
CHATTY = (
    "detectron2.checkpoint.detection_checkpoint",
    "detectron2.data.common",
    "detectron2.data.dataset_mapper",
)


def setup_run(cfg: DictConfig, args: argparse.Namespace) -> None:
    """Detectron2's `default_setup` (log, seed, config.yaml in the output folder), but quieter.

    The environment, the full config and tracebacks go to log.txt only; the command prints errors
    for the user when it exits.
    """
    printable_output()  # in every process
    output_dir, rank = cfg.train.output_dir, comm.get_rank()
    # The same calls as in default_setup: setup_logger caches them and adds no second handler.
    loggers = [
        setup_logger(output_dir, distributed_rank=rank, name="fvcore"),
        setup_logger(output_dir, distributed_rank=rank),
        setup_logger(output_dir, distributed_rank=rank, name="dual_weighting", abbrev_name="dw"),
    ]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    consoles = [handler for handler in handlers if getattr(handler, "stream", None) is sys.stdout]
    for console in consoles:
        console.addFilter(_belongs_on_console)
        console.setLevel(logging.WARNING)
    default_setup(cfg, args)
    for console in consoles:
        console.setLevel(logging.INFO)


def _belongs_on_console(record: logging.LogRecord) -> bool:
    chatter = record.name in CHATTY and record.levelno < logging.WARNING
    return not record.exc_info and not chatter
