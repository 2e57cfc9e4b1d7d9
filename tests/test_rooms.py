"""The structure of the package and its tests, as CONTRIBUTING.md describes it."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "projects" / "DualWeighting" / "dual_weighting"
ROOMS = (
    "utils", "assignment", "losses", "functional", "checkpoint", "modeling", "solver", "data",
    "evaluation", "visualization", "report", "export", "config", "engine", "demo", "model_zoo",
    "comparison", "cli",
)  # fmt: skip
TORCH_ALONE = ("assignment", "losses", "functional")
SCHEMES = ("atss", "fcos", "dw", "dla", "o2f", "weighted")
SAME_THING_IN_TWO_ROOMS = {
    *SCHEMES, "batch", "candidates", "compare", "crowdhuman", "demo", "detector", "head", "swin",
    "train",
} | {"command", "page", "precision", "report", "table"}  # fmt: skip
FILES = [  # configs are checked by tests/test_configs*.py
    file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.relative_to(PACKAGE).parts[:2] != ("model_zoo", "configs")
]


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(file: Path) -> set[str]:
    """Full names of all that a file imports, wherever in it."""
    package = ("dual_weighting", *file.relative_to(PACKAGE).parts[:-1])
    names = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def test_every_room_is_listed():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(ROOMS)
    text = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = [text.index(f"| `{room}/`") for room in ROOMS]
    assert places == sorted(places)
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})/[a-z_0-9/]+\.py)`", text)
    assert len(named) > 10 and not [file for file in named if not (PACKAGE / file).is_file()]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_come_from_above(room):
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for file in sorted((PACKAGE / room).rglob("*.py")):
        names = [name.split(".") for name in imported(file)]
        own = {name[1] for name in names if name[0] == "dual_weighting" and len(name) > 1}
        assert own & set(ROOMS) <= allowed, file
        if room in TORCH_ALONE:
            others = {name[0] for name in names} - {"dual_weighting", "torch"}
            assert others <= sys.stdlib_module_names, file


def test_no_import_circle():
    modules = {}
    for file in FILES:
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file

    def module_of(name: str) -> str:
        while name not in modules:
            name = name.rpartition(".")[0]
        return name

    TopologicalSorter(
        {
            module: {
                module_of(name) for name in imported(file) if name.startswith("dual_weighting")
            }
            - {module}
            for module, file in modules.items()
        }
    ).prepare()  # raises CycleError
    assert len(modules) > 100


def test_no_file_is_long():
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert not {file: length for file, length in lengths.items() if length > 250}


def test_no_file_name_twice():
    names = [file.stem for file in FILES if file.stem != "__init__"]
    assert {name for name in names if names.count(name) > 1} <= SAME_THING_IN_TWO_ROOMS


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_scheme_imports_another_and_all_are_short(scheme):
    file = PACKAGE / "assignment" / f"{scheme}.py"
    modules = {name.removeprefix("dual_weighting.assignment.") for name in imported(file)}
    assert not {module.split(".")[0] for module in modules} & (set(SCHEMES) - {scheme})
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 150


def names_called(function: ast.FunctionDef) -> set[str]:
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {
        call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls
    }


def test_every_test_asserts():
    """An assertion, or a call of a helper with one."""
    functions = [
        (file.name, node)
        for file in sorted(TESTS.rglob("*.py"))
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef)
    ]
    asserting = {"raises", "warns", "assert_close"}
    for _ in range(3):  # helpers of helpers
        asserting |= {
            node.name
            for _, node in functions
            if names_called(node) & asserting
            or any(isinstance(x, ast.Assert) for x in ast.walk(node))
        } - {"main", "run"}
    tests = [(file, node.name) for file, node in functions if node.name.startswith("test_")]
    assert not [(file, name) for file, name in tests if name not in asserting]
