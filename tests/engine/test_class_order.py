import pytest
import torch
from omegaconf import OmegaConf
from tiny_detector import tiny_detector

from dual_weighting.engine.resume import match_classes


def config(names, dataset):
    entry = {"name": dataset, "json_file": "x.json", "image_root": "x", "thing_classes": names}
    entry["category_ids"] = list(range(len(names)))
    cfg = {"datasets": [entry], "model": {"num_classes": len(names)}}
    cfg["dataloader"] = {x: {"dataset": {"names": dataset}} for x in ("train", "test")}
    return OmegaConf.create(cfg)


@pytest.mark.parametrize(
    ("trained", "wanted", "order"),
    [
        (["a", "b", "c"], ["c", "a", "b"], [2, 0, 1]),
        (["a", "b", "c"], ["a", "b", "c"], [0, 1, 2]),
        (["a", "b", "c"], ["a", "b", "d"], [0, 1, 2]),
    ],
)
def test_match_by_name(tmp_path, trained, wanted, order):
    """Logits stand in the order of the data; other names are left alone."""
    (tmp_path / "config.yaml").write_text(
        OmegaConf.to_yaml(config(trained, "class_order_train")), encoding="utf-8"
    )
    model = tiny_detector(num_classes=3)
    torch.nn.init.normal_(model.head.cls_logits.bias)
    before = model.head.cls_logits.bias.clone(), model.head.cls_logits.weight.clone()
    match_classes(model, str(tmp_path / "model_final.pth"), config(wanted, "class_order_val"))
    assert torch.equal(model.head.cls_logits.bias, before[0][order])
    assert torch.equal(model.head.cls_logits.weight, before[1][order])


def test_unknown_classes_stay(tmp_path):
    """There is no config.yaml beside the checkpoint."""
    model = tiny_detector()
    before = model.head.cls_logits.bias.clone()
    match_classes(model, str(tmp_path / "model.pth"), config(["b", "a"], "class_order_val"))
    assert torch.equal(model.head.cls_logits.bias, before)
