"""What the package imports is what setup.py declares, in versions that requirements/ has too."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "projects" / "DualWeighting" / "dual_weighting"
# The names of modules whose distributions are called otherwise.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "hydra": "hydra-core",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
LEFT_TO_THE_USER = {"torch", "torchvision", "detectron2", "cv2"}  # docs/installation.md
POSIX_ALONE = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty"}


@pytest.fixture(scope="module")
def declared():
    """The arguments of setup()."""
    arguments = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("setuptools.setup", lambda **kwargs: arguments.update(kwargs))
        patch.setattr("setuptools.find_packages", lambda root: [])
        runpy.run_path(str(ROOT / "setup.py"))
    return arguments


def modules(node: ast.AST) -> set[str]:
    """The modules that an import statement names, not those of this package."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def imports(*folders: Path) -> dict[str, Path]:
    """All modules that are imported in these folders, and a file that does."""
    return {
        name: file
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in modules(node)
    }


def names_of(requirements) -> set[str]:
    return {re.split(r"[<>=;]", text)[0] for text in requirements}


def third_party(*folders: Path) -> set[str]:
    own = {"dual_weighting", "benchmarks", *sys.stdlib_module_names}
    tops = {name.split(".")[0] for name in imports(*folders)} - own - LEFT_TO_THE_USER
    return {DISTRIBUTIONS.get(name, name) for name in tops}


def test_every_import_is_declared(declared):
    extras = {"onnx", "onnxruntime"}
    found = third_party(PACKAGE, ROOT / "configs", ROOT / "tools")
    assert {"scipy", "pyyaml", "tabulate", "pillow", "numpy"} <= found
    assert found - extras <= names_of(declared["install_requires"])
    assert extras <= names_of(declared["extras_require"]["export"])
    of_examples = third_party(ROOT / "examples") - extras
    assert of_examples <= found | names_of(declared["extras_require"]["test"])


def test_every_requirement_has_the_lowest_version_that_was_tested(declared):
    """And `make` installs none that is older."""
    pins = {}
    for file in ("base.txt", "export.txt"):
        text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
        for name, version in re.findall(r"^([\w-]+)==([\d.]+)", text, re.MULTILINE):
            pins.setdefault(name, []).append(version)
    for text in declared["install_requires"] + declared["extras_require"]["export"]:
        name, lowest = re.fullmatch(r"([\w-]+)>=([\d.]+)(?:\.post\d+)?(?:,<[\d.]+)?", text).groups()
        for version in pins.get(name, []):
            assert numbers(version) >= numbers(lowest), text


def numbers(version: str) -> list[int]:
    return [int(x) for x in version.strip(".").split(".")]


def test_nothing_needs_what_setuptools_no_longer_has():
    """Detectron2's model zoo, and what imports it, needs pkg_resources."""
    banned = {"pkg_resources", "detectron2.model_zoo", "detectron2.utils.testing"}
    found = imports(PACKAGE, *(ROOT / x for x in ("configs", "tools", "tests", "examples")))
    assert not banned & set(found), {found[name] for name in banned & set(found)}


def test_no_module_is_imported_that_windows_lacks():
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            assert not modules(node) & POSIX_ALONE, file


def test_metadata(declared):
    assert "docs/installation.md" in declared["long_description"]
    assert {"DW", "O2F", "DLA"} <= set(declared["project_urls"])
    assert "dual_weighting.cli.__main__:main" in declared["entry_points"]["console_scripts"][0]
    assert (PACKAGE / "py.typed").is_file()
