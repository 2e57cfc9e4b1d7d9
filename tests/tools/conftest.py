from pathlib import Path

import pytest
from commands.run import command
from commands.tiny_project import write_tiny_project


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory) -> Path:
    return write_tiny_project(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def trained(tiny_config, tmp_path_factory):
    """The output folder of a training of 40 iterations, by two processes, and what is printed."""
    output = tmp_path_factory.mktemp("trained") / "output"
    result = command("--config-file", tiny_config, "--num-gpus", 2, f"train.output_dir={output}")
    assert result.returncode == 0, result.stderr
    return output, result
