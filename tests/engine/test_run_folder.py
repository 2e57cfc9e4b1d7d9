import pytest

from dual_weighting.engine.run_folder import checkpoint_of_run, checkpoints_after, config_of_run
from dual_weighting.utils.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("model_0000499.pth", "model_0000999.pth", "model_final.pth", "config.yaml"):
        (tmp_path / name).touch()
    return tmp_path


def test_checkpoints_by_the_number_of_iterations_done(folder):
    files = checkpoints_after(folder, [1000, 500])
    assert [file.name for file in files] == ["model_0000999.pth", "model_0000499.pth"]
    with pytest.raises(
        UserError, match=r"no checkpoint of 700 iterations, only of these: 500, 1000"
    ):
        checkpoints_after(folder, [500, 700])


def test_final_checkpoint_and_config(folder, tmp_path):
    assert checkpoint_of_run(folder) == folder / "model_final.pth"
    assert config_of_run(folder) == str(folder / "config.yaml")
    with pytest.raises(
        UserError, match=r"no checkpoint x.pth, only model_0000499.pth, model_00009"
    ):
        checkpoint_of_run(folder, "x.pth")
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no config"):
        config_of_run(folder / "empty")


def test_a_folder_that_does_not_exist(tmp_path):
    for look in (config_of_run, checkpoint_of_run):
        with pytest.raises(UserError, match=r"The folder .*elsewhere does not exist"):
            look(tmp_path / "elsewhere")
