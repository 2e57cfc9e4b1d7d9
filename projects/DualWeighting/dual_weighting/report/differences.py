"""What the configs and the versions of several runs do not have in common."""

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from dual_weighting.report.blocks import NOTHING, Cell, count_of, paragraph, table
from dual_weighting.report.run_files import Missing, RunFiles, get
from dual_weighting.visualization.markup import Content, Markup, element

IGNORED = ("train.output_dir", "dataloader.evaluator.output_dir")


def config_differences(runs: Sequence[RunFiles], names: list[str]) -> Content:
    """The keys of the configs that are not the same in all runs."""
    return differences([leaves(run.cfg) for run in runs], names, "The configs are the same.")


def version_differences(runs: Sequence[RunFiles], names: list[str]) -> Content:
    found = [get(lambda run=run: run.environment, {}) for run in runs]
    if not any(found):
        raise Missing("None of these folders holds a log.txt with versions.")
    return differences(found, names, "All versions are the same.")


def differences(values: list[dict[str, str]], names: list[str], none: str) -> Markup:
    keys = list(dict.fromkeys(key for of_run in values for key in of_run))
    rows = [
        [
            Cell(key, kind="text"),
            *(Cell(of_run.get(key, NOTHING), kind="text") for of_run in values),
        ]
        for key in keys
        if len({of_run.get(key) for of_run in values}) > 1
    ]
    if not rows:
        return paragraph(none)
    return element(
        "div",
        paragraph(f"{count_of(len(rows), 'value')} {'differs' if len(rows) == 1 else 'differ'}."),
        table(["", *names], rows, left=range(1, len(names) + 1)),
    )


def leaves(cfg: DictConfig) -> dict[str, str]:
    """Every value of a config by its full key, resolved, as text; but for output folders."""

    def walk(node: object, prefix: str) -> None:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                walk(value, f"{prefix}.{key}" if prefix else str(key))
        elif prefix not in IGNORED:
            found[prefix] = node.__name__ if isinstance(node, type) else str(node)

    found: dict[str, str] = {}
    walk(OmegaConf.to_container(cfg, resolve=True), "")
    return found
