import builtins

import pytest
from detectron2.config import LazyConfig
from omegaconf import OmegaConf

from dual_weighting import model_zoo
from dual_weighting.config.load import check_sections, find_config, load_config
from dual_weighting.config.overrides import apply_overrides
from dual_weighting.utils.errors import UserError

CONFIG = """
from detectron2.config import LazyCall as L
from torch.nn import Conv2d, Linear

def everything(a, **kwargs):
    return a

model = L(Linear)(in_features=2, out_features=3)
nested = L(everything)(a=dict(b=1, list=[dict(c=2)]))
same = dict(model="${model}", lr="${train.lr}")
train = dict(max_iter=10, lr=0.1, init="")
"""


@pytest.fixture
def config_file(tmp_path):
    file = tmp_path / "config.py"
    file.write_text(CONFIG)
    return str(file)


def sentence_of(*args):
    with pytest.raises(UserError) as error:
        load_config(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_names_of_the_model_zoo_where_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "Digits/dw_R_18_FPN.py"
    assert find_config(name) == find_config(f"configs/{name}") == model_zoo.get_config_file(name)
    (tmp_path / "Digits").mkdir()
    (tmp_path / name).write_text(CONFIG)
    assert load_config(name).train.max_iter == 10
    for missing in ("Digits/dw.py", "x" * 300, "a\0b"):
        assert "does not exist" in sentence_of(missing)


def test_overrides_that_are_known(config_file):
    cfg = load_config(
        config_file,
        [
            "train.max_iter=5",
            "train.init=torchvision://resnet50",
            "model.bias=False",  # not in the config, but a parameter of Linear
            "nested.a.list.0.c=7",
            "nested.a={b: 3}",
        ],
    )
    assert (cfg.train.max_iter, cfg.train.lr) == (5, 0.1)
    assert cfg.train.init == "torchvision://resnet50" and cfg.model.bias is False
    assert OmegaConf.to_container(cfg.nested.a) == {"b": 3, "list": [{"c": 7}]}
    assert load_config(config_file, ["train.init="]).train.init == ""
    assert load_config(config_file, ["train.init=null"]).train.init is None


@pytest.mark.parametrize(
    ("override", "closest"),
    [
        ("train.max_itr=5", "train.max_iter"),
        ("trian.max_iter=5", "train.max_iter"),
        ("max_iter=5", "train.max_iter"),
        ("model.in_feature=5", "model.in_features"),
        ("model.biass=False", "model.bias"),
        ("nested.aa=5", "nested.a"),  # only the **kwargs of the callable would take it
        ("nested.a={bb: 3}", "nested.a.b"),
        ("nested.a.list.1.c=5", "nested.a.list"),
        ("train.max_iter.x=5", "train.max_iter"),
    ],
)
def test_unknown_keys(config_file, override, closest):
    cfg = load_config(config_file)
    before = str(cfg)
    with pytest.raises(UserError, match=rf"no key .* closest is '{closest}"):
        apply_overrides(cfg, [override])
    assert str(cfg) == before


@pytest.mark.parametrize(
    "override", ["train.max_iter", "~train.max_iter", "+train.new=1", "=3", "train.lr=[1", "a b"]
)
def test_malformed_overrides(config_file, override):
    assert "is not of the form key=value" in sentence_of(config_file, [override])


ODD_FOLDERS = [
    "My runs (2)/o", "a,b", "a=b", "it's", "x${y}/o", "${", "100%", "a#b", "[old]", "{k}", "2024",
    "null/o", "~x", "c:d", "Übung №1",
]  # fmt: skip


@pytest.mark.parametrize("folder", ODD_FOLDERS)
def test_paths_are_taken_as_they_stand(folder, tmp_path):
    cfg = OmegaConf.create({"train": {"output_dir": "output", "max_iter": 5}})
    apply_overrides(cfg, [f"train.output_dir={folder}"])
    assert cfg.train.output_dir == folder
    LazyConfig.save(cfg, str(tmp_path / "config.yaml"))
    assert load_config(str(tmp_path / "config.yaml")).train.output_dir == folder


def test_paths_in_quotes_and_with_interpolations():
    cfg = OmegaConf.create({"train": {"output_dir": "output", "max_iter": 5}, "words": "x"})
    apply_overrides(cfg, ["train.output_dir=run/${train.max_iter}", "words=a b (2)"])
    assert cfg.train.output_dir == "run/5" and cfg.words == "a b (2)"
    apply_overrides(cfg, ["train.output_dir='a b'", "words=[p, q]"])
    assert cfg.train.output_dir == "a b" and cfg.words == ["p", "q"]


def test_option_among_the_overrides(config_file):
    assert "must come before" in sentence_of(config_file, ["train.lr=1", "--debug"])


def test_files_that_cannot_be_loaded(tmp_path):
    assert "--config-file" in sentence_of("")
    assert "nowhere.py does not exist" in sentence_of("nowhere.py")
    for content, expected in {
        "x = 1\nmodel = {\n": ", line 2, fails with SyntaxError",
        "x = 1\ny = z\n": ", line 2, fails with NameError: name 'z' is not defined",
        "from .absent import model\n": ", line 1, fails with ImportError",
        "train = dict(lr='${optimizer.lr}')\n": "cannot be resolved",
    }.items():
        file = tmp_path / "broken.py"
        file.write_text(content)
        message = sentence_of(str(file))
        assert str(file) in message and expected in message


def test_error_in_an_imported_config_names_that_file(tmp_path):
    (tmp_path / "base.py").write_text("\n\n1 / 0\n")
    (tmp_path / "config.py").write_text("from .base import model\n")
    original = builtins.__import__
    message = sentence_of(str(tmp_path / "config.py"))
    assert f"{tmp_path / 'base.py'}, line 3, fails with ZeroDivisionError" in message
    assert builtins.__import__ is original


def test_sections(config_file):
    with pytest.raises(UserError, match="does not define optimizer, lr_multiplier, dataloader: a"):
        check_sections(load_config(config_file), config_file)
