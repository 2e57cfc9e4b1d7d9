"""The page of all benchmarks: measured section by section, kept as JSON, written as Markdown."""

import datetime
import json
import os
import sys
import time
import traceback
from pathlib import Path
from textwrap import wrap

import torch

from benchmarks.machine import describe_machine
from benchmarks.sections import SECTIONS, options_of
from dual_weighting.utils.errors import UserError

LINES = {"width": 120, "break_long_words": False, "break_on_hyphens": False}
TITLE = """\
# Benchmarks

    python tools/benchmark.py page

measures all of this in about a quarter of an hour and writes this page; `--sections losses,step` \
measures some of it anew and keeps the rest. The command below a heading measures one section \
alone, and has options for other sizes. Alternatives are measured in turn, in one run. Times \
differ by up to a quarter from run to run: ratios are what to look at."""


def measure(section: str, options: dict, device: torch.device) -> dict:
    """Run a section; what it found, with where, when and how long."""
    if "device" in options_of(section):
        options = options | {"device": device}
    start = time.perf_counter()
    result = SECTIONS[section].run(**options)
    return {
        "machine": describe_machine(device),
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.perf_counter() - start),
        "result": json.loads(json.dumps(result)),  # as it is read from the file
    }


class Store:
    """The records of `measure` in a JSON file, by section and kind of device."""

    def __init__(self, file: Path):
        self.file = file
        self.records = json.loads(file.read_text()) if file.exists() else {}

    def put(self, section: str, device: torch.device, record: dict) -> None:
        self.records.setdefault(section, {})[device.type] = record
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(self.records, indent=1) + "\n")
        os.replace(partial, self.file)


def make_page(
    sections: list[str], output: Path, *, device: torch.device, quick: bool = False
) -> None:
    """Measure these sections and write the page `output` of all that are in the JSON file beside
    it, and its figures. A section that fails leaves the others alone.

    Raises `UserError` that names the sections that failed.
    """
    store = Store(output.with_suffix(".json"))
    failed = []
    for number, section in enumerate(sections, 1):
        print(f"[{number}/{len(sections)}] {section} ...", end=" ", flush=True)
        try:
            record = measure(section, SECTIONS[section].QUICK if quick else {}, device)
        except UserError as error:
            failed.append(section)
            print(f"not measured: {error}", flush=True)
        except Exception:
            failed.append(section)
            print("failed:", flush=True)
            traceback.print_exc(file=sys.stdout)
        else:
            store.put(section, device, record)
            print(f"{record['seconds']} s", flush=True)
            output.write_text(page(store.records, output.parent))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page(store.records, output.parent))
    print(f"{output}: {len(store.records)} of {len(SECTIONS)} sections")
    if failed:
        raise UserError(
            f"The page is without new numbers of {', '.join(failed)}; "
            f"--sections {','.join(failed)} measures them again."
        )


def page(records: dict, folder: Path) -> str:
    """The text of the page; figures are drawn into the folder."""
    parts = [TITLE]
    for name, module in SECTIONS.items():
        if name not in records:
            continue
        parts.append(f"## {module.HEADING}\n\n    python tools/benchmark.py {name}")
        for record in records[name].values():
            parts.append(module.table(record["result"]))
            parts.append(f"*{record['machine']}; {record['date']}, in {record['seconds']} s.*")
        if hasattr(module, "figure"):
            module.figure(next(iter(records[name].values()))["result"], folder)
    return wrapped("\n\n".join(parts)) + "\n"


def wrapped(text: str) -> str:
    """The same with paragraphs in lines of a length to read; tables and commands stay."""
    blocks = text.split("\n\n")
    return "\n\n".join(
        block if block.startswith(("|", " ", "#", "!")) else "\n".join(wrap(block, **LINES))
        for block in blocks
    )
