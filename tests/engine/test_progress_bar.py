"""The bar of a training, on a screen of the tests and on a real pseudo-terminal."""

import io
import logging
import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout

import pytest
from commands.run import TRAIN_NET
from commands.tiny_project import write_tiny_project
from detectron2.utils.events import EventStorage
from slope import Slope, trainer_of

from dual_weighting.engine.progress_bar import (
    PLAIN_LINES,
    ProgressBar,
    console_handlers,
    losses_line,
    on_terminal,
    pace_line,
)
from dual_weighting.utils.errors import UserError


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_only_a_terminal_that_moves_its_cursor_is_one(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert on_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert not on_terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not on_terminal()


def test_pace():
    storage = EventStorage()
    assert pace_line(storage, left=90) == ""
    storage.put_scalar("time", 0.25)
    assert pace_line(storage, left=90) == "4.0 it/s  eta 0:00:22"
    storage = EventStorage()
    storage.put_scalar("time", 2.0)
    assert pace_line(storage, left=1800) == "2.0 s/it  eta 1:00:00"


def test_losses():
    storage = EventStorage()
    storage.put_scalars(total_loss=3.0, loss_cls=2.0, loss_loc=1.0, val_total_loss=4.0, grad_norm=9)
    storage.put_scalar("lr", 0.01, smoothing_hint=False)
    assert losses_line(storage) == "total_loss 3  loss_cls 2  loss_loc 1  lr 0.01"


@contextmanager
def screen():
    """A terminal that the loggers of "training" and of Detectron2's plain lines write to."""
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    loggers = [logging.getLogger(name) for name in ("training", PLAIN_LINES)]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        with redirect_stdout(terminal):
            yield terminal
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@pytest.mark.parametrize("bad", [-1, 2])
def test_bar_takes_the_place_of_the_plain_lines_and_gives_it_back(monkeypatch, bad):
    """Also where the training fails."""
    monkeypatch.setenv("TERM", "xterm")
    model = Slope(bad=bad)
    trainer = trainer_of(model)
    trainer.register_hooks([ProgressBar()])
    say = model.forward

    def forward(batch):
        for name in (PLAIN_LINES, "training"):
            logging.getLogger(name).info("line of %s", name)
        return say(batch)

    model.forward = forward
    with screen() as terminal:
        handlers = console_handlers(terminal)
        with nullcontext() if bad < 0 else pytest.raises(UserError):
            trainer.train(0, 4)
        assert console_handlers(terminal) == handlers and sys.stdout is terminal
        text = terminal.getvalue()
        logging.getLogger(PLAIN_LINES).info("afterwards")
    assert ("4/4" in text) == (bad < 0) and "total_loss" in text
    assert "line of training" in text and f"line of {PLAIN_LINES}" not in text
    assert "afterwards" in terminal.getvalue()


@pytest.mark.slow
def test_on_a_pseudo_terminal(tmp_path):
    """tools/train_net.py draws the bar there, and writes the plain lines to log.txt only."""
    config = write_tiny_project(tmp_path, name="tiny_on_terminal")
    controller, terminal = os.openpty()
    options = ("--config-file", str(config), "train.max_iter=8", f"train.output_dir={tmp_path}/out")
    process = subprocess.Popen(
        [sys.executable, str(TRAIN_NET), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "120"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while True:
        try:
            seen += os.read(controller, 65536)
        except OSError:  # the other end has closed it
            break
    assert process.wait() == 0, seen.decode()
    assert b"8/8" in seen and b"Evaluation results for bbox" in seen
    assert b"eta: " not in seen
    assert "eta: " in (tmp_path / "out" / "log.txt").read_text()
