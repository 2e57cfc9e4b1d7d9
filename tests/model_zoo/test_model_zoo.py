import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from detectron2.config import instantiate

import dual_weighting
from dual_weighting import model_zoo
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.cli.__main__ import COMMANDS, main
from dual_weighting.utils.errors import UserError

REPOSITORY = Path(__file__).parents[2]
DIGITS = "Digits/dw_R_18_FPN.py"


def test_names():
    names = model_zoo.config_names()
    assert DIGITS in names and "COCO-Detection/dw_R_50_FPN_1x.py" in names
    assert not [name for name in names if "common" in name]


def test_config():
    cfg = dual_weighting.model_zoo.get_config(DIGITS)
    assert cfg.model.num_classes == 10
    assert Path(model_zoo.get_config_file(DIGITS)).resolve() == REPOSITORY / "configs" / DIGITS


def test_unknown_name():
    with pytest.raises(UserError, match="There is no config Digits/dw_R_18: the closest are Digi"):
        model_zoo.get_config("Digits/dw_R_18")


def test_model_with_trained_weights(tmp_path):
    torch.manual_seed(1)
    trained = instantiate(model_zoo.get_config(DIGITS).model)
    Checkpointer(trained, str(tmp_path)).save("model")
    model = model_zoo.get_model(DIGITS, trained=tmp_path / "model.pth", device="cpu")
    assert torch.equal(model.head.cls_logits.weight, trained.head.cls_logits.weight)
    assert model.training


def test_model_that_starts_as_a_training_does():
    torch.manual_seed(1)
    model = model_zoo.get_model(DIGITS, device="cpu")
    torch.manual_seed(1)
    expected = instantiate(model_zoo.get_config(DIGITS).model)
    assert torch.equal(model.head.cls_logits.weight, expected.head.cls_logits.weight)


def test_weights_that_do_not_fit(tmp_path):
    torch.save({"model": {"head.box_scales": torch.ones(3)}}, tmp_path / "model.pth")
    with pytest.raises(UserError, match="lacks"):
        model_zoo.get_model(DIGITS, trained=tmp_path / "model.pth", device="cpu")
    with pytest.raises(UserError, match="pass the path of a checkpoint"):
        model_zoo.get_model(DIGITS, trained=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Runs Python with this package from a wheel only, in a folder outside of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    copy_sources(folder / "sources")
    subprocess.run(
        [*pip, "wheel", *offline, str(folder / "sources"), "--wheel-dir", str(folder)], check=True
    )
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", *offline, str(wheel), "--target", str(site)], check=True)
    command = str(site / "bin" / "dual-weighting")

    def run(*arguments):
        arguments = [command if text == "dual-weighting" else text for text in arguments]
        result = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    run.site = site
    return run


@pytest.mark.slow
def test_a_wheel_has_all_configs(installed):
    code = (
        "import dual_weighting, sys; from dual_weighting import model_zoo\n"
        "assert dual_weighting.__file__.startswith(sys.argv[1]), dual_weighting.__file__\n"
        "cfg = model_zoo.get_config('COCO-Detection/dw_refine_R_50_FPN_ms_2x.py')\n"
        "print(cfg.train.max_iter, *model_zoo.config_names())"
    )
    printed = installed("-c", code, str(installed.site))
    assert printed.split() == ["175899", *model_zoo.config_names()]
    assert (installed.site / "dual_weighting" / "py.typed").is_file()


@pytest.mark.slow
def test_the_console_command_works_from_a_wheel(installed):
    """A data set, and a training of a config by name."""
    printed = installed("dual-weighting", "--help")
    for name in COMMANDS:
        assert f"\n  {name} " in printed
    installed("dual-weighting", "prepare-digits", "--num-train", "4", "--num-val", "2")
    options = ("dataloader.train.total_batch_size=2", "lr_multiplier.warmup_iters=0")
    printed = installed(
        *("dual-weighting", "train", "--config-file", "Digits/dw_R_18_FPN.py"),
        *(*options, "train.max_iter=2", "train.device=cpu", "train.output_dir=run"),
    )
    assert "copypaste: AP" in printed and "run/report.html" in printed


def test_a_command_that_does_not_exist(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dual-weighting", "trian"])
    with pytest.raises(SystemExit, match="no command trian; use one of train, check-data"):
        main()


@pytest.mark.parametrize(
    ("module", "name"),
    [("cv2", r"OpenCV \(opencv-python or opencv-python-headless\)"), ("torch", "torch")],
)
def test_what_is_left_to_the_user_is_named(module, name, monkeypatch):
    def import_module(*args, **kwargs):
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr(sys, "argv", ["dual-weighting", "demo"])
    monkeypatch.setattr("dual_weighting.cli.__main__.import_module", import_module)
    with pytest.raises(SystemExit, match=f"^Error: {name} is not installed"):
        main()


def copy_sources(folder):
    """What a wheel is built from, so that nothing is written into the repository."""
    import shutil

    folder.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)
    for name in ("projects", "configs", "tools"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(REPOSITORY / name, folder / name, symlinks=True, ignore=ignore)
