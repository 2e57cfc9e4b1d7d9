"""Renaming, recognising and refusing the weights of other code bases."""

import re
import types

import pytest
import torch
import torchvision
from commands.run import HERE, command
from golden_models import load_golden_model
from torch import nn

from dual_weighting import model_zoo
from dual_weighting.checkpoint.convert.conversion import Rules, convert, read_foreign_weights
from dual_weighting.checkpoint.convert.mmdetection import (
    MMDETECTION,
    Candidate,
    merging_order,
    recognize,
)
from dual_weighting.cli.convert_checkpoint import (
    candidates,
    convert_file,
    recognize_release,
    zoo_files,
)
from dual_weighting.utils.errors import UserError

TOOL = HERE.parents[1] / "tools" / "convert_checkpoint.py"


def test_rules():
    rules = Rules(
        rename=[(r"^a\.", "b."), (r"\.x$", ".y")],
        ignore=[(r"^junk", "no use")],
        stack=[(r"^scale(\d)$", "scales")],
        rearrange=[(r"^flip", lambda value: value.flip(0))],
    )
    weights = {
        "scale1": torch.tensor(2.0),
        "a.x": torch.zeros(1),
        "junk": torch.zeros(1),
        "flip": torch.tensor([1, 2]),
        "scale0": torch.tensor(1.0),
    }
    result = convert(weights, rules)
    assert {name: x.tolist() for name, x in result.state_dict.items()} == {
        "b.y": [0.0], "flip": [2, 1], "scales": [1.0, 2.0],
    }  # fmt: skip
    assert result.sources == {"b.y": ["a.x"], "flip": ["flip"], "scales": ["scale0", "scale1"]}
    assert result.ignored == {"junk": "no use"}


def test_names():
    names = {
        "backbone.conv1.weight": "backbone.bottom_up.stem.conv1.weight",
        "backbone.layer2.0.downsample.1.bias": "backbone.bottom_up.res3.0.shortcut.norm.bias",
        "backbone.layer4.1.bn2.weight": "backbone.bottom_up.res5.1.conv2.norm.weight",
        "backbone.layer3.0.conv2.conv_offset.bias": "backbone.bottom_up.res4.0.conv2.offset.bias",
        "backbone.stages.1.blocks.0.attn.w_msa.qkv.bias": (
            "backbone.bottom_up.layers.1.blocks.0.attn.qkv.bias"
        ),
        "neck.fpn_convs.2.conv.bias": "backbone.fpn_output5.bias",
        "neck.fpn_convs.3.conv.bias": "backbone.top_block.p6.bias",
        "bbox_head.cls_convs.3.gn.weight": "head.cls_tower.3.norm.weight",
        "bbox_head.centerness_convs.0.conv.weight": "head.objectness_tower.0.weight",
        "bbox_head.reg_offset.weight": "head.box_refinement.offset.weight",
    }
    result = convert({name: torch.zeros(8) for name in names}, MMDETECTION)
    assert result.sources == {ours: [theirs] for theirs, ours in names.items()}


def test_merging_order():
    """A patch of 2 x 2 tokens as each code base puts it into one vector gives the same output."""
    torch.manual_seed(0)
    tokens = torch.randn(1, 3, 4, 6)
    weight = torch.randn(5, 12)
    theirs = torch.einsum("oi, nip -> nop", weight, nn.functional.unfold(tokens, 2, stride=2))
    x = tokens.permute(0, 2, 3, 1)
    parts = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
    ours = torch.einsum("oi, nhwi -> nohw", merging_order(weight), torch.cat(parts, dim=-1))
    torch.testing.assert_close(ours.flatten(2), theirs)


@pytest.fixture(scope="module")
def zoo():
    return {m: candidates(zoo_files(m), backbone_only=False) for m in ("dw_", "o2f_")}


@pytest.mark.parametrize(
    ("name", "configs"),
    [
        ("dw_r50_norefine", {"dw_R_50_FPN_1x"}),
        ("dw_r50_refine", {"dw_refine_R_50_FPN_1x", "dw_refine_R_50_FPN_ms_2x"}),
        ("dw_r50_dcn", {"dw_refine_R_50_DCN_FPN_ms_2x"}),
        ("o2f_r50", {"o2f_R_50_FPN_1x", "o2f_R_50_FPN_ms_3x"}),
        ("o2f_swin_t", {"o2f_Swin_T_FPN_1x", "o2f_Swin_T_FPN_3x"}),
    ],
)
def test_recognises_the_model(zoo, name, configs):
    golden, _ = load_golden_model(name, values=False)
    shapes = {k: torch.empty(s, device="meta") for k, s in golden["state_dict_shapes"].items()}
    rules, method = recognize_release(shapes, file="x.pth")
    found = recognize(convert(shapes, rules), zoo[method], file="x.pth")
    assert set(found.configs) == {f"COCO-Detection/{config}.py" for config in configs}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox_head.new.weight": (3,)}, "differs in 1 of .* bbox_head.new.weight: nothing there"),
        ({"neck.fpn_convs.4.conv.bias": None}, r"top_block.p7.bias: \(256,\) there, nothing in"),
        ({"bbox_head.conv_cls.bias": (7,)}, r"cls_logits.bias: .80,. there, .7,. .bbox_head.conv"),
    ],
)
def test_anything_unexpected_is_an_error(zoo, change, message):
    golden, _ = load_golden_model("dw_r50_refine", values=False)
    shapes = {k: s for k, s in (golden["state_dict_shapes"] | change).items() if s is not None}
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    with pytest.raises(UserError, match=message) as error:
        recognize(convert(weights, MMDETECTION), zoo["dw_"], file="x.pth")
    assert "x.pth match no config: the closest is COCO-Detection/dw_refine" in str(error.value)


def test_counters_without_a_place_are_left_out():
    weights = {"a": torch.zeros(1), "n.num_batches_tracked": torch.zeros(())}
    result = convert(weights, Rules(rename=[]))
    recognize(result, [Candidate(["c"], {"a": (1,), "m.num_batches_tracked": ()})], file="x")
    assert list(result.state_dict) == ["a"] and list(result.ignored) == ["n.num_batches_tracked"]


def test_command_with_a_resnet(tmp_path, monkeypatch):
    """Every name is accounted for."""
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / "resnet50.pth")
    dest = tmp_path / "backbone.pth"
    config = model_zoo.get_config_file("COCO-Detection/dw_R_50_FPN_1x.py")
    result = command(tmp_path / "resnet50.pth", dest, "--config-file", config, script=TOOL)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "renamed  conv1.weight -> backbone.bottom_up.stem.conv1.weight" in lines
    assert "ignored  fc.bias: the classifier of ImageNet" in lines
    assert len([x for x in lines if x.startswith(("renamed", "ignored"))]) == 320
    assert re.search("matches .*dw_R_50_FPN_1x.py", result.stdout)
    weights = torch.load(dest, weights_only=True)["model"]
    assert set(weights) >= {"backbone.bottom_up.res5.2.conv3.norm.running_var"}
    assert len(weights) == 265  # as torchvision:// loads


def test_a_file_that_runs_code_is_refused(tmp_path):
    file = tmp_path / "mmdet.pth"
    meta = {"config": types.SimpleNamespace(text="dict()")}
    torch.save({"meta": meta, "state_dict": {"a": torch.zeros(1)}}, file)
    with pytest.raises(UserError, match=r"mmdet.pth is refused .* execute code: add --trust"):
        read_foreign_weights(str(file))
    assert list(read_foreign_weights(str(file), trust=True)) == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"half a file", "not a complete checkpoint"),
        ({"epoch": 3}, "contains no named weights"),
        ({"state_dict": {"a": torch.zeros(1), "b": 3}}, "b is not a tensor"),
        ({"head.bias": torch.zeros(1)}, "neither of DW.* first weight is head.bias"),
        (None, "does not exist"),
    ],
)
def test_files_that_are_none(content, message, tmp_path):
    file = tmp_path / "file.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(UserError, match=message):
        convert_file(str(file), str(tmp_path / "dest.pth"))
    assert not (tmp_path / "dest.pth").exists()


def test_each_model_is_a_candidate_once():
    names = [f"COCO-Detection/{name}.py" for name in ("dw_refine_R_50_FPN_1x", "dw_R_50_FPN_1x")]
    names.append("COCO-Detection/dw_refine_R_50_FPN_ms_2x.py")
    files = {name: model_zoo.get_config_file(name) for name in names}
    models = candidates(files, backbone_only=False)
    assert [model.configs for model in models] == [[names[0], names[2]], [names[1]]]
    (backbone,) = candidates(files, backbone_only=True)
    assert set(backbone.configs) == set(names)
