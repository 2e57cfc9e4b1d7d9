"""Every detector on a device that is not the CPU, also where there is no GPU."""

import json
import os

import pytest
from all_schemes import SCHEMES
from commands.run import HERE, command
from torch.utils import backend_registration

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch cannot pretend a device",
)


@pytest.fixture(scope="module")
def results():
    run = command(
        script=HERE / "steps_on_two_devices.py",
        PYTHONPATH=os.pathsep.join(map(str, (HERE.parent, HERE.parents[1] / "tools"))),
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", [*SCHEMES, "refining", "condinst"])
def test_same_numbers_and_few_waits(results, name):
    """Equal to the last bit, as they are computed alike. The step waits to know whether there are
    regions to ignore, for the number of candidates, and for the statistics of the assignment; with
    masks, for the points that learn one: never for each object or image."""
    assert results[name]["differences"] == [0.0, 0.0, 0.0]
    few, many = results[name]["waits"]
    assert few == many
    assert len(many) == 3 + (name == "condinst") and set(many.values()) == {1}
