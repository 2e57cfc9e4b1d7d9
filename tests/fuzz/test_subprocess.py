"""A command as a person starts it, on a file that was cut short."""

import json

from commands.run import HERE, command

from .test_annotations import COCO


def test_a_file_that_was_cut_short(tmp_path):
    file = tmp_path / "train.json"
    file.write_text(json.dumps(COCO)[:-40])
    result = command("--json", file, script=HERE.parents[1] / "tools" / "check_data.py")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith(f"Error: {file} is no readable JSON")
    assert len(result.stderr.splitlines()) == 1
