"""The guide docs/add_your_own_scheme.md, followed to the letter on a data set of a few images."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scenes import batch_of, one_level_scene

from dual_weighting.data.digits.files import write_digits

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "add_your_own_scheme.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w/]+\.py)`[^`]*:?\n\n```python\n(.*?)```", GUIDE, re.DOTALL))
(COMMANDS,) = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
SHORT = "train.max_iter=8 lr_multiplier.warmup_iters=1 dataloader.train.total_batch_size=2"


def test_one_short_file_and_one_line():
    scheme, config = FILES["my_schemes/top_k.py"], FILES["configs/Digits/top_k_R_18_FPN.py"]
    assert len(FILES) == 2
    assert len(scheme.splitlines()) <= 60
    assert [line for line in config.splitlines() if line.startswith("model.")] == [
        "model.scheme = L(TopK)(k=9)"
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of configs/ and tools/ with the files of the guide, and Digits of a few images."""
    folder = tmp_path_factory.mktemp("guide")
    for name in ("configs", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    for name, code in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code, encoding="utf-8")
    write_digits(folder / "datasets" / "digits", num_train=6, num_val=2)
    return folder


@pytest.mark.slow
def test_every_command(folder):
    """The training takes eight steps; to the comparison, which would train in the same way, it is
    the one seed of the one config that is asked for."""
    export, train, visualize, compare = COMMANDS.splitlines()
    environment = dict([export.removeprefix("export ").split("=")])

    def run(line):
        python, *arguments = shlex.split(line)
        assert python == "python"
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "DETECTRON2_DATASETS": "datasets"}
            | environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert result.returncode == 0, f"{line}\n{result.stderr}"
        return result.stdout

    run(f"{train} {SHORT}")
    printed = run(visualize)
    assert "\nTopK, top_k, 8 iterations\n" in printed
    assert "\nDualWeighting, top_k, scheme of dw_R_18_FPN, 8 iterations\n" in printed
    assert list((folder / "output" / "assignment").glob("digits_val_1_gt*.png"))

    run_of_seed = folder / "output" / "compare" / "top_k_R_18_FPN" / "seed_1"
    run_of_seed.parent.mkdir(parents=True)
    run_of_seed.symlink_to(folder / "output" / "top_k")
    assert "configs/Digits/top_k_R_18_FPN.py --seeds 1 2 3" in compare
    shorter = compare.replace("configs/Digits/dw_R_18_FPN.py ", "").replace("1 2 3", "1")
    assert "| top_k_R_18_FPN |" in run(f"{shorter} --jobs 1 {SHORT}")


def test_scheme_by_hand(monkeypatch, tmp_path):
    """Four points and two equal ground truths around all of them: IoU 1, 1/2, 1/4 and 1/4.

    With k = 2, each wants the points 0 and 1, and the first of them has both.
    """
    (tmp_path / "top_k.py").write_text(FILES["my_schemes/top_k.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    scheme = importlib.import_module("top_k").TopK(k=2)
    distances = [[4.0, 4, 12, 12], [12.0, 4, 4, 4], [4.0, 4, 4, 4], [4.0, 4, 4, 4]]
    box = [0.0, 0, 16, 16]
    assignment = scheme(batch_of(one_level_scene(distances, [box, box], [0, 1])))
    assert assignment.point.tolist() == [0, 1, 2, 3] * 2
    assert assignment.gt.tolist() == [0] * 4 + [1] * 4
    assert assignment.positive.tolist() == pytest.approx([1, 0.5, 0, 0] + [0] * 4)
    assert assignment.negative.tolist() == pytest.approx([0, 0.5, 1, 1] + [1] * 4)
    assert torch.equal(assignment.box, assignment.positive)

    empty = one_level_scene(distances, [box], [0]) | {
        "gt_boxes": [torch.zeros(0, 4)],
        "gt_classes": [torch.zeros(0, dtype=torch.long)],
    }
    assert len(scheme(batch_of(empty)).point) == 0
