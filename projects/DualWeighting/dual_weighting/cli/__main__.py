"""The `dual-weighting` command, with one subcommand per module."""

import ast
import sys
from importlib import import_module
from pathlib import Path

LEFT_TO_THE_USER = {
    "torch": "torch",
    "torchvision": "torchvision",
    "detectron2": "Detectron2",
    "cv2": "OpenCV (opencv-python or opencv-python-headless)",
}
COMMANDS = (
    "train",
    "check-data",
    "demo",
    "export",
    "report",
    "compare",
    "visualize-assignment",
    "voc-to-coco",
    "convert-checkpoint",
    "model-complexity",
    "evaluate-crowdhuman",
    "prepare-digits",
)


def main() -> None:
    """Run the command named by the first argument with the remaining arguments."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(usage())
        return
    if name not in COMMANDS:
        sys.exit(f"Error: there is no command {name}; use one of {', '.join(COMMANDS)}.")
    sys.argv = [f"dual-weighting {name}", *sys.argv[2:]]
    try:
        import_module(f"dual_weighting.cli.{name.replace('-', '_')}").main()
    except ModuleNotFoundError as error:
        if error.name not in LEFT_TO_THE_USER:
            raise
        sys.exit(
            f"Error: {LEFT_TO_THE_USER[error.name]} is not installed. dual-weighting does not "
            "install it, because its version must match your machine."
        )


def usage() -> str:
    """The commands with the first lines of their descriptions, read without importing torch."""
    files = {name: Path(__file__).with_name(f"{name.replace('-', '_')}.py") for name in COMMANDS}
    lines = [
        f"  {name:<22}{ast.get_docstring(ast.parse(file.read_text('utf-8'))).splitlines()[0]}"
        for name, file in files.items()
    ]
    return "\n".join(
        [
            "usage: dual-weighting COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "dual-weighting COMMAND --help lists the options. --config-file takes a file, or the",
            "name of a config in the model zoo, such as COCO-Detection/dw_R_50_FPN_1x.py.",
        ]
    )


if __name__ == "__main__":
    main()
