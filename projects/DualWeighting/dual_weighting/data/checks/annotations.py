"""Faults and oddities in COCO annotations, without opening images.

Each rule is a `Finding`: `check` raises for the first that stops training, `report` lists all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from dual_weighting.data.checks.findings import Finding, some
from dual_weighting.data.checks.table import AnnotationTable, called
from dual_weighting.data.checks.value_types import is_coco_box, run_lengths
from dual_weighting.data.coco_content import CocoContent, has_polygon


def faults(content: CocoContent) -> Iterator[Finding]:
    """Faults that stop any training."""
    images, annotations, categories = content.images, content.annotations, content.categories
    for what, items, key in (
        ("images", images, "id"),
        ("categories", categories, "id"),
        ("categories", categories, "name"),
        ("annotations", annotations, "id"),
    ):
        counts = Counter(item[key] for item in items)
        twice = [f"two {what} have the {key} {value}" for value, n in counts.items() if n > 1]
        yield Finding(f"{what} with the {key} of another", twice, "give each its own", stops=True)
    known = set(content.category_ids)
    unknown = [x for x in annotations if x["category_id"] not in known]
    yield Finding(
        "annotations of an unknown category",
        [f"{called(x)} has the unknown category id {x['category_id']}" for x in unknown],
        "add the category, or correct the id",
        stops=True,
    )
    yield Finding(
        'annotations that say "ignore"',
        [f'{called(x)} says "ignore"' for x in annotations if x.get("ignore", 0)],
        'Detectron2 does not support it: use "iscrowd", or remove it',
        stops=True,
    )
    codes = [x for x in annotations if isinstance(x.get("segmentation"), dict)]
    yield Finding(
        "run-length codes that do not match their image",
        [
            f"{called(x)} has a run-length code that does not match"
            for x in codes
            if not fits(x, content)
        ],
        "it does not have the size of its image: write it again",
        stops=True,
    )
    yield Finding(
        "boxes that are fractions of their image",
        [f"{called(x)} has the box {x['bbox']}" for x in annotations[: has_fractions(content)]],
        "all boxes lie within the first pixel of their image: multiply fractions by its width and "
        "height",
        stops=True,
    )


def fits(annotation: dict, content: CocoContent) -> bool:
    """Whether a run-length code has the size of its image, if known."""
    code, size = annotation["segmentation"], content.size_of_image.get(annotation["image_id"])
    if size is None:
        return True
    counts = run_lengths(code["counts"]) if code["size"] == size else None
    return counts is not None and counts.sum() == size[0] * size[1]


def has_fractions(content: CocoContent) -> bool:
    """Whether all boxes are within the first pixel of their image."""
    boxes = (x["bbox"] for x in content.annotations)
    within = all(is_coco_box(box) and max(box) <= 1 for box in boxes)
    return within and max(map(max, content.size_of_image.values())) > 2


def left_out(content: CocoContent) -> Iterator[Finding]:
    """Annotations that Detectron2 drops when loading the file."""
    annotations, known = content.annotations, content.size_of_image
    yield Finding(
        "annotations whose mask has no polygon with three points",
        [called(x) for x in annotations if x["image_id"] in known and not has_polygon(x)],
        "dropped with their boxes; remove the segmentation to keep the box",
    )
    yield Finding(
        "annotations of images that the file does not list",
        [called(x) for x in annotations if x["image_id"] not in known],
        "left out",
    )


def without_mask(content: CocoContent) -> Finding:
    """Faults that stop training of masks."""
    objects = [x for x in content.objects() if not x.get("segmentation")]
    return Finding(
        "objects without a mask",
        [f"{called(x)} has no segmentation" for x in objects],
        "the config trains masks: add them, or use a config without masks",
        stops=True,
    )


def different_classes(classes: Sequence[str], source: str, others: Sequence[str]) -> Finding:
    """Faults in combining two data sets: `others` differ from the `classes` of `source`."""
    only = [("only there", sorted(set(classes) - set(others)))]
    only += [("only here", sorted(set(others) - set(classes)))]
    what = "; ".join(f"{where} {some(names)}" for where, names in only if names)
    what = what or "their ids put the same names in another order"
    return Finding(
        "different lists of categories",
        [] if list(classes) == list(others) else [f"categories are not those of {source}: {what}"],
        "use the same list of categories in both",
        stops=True,
    )


def annotation_findings(table: AnnotationTable, *, masks: bool = False) -> Iterator[Finding]:
    """Findings from the file alone. `masks`: whether the model to train has masks."""
    content, images = table.content, table.content.images
    yield from faults(content)
    has_area, is_loaded = table.has_area(), table.is_loaded()
    yield Finding(
        "invalid boxes, or boxes without area inside their image",
        table.describe(~has_area & is_loaded),
        'correct them, or skip them with dataloader.train.dataset.empty_boxes="skip"',
        stops=True,
    )
    if masks:
        yield without_mask(content)
    yield from left_out(content)
    outside = np.abs(table.boxes - table.clipped_boxes()).max(axis=1, initial=0)  # pixels
    yield Finding(
        "boxes that extend beyond their image",
        table.describe(has_area & is_loaded & (outside > 1)),
        "clipped in training; more than a pixel may indicate wrong coordinates",
    )
    rows = np.column_stack([table.image, table.category, table.is_crowd, table.boxes])
    is_first = np.zeros(len(rows), dtype=bool)
    is_first[np.unique(rows, axis=0, return_index=True)[1]] = True
    yield Finding(
        "annotations that repeat another",
        table.describe(~is_first & has_area & (table.image >= 0)),
        "same image, class and box",
    )
    files = Counter(x["file_name"] for x in images)
    yield Finding("image files listed more than once", [name for name in files if files[name] > 1])
    objects = np.bincount(table.image[table.is_object()], minlength=len(images))
    yield Finding(
        "images without an object",
        [
            f"image id {images[k]['id']} ({images[k]['file_name']})"
            for k in (objects == 0).nonzero()[0]
        ],
        "evaluated, but not trained on unless dataloader.train.dataset.filter_empty=False",
    )
    yield Finding(
        "classes without an object", [name for name, n, _ in table.class_counts() if n == 0]
    )
    alike = defaultdict(list)
    for name in content.class_names:
        alike["".join(filter(str.isalnum, name.casefold())) or name].append(f'"{name}"')
    yield Finding(
        "classes whose names differ only in case, spaces or punctuation",
        [" and ".join(names) for names in alike.values() if len(names) > 1],
        "one class spelled in two ways counts as two",
    )
