"""Data sets made here, on disk: there completely or not at all."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from dual_weighting.data.digits.scenes import Split
from dual_weighting.utils.errors import UserError


def write_data_set(
    root: str | os.PathLike,
    *,
    name: str,
    version: int,
    sizes: dict[Split, int],
    write_split: Callable[..., None],
    read_description: Callable[[Path, Split], str],
) -> bool:
    """Write a data set into the folder `root`.

    The same version writes the same bytes. The scenes grow in a temporary folder beside `root` that
    takes its name at the end, so an interrupted run leaves no `root`. What an older version wrote
    is replaced.

    Args:
        name: of the data set.
        version: of its content.
        sizes: number of scenes of each split.
        write_split: called with (folder, split=, size=, description=); writes the scenes and
            somewhere the description.
        read_description: called with (folder, split); returns that description, or raises an
            OSError, ValueError, LookupError or TypeError where there is none.

    Returns:
        Whether anything was written: False if the very data set is there already.

    Raises:
        UserError: `root` holds something else, or cannot be written.
    """
    root = Path(root)
    for split, size in sizes.items():
        if size < 1:
            raise UserError(f"Digits cannot have {size} {split} scenes; ask for at least 1.")
    descriptions = {
        split: f"{name} version {version}, {size} {split} scenes" for split, size in sizes.items()
    }
    try:
        if root.exists() and not (root.is_dir() and not any(root.iterdir())):
            found = find_descriptions(root, descriptions, read_description=read_description)
            if found == descriptions:
                return False
            check_is_older(root, found=found, descriptions=descriptions)
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f"{root.name}.partial-") as folder:
            partial = Path(folder) / root.name
            for split, size in sizes.items():
                write_split(partial, split=split, size=size, description=descriptions[split])
            if root.exists() and any(root.iterdir()):
                check_is_covered(root, by=partial)
                os.replace(root, Path(folder) / "old")
            os.replace(partial, root)
    except OSError as error:
        raise UserError(
            f"Digits cannot be written to {root} ({error.strerror or error}); make room there or "
            "choose a folder you may write to with --root or DETECTRON2_DATASETS."
        ) from error
    return True


def find_descriptions(
    root: Path,
    descriptions: dict[Split, str],
    *,
    read_description: Callable[[Path, Split], str],
) -> dict[Split, str]:
    """What `root` says it holds of each split of `descriptions`."""
    found = {}
    for split in descriptions:
        try:
            found[split] = read_description(root, split)
        except (OSError, ValueError, LookupError, TypeError):
            found[split] = f"no readable {split} annotations of ours"
    return found


def check_is_older(root: Path, *, found: dict[Split, str], descriptions: dict[Split, str]) -> None:
    """Raise a UserError unless `found` differs from `descriptions` in a smaller version only."""
    for split, expected in descriptions.items():
        if not is_older(found[split], expected):
            raise UserError(
                f"{root} is in the way: it holds {found[split]}, not {expected}; delete the folder "
                "or choose another with --root."
            )


def is_older(found: str, expected: str) -> bool:
    """Whether two descriptions are the same but for a smaller version in the first."""
    pattern = r"(.*) version (\d+), (.*)"
    a, b = (re.fullmatch(pattern, text) for text in (str(found), expected))
    return a is not None and a[1] == b[1] and a[3] == b[3] and int(a[2]) < int(b[2])


def check_is_covered(root: Path, *, by: Path) -> None:
    """Raise a UserError if `root` holds a file that the new data set `by` would not replace."""
    for file in sorted(x.relative_to(root) for x in root.rglob("*") if not x.is_dir()):
        if not (by / file).is_file():
            raise UserError(
                f"{root} is in the way: beside an older version of the data set it holds {file}; "
                "put that elsewhere, or choose another folder with --root."
            )
