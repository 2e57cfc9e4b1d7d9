import argparse
import io
import pickle

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from dual_weighting.cli.command import argument_parser, run_command
from dual_weighting.utils.device import check_gpus, choose_device, describe_device
from dual_weighting.utils.errors import UserError, printable_output, sentence


class Broken(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int):
        raise UserError("The file data/1.png: is missing, put it there.")


def run(error: Exception | None, *, debug: bool = False) -> None:
    def main(args):
        if error is not None:
            raise error

    run_command(main, argparse.Namespace(debug=debug))


def test_user_error(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(UserError("Do this."))
    assert stopped.value.code == 1
    assert capsys.readouterr() == ("", "Error: Do this.\n")


def test_user_error_in_debug_mode_keeps_its_traceback():
    with pytest.raises(UserError):
        run(UserError("Do this."), debug=True)


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


def test_interruption(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(KeyboardInterrupt())
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_sentence_of_an_error_in_a_worker():
    with pytest.raises(UserError) as error:
        next(iter(DataLoader(Broken(), num_workers=1)))
    assert "Traceback" in str(error.value)
    assert sentence(error.value) == "The file data/1.png: is missing, put it there."
    assert sentence(pickle.loads(pickle.dumps(error.value))) == sentence(error.value)


def test_parser():
    args = argument_parser().parse_args(["--config-file", "a.py", "--debug", "x=1", "y.z=2"])
    assert args.opts == ["x=1", "y.z=2"] and args.debug and not args.resume
    assert (args.config_file, args.num_gpus, args.dist_url) == ("a.py", 1, "auto")


def test_devices_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="needs a GPU"):
        choose_device("cuda")
    with pytest.raises(UserError, match="device=banana is not a device"):
        choose_device("banana")
    line = describe_device(torch.device("cpu"), num_processes=2)
    assert line.startswith("Running on cpu, ") and line.endswith(" per process, 2 processes")


def test_devices_with_two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert choose_device("auto") == torch.device("cuda", 0)
    with pytest.raises(UserError, match="cuda:2 does not exist, torch sees 2 GPU"):
        choose_device("cuda:2")
    check_gpus(torch.device("cuda", 0), num_processes=2)
    with pytest.raises(
        UserError, match=r"3 processes \(--num-gpus\) need as many GPUs, but torch finds 2"
    ):
        check_gpus(torch.device("cuda", 0), num_processes=3)


def test_an_ascii_terminal_shows_any_text(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    printable_output()
    print("Käfer 甲虫", flush=True)
    assert stream.buffer.getvalue() == b"K\\xe4fer \\u7532\\u866b\n"
