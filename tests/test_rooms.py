"""Rooms import from the rooms above them only."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "projects" / "DualWeighting" / "dual_weighting"
ROOMS = (  # as in CONTRIBUTING.md
    "utils",
    "assignment",
    "losses",
    "functional",
    "checkpoint",
    "modeling",
    "solver",
    "data",
    "evaluation",
    "visualization",
    "report",
    "export",
    "config",
    "engine",
    "demo",
    "model_zoo",
    "comparison",
    "cli",
)
TORCH_ALONE = {"assignment", "losses", "functional"}
SCHEMES = ("atss", "fcos", "dw", "dla", "o2f", "weighted")


def imported(file: Path) -> set[str]:
    """The modules that a file imports, wherever in it, by their full names."""
    package = ("dual_weighting", *file.relative_to(PACKAGE).parts[:-1])
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "dual_weighting" and len(parts) > 1 else None


def test_every_room_is_listed():
    kept = [path for path in PACKAGE.iterdir() if path.suffix in ("", ".py")]
    rooms = {path.stem for path in kept if not path.name.startswith("__")}
    assert rooms == set(ROOMS)
    text = (PACKAGE.parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = [text.index(f"| `{room}/`") for room in ROOMS]
    assert places == sorted(places)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_come_from_above(room):
    folder = PACKAGE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]
    assert files
    for file in files:
        modules = imported(file)
        own = {room_of(module) for module in modules} & set(ROOMS)
        assert own <= set(ROOMS[: ROOMS.index(room) + 1]), file
        if room in TORCH_ALONE:
            known = {module.split(".")[0] for module in modules}
            assert not known & {"detectron2", "fvcore", "numpy", "cv2", "omegaconf"}, file


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_scheme_imports_another_and_all_are_short(scheme):
    file = PACKAGE / "assignment" / f"{scheme}.py"
    modules = {module.removeprefix("dual_weighting.assignment.") for module in imported(file)}
    others = set(SCHEMES) - {scheme}
    assert not {module.split(".")[0] for module in modules} & others
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 150
