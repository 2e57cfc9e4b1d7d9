"""A training that is killed again and again, and resumed, ends like one that was left alone.

    python tests/commands/soak.py --config-file configs/Digits/dw_R_18_FPN.py --kills 20 \\
        --output output/soak

Starts tools/train_net.py, kills it at random moments, half of them while it writes a checkpoint,
and resumes it, until it has been killed so often; then lets it end and checks what it left. The
trailing key=value arguments are those of train_net.py.
"""

import argparse
import itertools
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TRAIN_NET = Path(__file__).parents[2] / "tools" / "train_net.py"
LOG_PERIOD, CHECKPOINT_PERIOD = 5, 25


def start(args: argparse.Namespace, log: Path, *, resume: bool) -> subprocess.Popen:
    command = [sys.executable, str(TRAIN_NET), "--config-file", args.config_file]
    command += ["--resume"] if resume else []
    command += [
        f"train.output_dir={args.output}",
        f"train.checkpointer.period={CHECKPOINT_PERIOD}",
        f"train.log_period={LOG_PERIOD}",
        *args.opts,
    ]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file)


def last_iteration(log: Path) -> int:
    printed = re.findall(r"\biter: (\d+)", log.read_text(errors="replace"))
    return int(printed[-1]) if printed else -1


def is_writing(folder: Path) -> bool:
    return any(folder.glob("*.partial"))


def train_with_kills(args: argparse.Namespace, max_iter: int) -> Iterator[str]:
    """Train, kill and resume; what goes wrong."""
    rng = random.Random(args.seed)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    last = max(max_iter - 2 * CHECKPOINT_PERIOD, 0)
    moments = sorted(rng.randint(0, last) for _ in range(args.kills))
    for kill, iteration in enumerate(moments):
        log = Path(f"{args.output}_{kill}.log")
        process = start(args, log, resume=kill > 0)
        while process.poll() is None and last_iteration(log) < iteration:
            time.sleep(0.02)
        writing = kill % 2 == 0
        while writing and process.poll() is None and not is_writing(args.output):
            time.sleep(0.0005)
        time.sleep(rng.uniform(0, 0.02 if writing else 2.0))
        if process.poll() is not None:
            yield f"the training ended before kill {kill}: see {log}"
            return
        process.kill()
        process.wait()
        where = "while writing" if is_writing(args.output) else "between checkpoints"
        print(f"kill {kill} after iteration {last_iteration(log)}, {where}", flush=True)
    log = Path(f"{args.output}_last.log")
    if code := start(args, log, resume=True).wait():
        yield f"the last training ended with exit code {code}: see {log}"


def metrics_faults(folder: Path, max_iter: int) -> Iterator[str]:
    """Iterations of metrics.json that are missing, doubled or not in their order."""
    lines = (folder / "metrics.json").read_text().splitlines()
    iterations = [json.loads(line)["iteration"] for line in lines]
    if any(b <= a for a, b in itertools.pairwise(iterations)):
        yield "the iterations in metrics.json do not rise"
    logged = {*range(LOG_PERIOD - 1, max_iter, LOG_PERIOD), max_iter - 1, max_iter}
    if missing := sorted(logged - set(iterations)):
        yield f"metrics.json lacks {len(missing)} iterations, the first is {missing[0]}"


def checkpoint_faults(folder: Path, max_iter: int) -> Iterator[str]:
    """Checkpoints that cannot be loaded or are not of the iteration that their name says."""
    import torch

    if is_writing(folder):
        yield "a partial checkpoint is left"
    if (folder / "last_checkpoint").read_text() != "model_final.pth":
        yield "last_checkpoint does not name model_final.pth"
    for file in sorted(folder.glob("*.pth")):
        content = torch.load(file, map_location="cpu", weights_only=True)
        if "trainer" not in content:  # model_best.pth
            continue
        iteration = content["trainer"]["iteration"]
        number = re.search(r"\d+", file.stem)
        if iteration != (int(number[0]) if number else max_iter - 1):
            yield f"{file} is of iteration {iteration}"
        states = content["trainer"]["optimizer"]["state"].values()
        if any(state.get("step", iteration + 1) != iteration + 1 for state in states):
            yield f"{file} of iteration {iteration} has seen other steps of its optimizer"


def main(args: argparse.Namespace) -> int:
    from dual_weighting.config.load import load_config

    if (args.output / "metrics.json").exists():
        print(f"{args.output} holds a run already: give a new folder")
        return 1
    max_iter = load_config(args.config_file, args.opts).train.max_iter
    faults = list(train_with_kills(args, max_iter))
    if not faults:
        faults += [
            *metrics_faults(args.output, max_iter),
            *checkpoint_faults(args.output, max_iter),
        ]
        evaluation = json.loads((args.output / "evaluation.json").read_text())
        print(f"{max_iter} steps, AP {evaluation['bbox']['AP']:.2f}")
    for fault in faults:
        print(f"FAILED: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--config-file", required=True)
    parser.add_argument("--output", required=True, type=Path, help="folder of the run; new")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("opts", nargs="*", metavar="key=value")
    sys.exit(main(parser.parse_args()))
