"""What is chosen for a person's own data."""

import argparse
import json

import cv2
import numpy as np
import pytest
from detectron2.config import LazyConfig, instantiate
from omegaconf import OmegaConf

from dual_weighting import model_zoo
from dual_weighting.config.command import config_of_command
from dual_weighting.config.fitting import LIMITS
from dual_weighting.config.load import load_config
from dual_weighting.data import class_names
from dual_weighting.engine.evaluation import Evaluation
from dual_weighting.utils.errors import UserError

NAMES = {4: "ant", 9: "bee", 30: "cow"}
SQUARE = [5, 5, 15, 5, 15, 15, 5, 15]


def content(num_images: int, *, names=NAMES, masks: bool = False) -> dict:
    """Images of which all but the first have one object."""
    annotations = [
        {"id": k, "image_id": k, "category_id": list(names)[k % len(names)], "bbox": [5, 5, 10, 10]}
        for k in range(2, num_images + 1)
    ]
    if masks:
        annotations = [{**x, "segmentation": [SQUARE]} for x in annotations]
    return {
        "images": [
            {"id": k, "file_name": "image.png", "width": 40, "height": 30}
            for k in range(1, num_images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in names.items()],
    }


@pytest.fixture
def args(tmp_path):
    """A function that writes 101 images to train on and 5 to validate, and returns a command."""
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((30, 40, 3), dtype=np.uint8))

    def arguments(config, *opts, train=None, val=None, **changes):
        for name, what in (("train", train or content(101)), ("val", val or content(5))):
            (tmp_path / f"{name}.json").write_text(json.dumps(what))
        values = {
            "config_file": model_zoo.get_config_file(config),
            "opts": list(opts),
            "train_json": str(tmp_path / "train.json"),
            "train_images": None,
            "val_json": str(tmp_path / "val.json"),
            "val_images": None,
            "epochs": None,
            "eval_only": False,
            "num_gpus": 1,
            "num_machines": 1,
        }
        return argparse.Namespace(**{**values, **changes})

    return arguments


def test_the_same_file_for_both(args, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "train.json")
    with pytest.raises(UserError, match=r"split it with tools/check_data\.py --split"):
        config_of_command(args("Digits/dw_R_18_FPN.py", val_json=str(tmp_path / "link.json")))


@pytest.mark.parametrize("config", ["Digits/dw_R_18_FPN.py", "Digits/fcos_R_18_FPN.py"])
def test_more_objects_than_the_limits(args, config):
    crowded = content(3)
    crowded["annotations"] += [{**crowded["annotations"][0], "id": 100 + k} for k in range(250)]
    cfg, text = config_of_command(args(config, train=crowded))
    limits = [OmegaConf.select(cfg, key) for key in LIMITS]
    assert limits == [300, 300] and text.count("an image with 251 objects") == 2
    assert cfg.model.test_topk_candidates == 1000
    assert Evaluation(cfg, instantiate(cfg.model)).evaluator.max_dets == 300
    cfg, text = config_of_command(args(config, f"{LIMITS[0]}=150", val=crowded))
    assert [OmegaConf.select(cfg, key) for key in LIMITS] == [150, 300]
    cfg, _ = config_of_command(args(config))
    assert [OmegaConf.select(cfg, key) for key in LIMITS] == [100, None]


KEYS = (
    "dataloader.train.total_batch_size",
    "optimizer.lr",
    "train.max_iter",
    "lr_multiplier.warmup_iters",
    "train.eval_period",
    "train.checkpointer.period",
    "train.log_period",
)


def chosen(cfg) -> list:
    return [OmegaConf.select(cfg, key) for key in KEYS]


COCO, DIGITS = "COCO-Detection/dw_R_50_FPN_1x.py", "Digits/dw_R_18_FPN.py"


# 100 images with an object. The recipe of COCO: 16 images on 8 processes, lr 0.01, warm-up 1000.
@pytest.mark.parametrize(
    ("config", "opts", "changes", "expected"),
    [
        # 24 epochs of 50 steps of 2 images; an evaluation every 3 epochs.
        (COCO, [], {"epochs": 24}, [2, 0.00125, 1200, 120, 150, 150, 20]),
        # 12,000 images, 120 epochs, on few images.
        (COCO, [], {}, [2, 0.00125, 6000, 600, 600, 600, 20]),
        (COCO, [], {"epochs": 24, "num_gpus": 4}, [8, 0.005, 300, 30, 38, 38, 15]),
        (
            COCO,
            ["dataloader.train.total_batch_size=4", "train.accumulate=2"],
            {"epochs": 24},
            [4, 0.005, 300, 30, 38, 38, 15],
        ),
        (
            COCO,
            ["optimizer.lr=0.5", "train.max_iter=500", "train.log_period=7"],
            {},
            [2, 0.5, 500, 50, 50, 50, 7],
        ),
        (DIGITS, [], {"epochs": 0.5}, [8, 0.002, 7, 0, 7, 7, 1]),
    ],
)
def test_length_and_learning_rate(args, config, opts, changes, expected):
    cfg, text = config_of_command(args(config, *opts, **changes))
    assert chosen(cfg) == pytest.approx(expected)
    for key, value in zip(KEYS, expected, strict=True):
        (line,) = [line for line in text.splitlines() if f" {key} " in line]
        assert f" {value:g} " in line
        assert line.endswith("as given") == any(text.startswith(f"{key}=") for text in opts)


@pytest.mark.parametrize("config", model_zoo.config_names())
def test_every_config_gets_the_classes(args, config, tmp_path):
    parts = {"train": content(101, masks=True), "val": content(5, masks=True)}
    cfg, text = config_of_command(args(config, epochs=24, **parts))
    values = OmegaConf.to_container(cfg, resolve=True)
    assert values["model"]["head"]["num_classes"] == values["model"]["num_classes"] == 3
    assert class_names(cfg) == ["ant", "bee", "cow"]
    assert values["dataloader"]["evaluator"]["dataset_name"] == f"coco:{tmp_path / 'val.json'}"
    assert "engine" in values["dataloader"]["evaluator"]
    assert "ant, bee, cow" in text and "1 images without objects" in text


@pytest.mark.parametrize(
    "config", [COCO, "Digits/dla_R_18_FPN.py", "CrowdHuman/o2f_R_50_FPN_50ep.py"]
)
def test_the_config_of_the_run_says_all_of_it(args, config, tmp_path):
    cfg, _ = config_of_command(args(config, epochs=24))
    file = str(tmp_path / "config.yaml")
    LazyConfig.save(cfg, file)
    assert class_names(load_config(file)) == ["ant", "bee", "cow"]
    command = args(config, epochs=24)
    command.config_file = file
    again, _ = config_of_command(command)
    assert chosen(again) == chosen(cfg)


def test_length_of_dla_follows(args):
    cfg, _ = config_of_command(args("Digits/dla_R_18_FPN.py", epochs=16))
    assert cfg.model.scheme.epochs.num_images == 100


def test_masks_are_read_as_they_are_written(args):
    config = "Digits/o2f_condinst_R_18_FPN.py"
    train = content(101, masks=True)
    cfg, _ = config_of_command(args(config, train=train, val=content(5, masks=True)))
    assert cfg.dataloader.train.mapper.instance_mask_format == "polygon"
    del train["annotations"][3]["segmentation"]
    with pytest.raises(UserError, match=r"train\.json, annotation 5 of image id 5 has no segm"):
        config_of_command(args(config, train=train, val=content(5, masks=True)))


def test_evaluating_only(args):
    cfg, text = config_of_command(args(DIGITS, train_json=None, eval_only=True))
    assert cfg.model.num_classes == 3 and cfg.train.max_iter == 1500
    assert "train.max_iter" not in text


@pytest.mark.parametrize(
    ("config", "opts", "expected"),
    [
        # COCO's 800 and 1333; Digits takes images as they are; several sizes become one.
        (COCO, [], [320, 533, 320, 533]),
        (DIGITS, [], [320, 533, 320, 533]),
        ("COCO-Detection/dw_refine_R_50_FPN_ms_2x.py", [], [320, 533, 320, 533]),
        (DIGITS, ["dataloader.test.mapper.augmentations=[]"], [320, 533]),
    ],
)
def test_image_size(args, config, opts, expected):
    cfg, text = config_of_command(args(config, *opts, image_size=320))
    augmentations = [cfg.dataloader[split].mapper.augmentations for split in ("train", "test")]
    steps = [x for split in augmentations for x in split if "short_edge_length" in x]
    assert [v for x in steps for v in (x.short_edge_length, x.max_size)] == expected
    for step in steps:
        assert instantiate(step).get_transform(np.zeros((500, 1000, 3))).new_w == 533
    assert "augmentations.0.short_edge_length  320" in text


def test_no_option_changes_nothing(args):
    command = args(DIGITS, train_json=None, val_json=None)
    cfg, text = config_of_command(command)
    assert text == "" and cfg == load_config(command.config_file)


OTHER = {4: "ant", 9: "bee", 30: "dog"}
ERRORS = [
    ({"val_json": None}, "--val-json is missing"),
    ({"train_json": None}, "--train-json is missing"),
    ({"train_json": None, "val_json": None, "epochs": 3.0}, "are for your own data"),
    ({"image_size": 8}, "--image-size 8 must be at least 32 pixels"),
    ({"epochs": 0.0}, "--epochs 0 must be above 0"),
    ({"val": content(5, names=OTHER)}, r"val\.json, .*train\.json: only there cow; only here dog"),
    (
        {"val": content(5, names={1: "bee", 2: "ant", 3: "cow"})},
        "the same names in another order",
    ),
    ({"train": content(1)}, "No image in .* has an object to train on"),
    ({"val": content(1)}, r"No image in .*val\.json has an object"),
    ({"train_images": "nowhere"}, "image folder nowhere does not exist"),
    ({"train_json": "nowhere.json"}, r"nowhere\.json does not exist"),
]


@pytest.mark.parametrize(("changes", "message"), ERRORS)
def test_errors(args, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        config_of_command(args(DIGITS, **changes))
    assert "\n" not in str(caught.value)
