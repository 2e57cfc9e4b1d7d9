"""What tools/visualize_assignment.py does: pictures and a table of the assignment of an image."""

import argparse
import csv
import re
from pathlib import Path

from detectron2.data import MetadataCatalog
from tabulate import tabulate

from dual_weighting.data import find_record, get_detection_dataset_dicts
from dual_weighting.data.mapper import annotated_mapper
from dual_weighting.engine.assignment_sides import Side, load_side, sides_of
from dual_weighting.engine.device import choose_device, describe_device
from dual_weighting.errors import UserError
from dual_weighting.visualization import draw_assignment
from dual_weighting.visualization.assignment_rows import assignment_rows
from dual_weighting.visualization.candidates import point_table

# Of the columns of `point_table`, as printed: places in pixels, scores and weights in thousandths.
FORMATS = ("", "", ".0f", ".0f", *[".3f"] * 6)


def visualize_command(args: argparse.Namespace) -> None:
    """Draw, print and write what the options ask for."""
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
    """The beginning of file names for an image; a person's own data set is called by its path."""
    return re.sub(r"[^\w.-]+", "_", f"{Path(dataset).stem}_{image_id}")


def rows_of_side(side: Side, record: dict, classes: list[str], where: str, device):
    """A row for each ground truth of the image, resized as for the side's evaluation."""
    detector, title = load_side(side, device)
    if detector.num_classes != len(classes):
        raise UserError(
            f"The model of {side.name} has {detector.num_classes} classes but the data set of "
            f"{where} has {len(classes)}: choose its own with --dataset."
        )
    mapped = annotated_mapper(side.cfg.dataloader)(record)
    rows = []
    if "instances" in mapped:
        image_format = side.cfg.dataloader.train.mapper.image_format
        rows = assignment_rows(detector, mapped, title=title, image_format=image_format)
    if not rows:
        raise UserError(f"There is no ground truth on {where}: choose another image.")
    return rows


def choose(wanted: list[int] | None, count: int, where: str) -> list[int]:
    """The ground truths to draw, all of them where nothing is wanted."""
    for gt in wanted or []:
        if not 0 <= gt < count:
            raise UserError(f"There is no ground truth {gt} on {where}: it has 0 to {count - 1}.")
    return wanted or list(range(count))


def write_csv(table: list[dict[str, object]], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(table[0]) if table else [])
        writer.writeheader()
        writer.writerows(table)
