from pathlib import Path

import pytest

from dual_weighting.demo.media import find_media, ids_in_names, output_files
from dual_weighting.utils.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """In a: 2.png, 10.JPG, clip.avi, notes.txt; in a/b: 2.png; in c: notes.txt."""
    for name in ("a/2.png", "a/10.JPG", "a/clip.avi", "a/notes.txt", "a/b/2.png", "c/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*inputs):
    media, left_out = find_media(inputs)
    return [(str(x.path), x.named) for x in media], [str(file) for file in left_out]


def test_a_folder_is_what_is_directly_in_it(folder):
    media = [("a/10.JPG", False), ("a/2.png", False), ("a/clip.avi", False)]
    assert found("a") == (media, ["a/notes.txt"])


def test_patterns_go_into_folders(folder):
    assert found("**/2.png") == ([("a/2.png", False), ("a/b/2.png", False)], [])
    assert found("a/*") == found("a")


def test_videos_come_last_and_nothing_twice(folder):
    media, _ = found("a/clip.avi", "a/b/../2.png", "a", "c/notes.txt")
    assert media == [
        ("a/b/../2.png", True), ("a/10.JPG", False), ("c/notes.txt", True), ("a/clip.avi", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "inputs, message",
    [
        ((), "No input given"),
        (("a", "gone.png"), r"The file or folder gone\.png does not exist"),
        (("*.jpg",), r"No image or video matches '\*\.jpg'"),
        (("c/*.txt",), r"No image or video matches 'c/\*\.txt'"),
        (("c",), r"folder c has no image or video directly in it; .* write 'c/\*\*/\*\.jpg'"),
    ],
)
def test_inputs_that_name_nothing(folder, inputs, message):
    with pytest.raises(UserError, match=message):
        find_media(inputs)


def names(*files):
    written = output_files([Path(file) for file in files], Path("/out"))
    return [str(file.relative_to("/out")) for file in written]


def test_outputs_keep_their_names(folder):
    assert names("a/2.png", "/far/away/x.JPG") == ["2.png", "x.JPG"]
    assert names("a/x.gif", "a/clip.avi", "a/clip.mp4.png") == ["x.png", "clip.mp4", "clip.mp4.png"]


def test_equal_names_keep_their_folders(folder):
    assert names("a/2.png", "a/b/2.png", "c/3.png") == ["a/2.png", "a/b/2.png", "c/3.png"]
    assert names("a/b/2.png", "a/2.PNG") == ["b/2.png", "2.PNG"]


def test_equal_names_that_come_of_the_suffix(folder):
    assert names("a/x.gif", "a/x.png") == ["x.gif.png", "x.png"]
    assert names("a/x.avi", "a/x.mov") == ["x.avi.mp4", "x.mov.mp4"]
    with pytest.raises(UserError, match="process them in two runs"):
        names("a/x.gif", "a/x.png", "a/x.gif.png")


def test_inputs_are_not_overwritten(folder):
    with pytest.raises(UserError, match=r"overwrite the input a/2\.png: choose another --output"):
        output_files([Path("a/b/2.png"), Path("a/2.png")][1:], Path("a"))
    assert output_files([Path("a/clip.avi")], Path("a")) == [Path("a/clip.mp4")]


def test_ids_in_names():
    assert ids_in_names([Path("000000000139.jpg"), Path("x/7.png")]) == [139, 7]
    assert ids_in_names([Path("139.jpg"), Path("00139.jpg")]) is None
    assert ids_in_names([Path("139.jpg"), Path("b.jpg")]) is None
    assert ids_in_names([Path("²3.jpg")]) is None
