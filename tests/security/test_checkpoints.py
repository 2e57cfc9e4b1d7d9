"""Code in a checkpoint is not run by anything that loads one, but for one flag of one command."""

import pickle
import re
import zipfile
from pathlib import Path

import pytest
import torch
from commands.tiny_project import write_tiny_project
from detectron2.data import DatasetCatalog, MetadataCatalog
from fuzz.damage import outcome_of

import dual_weighting
from dual_weighting import Predictor
from dual_weighting.checkpoint import Checkpointer
from dual_weighting.cli.command import argument_parser
from dual_weighting.cli.convert_checkpoint import convert_command
from dual_weighting.config.load import load_config
from dual_weighting.engine.train import train_command
from dual_weighting.utils.errors import UserError


class Touches:
    """Makes the file `mark` when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    name = "squares_of_checkpoints_with_code"
    yield write_tiny_project(tmp_path_factory.mktemp("code"), name=name, images=2)
    if name in DatasetCatalog:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@pytest.fixture
def mark(tmp_path):
    """A file that is there when code was run."""
    mark = tmp_path / "mark"
    yield mark
    assert not mark.exists()


def zipped(content, file):
    torch.save(content, file)


def legacy(content, file):
    torch.save(content, file, _use_new_zipfile_serialization=False)


def pickled(content, file):
    file.write_bytes(pickle.dumps(content))


def write(mark, file, save=zipped):
    weights = {"conv1.weight": torch.zeros(1)}
    save({"model": weights, "__author__": "nobody", "more": Touches(mark)}, file)
    return str(file)


def train(*arguments):
    return outcome_of(train_command, **vars(argument_parser().parse_args([*map(str, arguments)])))


def as_init_checkpoint(config, file, root):
    return train("--config-file", config, f"train.init_checkpoint={file}",
                 f"train.output_dir={root / 'out'}")  # fmt: skip


def as_last_checkpoint(config, file, root):
    (root / "last_checkpoint").write_text(file)
    return train("--config-file", config, "--resume", f"train.output_dir={root}")


def in_predictor(config, file, root):
    with pytest.raises(UserError) as caught:
        Predictor(load_config(str(config)), file, device="cpu")
    return 1, str(caught.value)


def in_conversion(config, file, root):
    return outcome_of(
        convert_command, source=file, dest=str(root / "b.pth"), trust=False, config_file=None
    )


WAYS = (as_init_checkpoint, as_last_checkpoint, in_predictor, in_conversion)


def test_nothing_else_reads_pickles():
    files = Path(dual_weighting.__file__).parent.rglob("*.py")
    calls = [
        (file.name, call)
        for file in files
        for call in re.findall(r"torch\.load\(.*|pickle\.\w*[lL]oad.*", file.read_text())
    ]
    assert sorted(name for name, _ in calls) == ["checkpointer.py", "conversion.py"]
    assert all(re.search("weights_only=(True|not trust)", call) for _, call in calls)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_code_is_not_run(way, config, mark, tmp_path):
    file = write(mark, tmp_path / "code.pth")
    code, sentence = way(config, file, tmp_path)
    assert code == 1
    assert "code.pth is refused because it contains more than weights" in sentence
    assert ("add --trust" in sentence) == (way is in_conversion)


@pytest.mark.parametrize(
    ("name", "save"),
    [("old.pth", legacy), ("plain.pth", pickled), ("zoo.pkl", pickled), ("zip.pkl", zipped)],
)
def test_other_kinds_of_files(name, save, config, mark, tmp_path):
    file = write(mark, tmp_path / name, save)
    for way in (in_predictor, in_conversion):
        code, sentence = way(config, file, tmp_path)
        assert code == 1 and name in sentence


def test_the_one_way(config, tmp_path):
    """With --trust, and it is said in the help."""
    mark = tmp_path / "mark"
    file = write(mark, tmp_path / "code.pth")
    code, _ = outcome_of(
        convert_command, source=file, dest=str(tmp_path / "b.pth"), trust=True, config_file=None
    )
    assert mark.exists() and code == 1  # run, and no weights of a release


def test_a_small_file_of_much(tmp_path):
    """A hundred million zeros in a file of 100 kB are refused before they are in the memory."""
    plain, packed = tmp_path / "plain.pth", tmp_path / "packed.pth"
    torch.save({"model": {"weight": torch.zeros(25_000_000)}}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w") as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part), zipfile.ZIP_DEFLATED)
    checkpointer = Checkpointer(torch.nn.Linear(1, 1))
    with pytest.raises(UserError, match=r"packed.pth is refused: its [\d,]+ bytes would unpack to"):
        checkpointer.load(str(packed))
