"""What stands in the folder of a run is read, and not run, by those who look at the run."""

import pytest
import yaml
from fuzz.damage import outcome_of
from omegaconf import OmegaConf

from dual_weighting.config.load import load_config, load_yaml_config
from dual_weighting.utils.errors import UserError

TAGS = (
    "!!python/object/apply:builtins.open ['MARK', 'w']",
    "!!python/object/new:builtins.open ['MARK', 'w']",
    "!!python/object/apply:os.system ['touch MARK']",
    "!!python/object:pathlib.Path {}",
    "!!python/module:antigravity",
    "!!python/name:nowhere.at.all",
)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.split(" ")[0])
def test_tags_of_yaml_are_not_run(tag, tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "config.yaml"
    file.write_text(f"model: {tag.replace('MARK', str(mark))}\n")
    with pytest.raises(UserError, match=r"config.yaml fails with "):
        load_config(str(file))
    assert not mark.exists()


def test_tags_that_configs_have(tmp_path):
    """Classes by their names, and tuples, as Detectron2 writes them."""
    from detectron2.modeling.backbone.resnet import BasicBlock

    file = tmp_path / "config.yaml"
    file.write_text(yaml.dump({"model": {"block": BasicBlock, "sizes": (1, 2)}}))
    cfg = load_yaml_config(str(file))
    assert cfg.model.block is BasicBlock and list(cfg.model.sizes) == [1, 2]


LAUGHS = "model: &a0 [1, 2]\n" + "".join(
    f"train{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "is refused: with its aliases .* more than 100,000 values"),
        ("model: &a [*a]\n", "is refused: with its aliases"),
        ("model: {}\ntrain: 1\ntrain: 2\n", "the key train is there twice"),
    ],
)
def test_aliases_and_keys(text, message, tmp_path):
    """Ten to the eleventh values in a few lines; a list inside itself; a key twice."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        load_config(str(file))


def test_a_report_builds_nothing(tmp_path):
    """`_target_` calls what it names when a model is built, which a report never does."""
    from dual_weighting.cli.report import report_command

    mark = tmp_path / "mark"
    call = {"_target_": "builtins.open", "file": str(mark), "mode": "w"}
    names = ("model", "optimizer", "lr_multiplier", "dataloader", "train")
    cfg = {name: dict(call) for name in names}
    cfg["dataloader"] = {"train": dict(call), "test": dict(call), "evaluator": dict(call)}
    OmegaConf.save(OmegaConf.create(cfg), tmp_path / "config.yaml")
    code, _ = outcome_of(report_command, runs=[str(tmp_path)], output=None)
    assert code == 0 and not mark.exists()
    assert "not trained in this folder" in (tmp_path / "report.html").read_text()
