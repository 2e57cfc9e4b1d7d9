"""Configs that are wrong, through the command that trains: one sentence, and nothing is trained."""

import logging

import pytest
from commands.tiny_project import write_tiny_project
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.utils import logger as detectron2_logger

from dual_weighting.cli.command import argument_parser
from dual_weighting.engine.train import train_command

from .damage import outcome_of

LOGGERS = ("", "detectron2", "fvcore", "dual_weighting")
FILES = {
    "empty.py": b"",
    "syntax.py": b"model = (",
    "raises.py": b"model = 1 / 0",
    "leaves.py": b"import sys\nsys.exit(0)",
    "imports.py": b"import nowhere",
    "relative.py": b"from .nowhere import model",
    "number.py": b"model = 5\ntrain = 'x'",
    "no_model.py": b"train = dict(max_iter=5)",
    "zero.py": b"\x00",
    "latin.py": b"model = '\xe9'",
    "words.txt": b"model",
    "binary.yaml": b"\xff\xfe\x00",
    "open.yaml": b"model: {a: [",
    "list.yaml": b"- model\n- train",
    "text.yaml": b"model",
    "nothing.yaml": b"",
    "numbers.yaml": b"1: 2",
    "tag.yaml": b"model: !!python/object/apply:os.getcwd []",
    "new.yaml": b"model: !!python/object/new:pathlib.Path ['a']",
    "module.yaml": b"model: !!python/module:os",
    "unknown.yaml": b"model: !!python/name:dual_weighting.Nothing",
    "missing.yaml": b"train: {max_iter: '${nowhere.at.all}'}",
    "sections.yaml": b"{model: 1, optimizer: 2, lr_multiplier: 3, dataloader: 4, train: 5}",
    "datasets.yaml": b"datasets: [{name: a}]",
    "datasets_number.yaml": b"datasets: 7",
}
OVERRIDES = [
    "model.num_classes=two",
    "model.head=7",
    "model.head.conv_dims=5",
    "model.scheme._target_=nowhere.Scheme",
    "model.backbone=null",
    "dataloader.train.total_batch_size=0",
    "dataloader.train.num_workers=-1",
    "dataloader.train.dataset.names=nowhere",
    "train.max_iter=0",
    "train.log_period=0",
    "train.device=banana",
    "train.init_checkpoint=7",
    "train.output_dir=FILE",
    "train.checkpointer.period=0",
    "train=7",
    "model.=7",
    "=",
    "nothing=1",
]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    name = "squares_of_wrong_configs"
    root = tmp_path_factory.mktemp("configs")
    yield write_tiny_project(root, name=name, images=4)
    if name in DatasetCatalog:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@pytest.fixture(autouse=True)
def loggers():
    """A command that gets far enough writes into its log; the next test should not."""
    before = {name: list(logging.getLogger(name).handlers) for name in LOGGERS}
    yield
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers
    detectron2_logger.setup_logger.cache_clear()


def outcome(*arguments):
    return outcome_of(train_command, **vars(argument_parser().parse_args(arguments)))


@pytest.mark.parametrize("name", FILES)
def test_file(name, tmp_path):
    file = tmp_path / name
    file.write_bytes(FILES[name])
    code, sentence = outcome("--config-file", str(file))
    assert code == 1 and name in sentence


def test_no_file(tmp_path):
    assert "does not exist" in outcome("--config-file", str(tmp_path / "no.py"))[1]
    assert "is a folder" in outcome("--config-file", str(tmp_path))[1]
    assert "No config given" in outcome()[1]


@pytest.mark.parametrize("override", OVERRIDES)
def test_value(override, config, tmp_path):
    (tmp_path / "file").touch()
    override = override.replace("FILE", str(tmp_path / "file"))
    output = f"train.output_dir={tmp_path / 'output'}"
    code, _ = outcome("--config-file", str(config), output, override)
    assert code == 1
    assert not (tmp_path / "output" / "metrics.json").exists()


@pytest.mark.parametrize("name", ["amp", "checkpointer", "ddp"])
def test_settings_that_are_a_number_in_the_file(name, config, tmp_path):
    file = tmp_path / "numbers.py"
    file.write_text(f"{config.read_text()}\ntrain['{name}'] = 7\n")
    assert f"train.{name}=7 is invalid" in outcome("--config-file", str(file))[1]
