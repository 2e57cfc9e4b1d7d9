"""Images and videos that a person names: files, folders and patterns."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dual_weighting.data.images import IMAGE_SUFFIXES
from dual_weighting.utils.errors import UserError

VIDEO_SUFFIXES = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES
WRITTEN_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Medium:
    """A file to be looked at.

    Attributes:
        named: a person asked for this very file; otherwise a folder or a pattern has it.
    """

    path: Path
    named: bool = True

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_media(inputs: Sequence[str]) -> tuple[list[Medium], list[Path]]:
    """What `inputs` name, each file once: images first, then videos, in the order given, those of a
    folder or pattern by name; and the files of folders and patterns that are neither.

    A folder stands for what is directly in it. A pattern is as of Python's `glob`, with `**` for
    any depth of folders.

    Raises:
        UserError: one names nothing.
    """
    found: dict[Path, Medium] = {}
    left_out: list[Path] = []
    for text in inputs:
        path = Path(text)
        if path.is_file():
            found.setdefault(path.resolve(), Medium(path))
            continue
        if path.is_dir():
            files = [file for file in path.iterdir() if file.is_file()]
            complaint = (
                f"The folder {text} has no image or video directly in it; for those in its "
                f"folders, write '{Path(text, '**', '*.jpg')}'."
            )
        elif glob.has_magic(text):
            files = [Path(x) for x in glob.glob(text, recursive=True) if os.path.isfile(x)]
            complaint = f"No image or video has a name like '{text}'."
        else:
            raise UserError(f"There is no file or folder {text}.")
        media = sorted(file for file in files if file.suffix.lower() in MEDIA_SUFFIXES)
        if not media:
            raise UserError(complaint)
        left_out += sorted(set(files) - set(media))
        for file in media:
            found.setdefault(file.resolve(), Medium(file, named=False))
    if not found:
        raise UserError("Say what to look at: images, folders, patterns, videos, or --webcam.")
    return sorted(found.values(), key=lambda medium: medium.is_video), left_out


def written_name(file: Path, *, keep_suffix: bool = False) -> Path:
    """The name of the picture or video made from `file`; with `keep_suffix` a suffix that is not
    written itself stays before the new one."""
    suffix = file.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        wanted, kept = ".mp4", suffix == ".mp4"
    else:
        wanted, kept = ".png", suffix in WRITTEN_SUFFIXES
    if kept:
        return file
    return file.with_name(file.name + wanted) if keep_suffix else file.with_suffix(wanted)


def output_files(files: Sequence[Path], folder: Path) -> list[Path]:
    """A file in `folder` for each of `files`, all different.

    They keep their names. Where two of those are the same, all keep the folders below the one that
    they have in common.

    Raises:
        UserError: one of `files` would be overwritten.
    """
    absolute = [file.absolute() for file in files]
    common = os.path.commonpath([file.parent for file in absolute])
    in_folders = [file.relative_to(common) for file in absolute]
    choices = (
        [written_name(Path(file.name)) for file in absolute],
        [written_name(file) for file in in_folders],
        [written_name(file, keep_suffix=True) for file in in_folders],
    )
    names = next((x for x in choices if len(set(map(casefolded, x))) == len(x)), None)
    if names is None:
        raise UserError("Two inputs would get the same name in the output: give them in two runs.")
    sources = {file.resolve() for file in files}
    written = [folder / name for name in names]
    for file in written:
        if file.resolve() in sources:
            raise UserError(
                f"The output would overwrite the input {file}: choose another --output."
            )
    return written


def casefolded(path: Path) -> str:
    return str(path).casefold()


def ids_in_names(files: Sequence[Path]) -> list[int] | None:
    """The whole numbers that are the names of the files, as of COCO's 000000000139.jpg; None
    unless all are, and all differ."""
    names = [file.stem for file in files]
    if not all(name.isascii() and name.isdigit() for name in names):
        return None
    ids = [int(name) for name in names]
    return ids if len(set(ids)) == len(ids) else None
