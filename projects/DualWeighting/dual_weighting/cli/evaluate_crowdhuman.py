"""AP, MR^-2, recall and Jaccard index of detections in CrowdHuman's format.

python tools/evaluate_crowdhuman.py --gt annotation_val.odgt --dt results.odgt
python tools/evaluate_crowdhuman.py --gt annotation_val.odgt --dt results.odgt --json metrics.json

A line of --gt is {"ID": ..., "gtboxes": [{"tag": "person", "fbox": [x, y, width, height]}, ...]};
a line of --dt is {"ID": ..., "dtboxes": [{"box": [x, y, width, height], "score": ...}, ...]}.
Either has the "height" and "width" of the image, too.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from dual_weighting.cli.command import run_command
from dual_weighting.evaluation.crowdhuman_files import describe, evaluate_odgt
from dual_weighting.utils.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gt", type=Path, required=True, help="ground truth, an .odgt file")
    parser.add_argument("--dt", type=Path, required=True, help="detections, an .odgt file")
    parser.add_argument("--json", type=Path, help="also write the metrics, in [0, 1], to this file")
    return parser.parse_args()


def evaluate_crowdhuman(args: argparse.Namespace) -> None:
    metrics = evaluate_odgt(args.gt, args.dt)
    print(describe(metrics))
    if args.json:
        try:
            args.json.write_text(json.dumps(asdict(metrics), indent=2) + "\n")
        except OSError as error:
            raise UserError(f"{args.json} cannot be written: {error.strerror}.") from error


def main() -> None:
    run_command(evaluate_crowdhuman, parse_arguments())
