"""One subcommand a tool."""

import ast
import runpy
import sys
from pathlib import Path

# A link to the folder at the top of the repository; an installed package has a copy.
TOOLS = Path(__file__).parent / "tools"
LEFT_TO_THE_USER = {
    "torch": "torch",
    "torchvision": "torchvision",
    "detectron2": "Detectron2",
    "cv2": "OpenCV (opencv-python or opencv-python-headless)",
}
COMMANDS = {
    "train": "train_net",
    "check-data": "check_data",
    "demo": "demo",
    "export": "export_model",
    "report": "report",
    "compare": "compare",
    "visualize-assignment": "visualize_assignment",
    "voc-to-coco": "voc_to_coco",
    "convert-checkpoint": "convert_checkpoint",
    "model-complexity": "model_complexity",
    "evaluate-crowdhuman": "evaluate_crowdhuman",
    "prepare-digits": "prepare_digits",
}


def main() -> None:
    """Run the tool that the first argument names with the arguments after it."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(usage())
        return
    if name not in COMMANDS:
        sys.exit(f"Error: there is no command {name}; use one of {', '.join(COMMANDS)}.")
    sys.argv = [f"dual-weighting {name}", *sys.argv[2:]]
    try:
        runpy.run_module(f"dual_weighting.cli.tools.{COMMANDS[name]}", run_name="__main__")
    except ModuleNotFoundError as error:
        if error.name not in LEFT_TO_THE_USER:
            raise
        sys.exit(
            f"Error: {LEFT_TO_THE_USER[error.name]} is not installed; it is not installed along "
            "with dual-weighting because its version must fit your machine."
        )


def usage() -> str:
    """The commands, each with the first line of its tool's description."""
    lines = [
        f"  {name:<22}{ast.get_docstring(ast.parse(source.read_text('utf-8'))).splitlines()[0]}"
        for name, source in ((name, TOOLS / f"{tool}.py") for name, tool in COMMANDS.items())
    ]
    return "\n".join(
        [
            "usage: dual-weighting COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "dual-weighting COMMAND --help describes the options. --config-file takes a file, or",
            "the name of a config of the model zoo, such as COCO-Detection/dw_R_50_FPN_1x.py.",
        ]
    )


if __name__ == "__main__":
    main()
