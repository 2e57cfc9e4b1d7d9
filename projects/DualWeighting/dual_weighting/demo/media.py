"""Finds input images and videos, and names the outputs."""

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
    """An input file.

    Attributes:
        named: whether it was named explicitly, and not found through a folder or pattern.
    """

    path: Path
    named: bool = True

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def find_media(inputs: Sequence[str]) -> tuple[list[Medium], list[Path]]:
    """The distinct files that `inputs` name, images first, then videos; and files of folders and
    patterns that are neither.

    A folder stands for the files directly in it, a pattern follows Python's `glob`, with `**` for
    folders of any depth. Their files are sorted by name.

    Raises:
        UserError: an input matches nothing.
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
                f"subfolders, write '{Path(text, '**', '*.jpg')}'."
            )
        elif glob.has_magic(text):
            files = [Path(x) for x in glob.glob(text, recursive=True) if os.path.isfile(x)]
            complaint = f"No image or video matches '{text}'."
        else:
            raise UserError(f"The file or folder {text} does not exist.")
        media = sorted(file for file in files if file.suffix.lower() in MEDIA_SUFFIXES)
        if not media:
            raise UserError(complaint)
        left_out += sorted(set(files) - set(media))
        for file in media:
            found.setdefault(file.resolve(), Medium(file, named=False))
    if not found:
        raise UserError("No input given: use images, folders, patterns, videos, or --webcam.")
    return sorted(found.values(), key=lambda medium: medium.is_video), left_out


def written_name(file: Path, *, keep_suffix: bool = False) -> Path:
    """The name of the picture or video made from `file`; with `keep_suffix`, an unsupported suffix
    is kept before the new one."""
    suffix = file.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        wanted, kept = ".mp4", suffix == ".mp4"
    else:
        wanted, kept = ".png", suffix in WRITTEN_SUFFIXES
    if kept:
        return file
    return file.with_name(file.name + wanted) if keep_suffix else file.with_suffix(wanted)


def output_files(files: Sequence[Path], folder: Path) -> list[Path]:
    """Distinct output files in `folder` for each of `files`.

    Names are kept. If two are equal, all keep their path below the common folder.

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
        raise UserError("Two inputs would get the same output name: process them in two runs.")
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
    """The numbers that the files are named by, such as COCO's 000000000139.jpg; None unless all
    are numbers and differ."""
    names = [file.stem for file in files]
    if not all(name.isascii() and name.isdigit() for name in names):
        return None
    ids = [int(name) for name in names]
    return ids if len(set(ids)) == len(ids) else None
