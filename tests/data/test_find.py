import pytest

from dual_weighting.data import find_record
from dual_weighting.utils.errors import UserError

RECORDS = [{"image_id": 7 * n, "file_name": f"data/{n:03d}.png"} for n in range(3)]


@pytest.mark.parametrize(
    ("what", "index"),
    [
        ({}, 0),
        ({"image_id": "14"}, 2),
        ({"index": 1}, 1),
        ({"file_name": "002.png"}, 2),
        ({"file_name": "elsewhere/001.png"}, 1),
    ],
)
def test_by_each_of_them(what, index):
    assert find_record(RECORDS, dataset="numbers", **what) is RECORDS[index]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"image_id": "1"}, "numbers has no image with id 1, of 3: the closest"),
        ({"index": 3}, "numbers has no image at position 3, of 3: 0 to 2."),
        ({"index": -1}, "no image at position -1"),
        (
            {"file_name": "01.png"},
            "numbers has no image file 01.png, of 3: the closest are 001.png",
        ),
        ({"file_name": "x"}, "000.png to "),
    ],
)
def test_errors(what, message):
    with pytest.raises(UserError, match=message):
        find_record(RECORDS, dataset="numbers", **what)
