"""A training that is killed again and again, and resumed, ends like one that was left alone.

    python tests/commands/soak.py --config-file configs/Digits/dw_R_18_FPN.py --kills 20 \\
        --output output/soak --reference output/dw

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TRAIN_NET = Path(__file__).parents[2] / "tools" / "train_net.py"
LOG_PERIOD = 5


@dataclass(frozen=True)
class Kill:
    """When to kill: `delay` seconds after `iteration` is printed, or after the next checkpoint
    has begun to be written."""

    iteration: int
    writing: bool
    delay: float


def plan_kills(
    rng: random.Random,
    *,
    kills: int,
    last: int,
    writing_share: float = 0.5,
    delay: float = 2.0,
    writing_delay: float = 0.02,
) -> list[Kill]:
    """Kills all over the training, in their order; the iterations are 0 to `last`."""
    writing = [k < round(writing_share * kills) for k in range(kills)]
    rng.shuffle(writing)
    iterations = sorted(rng.randint(0, last) for _ in range(kills))
    return [
        Kill(iteration, w, rng.uniform(0, writing_delay if w else delay))
        for iteration, w in zip(iterations, writing, strict=True)
    ]


class Training:
    """tools/train_net.py as a process, its output in a file."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._log = log.open("ab")
        self._start = self._log.tell()
        self.process = subprocess.Popen(
            [sys.executable, str(TRAIN_NET), *arguments], stdout=self._log, stderr=self._log
        )

    def output(self) -> str:
        return Path(self._log.name).read_bytes()[self._start :].decode(errors="replace")

    def iteration(self) -> int:
        """The last iteration that was printed, -1 before the first."""
        printed = re.findall(r"\biter: (\d+)", self.output())
        return int(printed[-1]) if printed else -1

    def ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self, when: Kill, folder: Path) -> bool:
        """Wait for the moment and kill; False where the training has ended before."""
        while not self.ended() and self.iteration() < max(when.iteration, 0):
            time.sleep(0.02)
        while when.writing and not self.ended() and not partial_files(folder):
            time.sleep(0.0005)
        time.sleep(when.delay)
        if self.ended():
            return False
        self.process.kill()
        self.process.wait()
        return True


def partial_files(folder: Path) -> list[Path]:
    return list(folder.glob("*.partial"))


def soak(args: argparse.Namespace, max_iter: int) -> list[str]:
    """Train, kill and resume; what went wrong."""
    rng = random.Random(args.seed)
    last = max_iter - 2 * args.checkpoint_period
    options = ["--config-file", args.config_file]
    values = [
        f"train.output_dir={args.output}",
        f"train.checkpointer.period={args.checkpoint_period}",
        f"train.log_period={LOG_PERIOD}",
        *args.opts,
    ]
    log = Path(f"{args.output}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    killed = while_writing = 0
    for when in plan_kills(rng, kills=args.kills, last=max(last, 0)):
        resume = ["--resume"] if killed else []
        training = Training([*options, *resume, *values], log)
        if not training.kill(when, args.output):
            break
        killed += 1
        written = [f"{p.name} ({p.stat().st_size:,} bytes)" for p in partial_files(args.output)]
        while_writing += bool(written)
        what = f"while writing {', '.join(written)}" if written else "between checkpoints"
        print(f"kill {killed:2}  after iteration {training.iteration():5}  {what}", flush=True)
    training = Training([*options, *(["--resume"] if killed else []), *values], log)
    code = training.process.wait()
    print(f"{killed} kills, {while_writing} of them while a checkpoint was written; log: {log}")
    faults = []
    if code != 0:
        faults.append(f"the last training ended with exit code {code}")
    if killed < args.kills:
        faults.append(f"the training ended after {killed} of {args.kills} kills")
    if "Traceback" in log.read_text(errors="replace"):
        faults.append("there is a traceback in the log")
    return faults


def metrics_faults(rows: Sequence[dict], *, max_iter: int, log_period: int) -> Iterator[str]:
    """Iterations of metrics.json that are missing, doubled or not in their order."""
    iterations = [row["iteration"] for row in rows]
    if any(b <= a for a, b in itertools.pairwise(iterations)):
        yield "the iterations in metrics.json do not rise"
    logged = {k for k in range(max_iter) if (k + 1) % log_period == 0 or k == max_iter - 1}
    if missing := sorted((logged | {max_iter}) - set(iterations)):
        yield f"metrics.json lacks {len(missing)} iterations, the first is {missing[0]}"


def checkpoint_faults(folder: Path, *, max_iter: int) -> Iterator[str]:
    """Checkpoints that cannot be loaded or are not of the iteration that their name says."""
    import torch

    if partial_files(folder):
        yield f"{partial_files(folder)[0]} is left"
    if (folder / "last_checkpoint").read_text() != "model_final.pth":
        yield "last_checkpoint does not name model_final.pth"
    for file in sorted(folder.glob("*.pth")):
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            yield f"{file} cannot be loaded: {error}"
            continue
        number = re.fullmatch(r"model_(\d+)", file.stem)
        expected = max_iter - 1 if file.stem == "model_final" else number and int(number[1])
        if "trainer" not in content:  # model_best.pth
            continue
        if content["trainer"]["iteration"] != expected:
            yield f"{file} is of iteration {content['trainer']['iteration']}"
        states = content["trainer"]["optimizer"]["state"].values()
        steps = {int(state["step"]) for state in states if "step" in state}
        if steps - {expected + 1}:
            yield f"{file} has seen {sorted(steps)} steps of its optimizer"


def reference_faults(folder: Path, reference: Path, *, noise: float) -> Iterator[str]:
    """Where two runs of the same recipe differ by more than chance; prints their AP."""
    own, other = (rows_of(f) for f in (folder, reference))
    rates = [{row["iteration"]: row["lr"] for row in rows if "lr" in row} for rows in (own, other)]
    for iteration in sorted(rates[0].keys() & rates[1].keys()):
        if abs(rates[0][iteration] - rates[1][iteration]) > 1e-6 * abs(rates[1][iteration]):
            yield f"the learning rate of iteration {iteration} is {rates[0][iteration]}"
            break
    ap = [
        json.loads((f / "evaluation.json").read_text())["bbox"]["AP"] for f in (folder, reference)
    ]
    print(f"AP {ap[0]:.2f}, of the undisturbed run {ap[1]:.2f} ({ap[0] - ap[1]:+.2f})")
    if abs(ap[0] - ap[1]) > noise:
        yield f"the AP differs by more than {noise}"


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.json").read_text().splitlines()]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--config-file", required=True)
    parser.add_argument("--output", required=True, type=Path, help="folder of the run; new")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--checkpoint-period", type=int, default=25, metavar="STEPS")
    parser.add_argument("--reference", type=Path, help="folder of an undisturbed run")
    parser.add_argument("--noise", type=float, default=2.0, help="AP that two seeds may differ by")
    parser.add_argument("opts", nargs="*", metavar="key=value")
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    from dual_weighting.config.load import load_config

    if (args.output / "metrics.json").exists():
        print(f"{args.output} holds a run already: give a new folder")
        return 1
    max_iter = load_config(args.config_file, args.opts).train.max_iter
    faults = soak(args, max_iter)
    if not faults:
        faults += metrics_faults(rows_of(args.output), max_iter=max_iter, log_period=LOG_PERIOD)
        faults += checkpoint_faults(args.output, max_iter=max_iter)
        if args.reference is not None:
            faults += reference_faults(args.output, args.reference, noise=args.noise)
    for fault in faults:
        print(f"FAILED: {fault}")
    if not faults:
        print(f"ok: {max_iter} steps, iterations in order, all checkpoints can be loaded")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(parse_arguments()))
