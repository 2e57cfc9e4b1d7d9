"""Draw which points learn each ground truth, and with which weights.

    python tools/visualize_assignment.py --run output/dw --image-id 7
    python tools/visualize_assignment.py --run output/dw --iterations 500 1000 1500 --gt 0 2
    python tools/visualize_assignment.py --run output/dw --compare output/o2f
    python tools/visualize_assignment.py --run output/dw \\
        --scheme-from configs/Digits/dla_R_18_FPN.py
    python tools/visualize_assignment.py --config-file configs/Digits/dw_R_18_FPN.py \\
        --checkpoints output/dw/model_final.pth

The weights are those used by the losses. There is a page for each ground truth, with every level of
the pyramid. The ten strongest points of each are printed, and written as CSV.
"""

import argparse
import csv
import re
from pathlib import Path

from detectron2.data import MetadataCatalog
from tabulate import tabulate

from dual_weighting.cli.command import run_command
from dual_weighting.data import find_record, get_detection_dataset_dicts
from dual_weighting.data.mapper import annotated_mapper
from dual_weighting.engine.assignment_sides import Side, load_side, sides_of
from dual_weighting.utils.device import choose_device, describe_device
from dual_weighting.utils.errors import UserError
from dual_weighting.visualization import draw_assignment
from dual_weighting.visualization.assignment_rows import assignment_rows
from dual_weighting.visualization.candidates import point_table


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    model = parser.add_argument_group("what is drawn")
    model.add_argument("--run", metavar="DIR", help="output folder of a training")
    model.add_argument(
        "--config-file", metavar="FILE", help="config of the model (default: that of --run)"
    )
    model.add_argument(
        "--checkpoints",
        nargs="+",
        metavar="FILE",
        help="one row each; with --run, names in its folder (default: model_final.pth)",
    )
    model.add_argument(
        "--iterations",
        type=int,
        nargs="+",
        metavar="N",
        help="alternatively, the checkpoints of --run after these iterations",
    )
    other = model.add_mutually_exclusive_group()
    other.add_argument(
        "--compare", metavar="CONFIG_OR_DIR", help="a second model: config or output folder"
    )
    other.add_argument(
        "--scheme-from",
        metavar="CONFIG",
        help="also show the same checkpoints under the scheme of this config",
    )
    model.add_argument(
        "--compare-checkpoints", nargs="+", metavar="FILE", help="checkpoints of --compare"
    )
    image = parser.add_argument_group("image id (default: the first)")
    image.add_argument(
        "--split", choices=["test", "train"], default="test", help="data set of the config"
    )
    image.add_argument("--dataset", metavar="NAME", help="any registered data set")
    which = image.add_mutually_exclusive_group()
    which.add_argument("--image-id", metavar="ID", help="as in the annotations")
    which.add_argument("--image-index", type=int, metavar="N", help="position, from 0")
    which.add_argument(
        "--file-name", metavar="NAME", help="file name of the image, with or without its folder"
    )
    image.add_argument(
        "--gt", type=int, nargs="+", metavar="N", help="indices of ground truths (default: all)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("output/assignment"),
        metavar="DIR",
        help="folder for pictures and table (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--debug", action="store_true", help="show the traceback of user errors")
    return parser.parse_args()


# Formats of the columns of `point_table`: positions in pixels, scores and weights.
FORMATS = ("", "", ".0f", ".0f", *[".3f"] * 6)


def visualize_command(args: argparse.Namespace) -> None:
    """Draw, print and write the assignments."""
    sides = sides_of(args)
    device = choose_device(args.device)
    print(describe_device(device, num_processes=1))
    dataset = args.dataset or sides[0].cfg.dataloader[args.split].dataset.names
    records = get_detection_dataset_dicts(names=dataset, filter_empty=False, empty_boxes="skip")
    record = find_record(
        records,
        dataset=str(dataset),
        image_id=args.image_id,
        index=args.image_index,
        file_name=args.file_name,
    )
    where = f"image {record['image_id']} of {dataset} ({Path(record['file_name']).name})"
    first_dataset = dataset if isinstance(dataset, str) else dataset[0]
    classes = MetadataCatalog.get(first_dataset).thing_classes
    columns = [rows_of_side(side, record, classes, where, device) for side in sides]
    chosen = choose(args.gt, len(columns[0]), where)

    args.output.mkdir(parents=True, exist_ok=True)
    stem = file_stem(first_dataset, record["image_id"])
    table = []
    for gt in chosen:
        rows = [rows[gt] for rows in columns]
        name = classes[rows[0].gt_class]
        title = f'Ground truth {gt}, class "{name}", on {where}'
        picture = args.output / f"{stem}_gt{gt}.png"
        draw_assignment(rows, title=title, output_file=picture)
        print(f"\n{title}: {picture}")
        for row in rows:
            points = point_table(row.candidates, row.level_names)
            print(f"\n{row.title}\n")
            print(tabulate(points, headers="keys", tablefmt="github", floatfmt=FORMATS))
            about = {"ground truth": gt, "class": name, "model": row.title}
            table += [about | point for point in points]
    table_file = args.output / f"{stem}_points.csv"
    write_csv(table, table_file)
    print(f"\nThese points as CSV: {table_file}")


def file_stem(dataset: str, image_id: object) -> str:
    """The stem of file names for an image; your own data sets are named by path."""
    return re.sub(r"[^\w.-]+", "_", f"{Path(dataset).stem}_{image_id}")


def rows_of_side(side: Side, record: dict, classes: list[str], where: str, device):
    """One row per ground truth of the image, resized as in the evaluation of the side."""
    detector, title = load_side(side, device)
    if detector.num_classes != len(classes):
        raise UserError(
            f"The model of {side.name} has {detector.num_classes} classes, but the data set of "
            f"{where} has {len(classes)}: select its data set with --dataset."
        )
    mapped = annotated_mapper(side.cfg.dataloader)(record)
    rows = []
    if "instances" in mapped:
        image_format = side.cfg.dataloader.train.mapper.image_format
        rows = assignment_rows(detector, mapped, title=title, image_format=image_format)
    if not rows:
        raise UserError(f"There is no ground truth on {where}: select another image.")
    return rows


def choose(wanted: list[int] | None, count: int, where: str) -> list[int]:
    """The ground truths to draw, all by default."""
    for gt in wanted or []:
        if not 0 <= gt < count:
            raise UserError(f"There is no ground truth {gt} on {where}, only 0 to {count - 1}.")
    return wanted or list(range(count))


def write_csv(table: list[dict[str, object]], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(table[0]) if table else [])
        writer.writeheader()
        writer.writerows(table)


def main() -> None:
    run_command(visualize_command, parse_arguments())
