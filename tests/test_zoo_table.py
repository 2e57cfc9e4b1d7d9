"""configs/README.md has a row for each config, and its numbers are those of the models."""

import re

import pytest
import torch
from all_configs import load
from detectron2.config import instantiate

from dual_weighting import model_zoo
from dual_weighting.cli.model_complexity import complexity

TABLE = (model_zoo.model_zoo.CONFIGS / "README.md").read_text()
ROW = re.compile(r"^\| \[([^]]*)\]\(([^)]*)\) \|.*\| ([\d.]+) M \| ([\d.]+) \|$", re.MULTILINE)
ROWS = {file: (text, parameters, flops) for text, file, parameters, flops in ROW.findall(TABLE)}


def test_a_row_for_each_config():
    assert sorted(file for _, file, *_ in ROW.findall(TABLE)) == model_zoo.config_names()
    assert all(file.endswith(f"{text}.py") for file, (text, *_) in ROWS.items())


@pytest.mark.parametrize("file", ROWS)
def test_parameters(file):
    with torch.device("meta"):
        model = instantiate(load(file).model)
    assert ROWS[file][1] == f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}"


@pytest.mark.parametrize("file", ["Digits/dw_refine_R_18_FPN.py", "Digits/o2f_R_18_FPN.py"])
def test_operations(file):
    _, flops = complexity(load(file).model, (160, 160))
    assert float(ROWS[file][2]) == pytest.approx(flops / 1e9, rel=0.005)
