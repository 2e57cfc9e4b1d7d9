import pytest
import torch
from weighting_example import main, parser, weights_of

from dual_weighting.assignment.weighting_functions import aligned_target, dw_weights
from dual_weighting.utils.errors import UserError

SCORES = torch.tensor([0.95, 0.7, 0.6, 0.3])
IOUS = torch.tensor([0.95, 0.4, 0.6, 0.6])


@pytest.mark.parametrize(
    ("name", "w_pos", "w_neg"),
    [
        ("GFL", [0, 0.04, 0, 0.05], [0, 0.05, 0, 0.04]),
        ("VFL", [0.9, 0.16, 0.36, 0.36], [0.05, 0.24, 0.24, 0.24]),
        # For B the slides have 0.55, eq. 6 without the bound of eq. 5, by which P_neg is 1.
        ("DW", [1.0, 0.01, 0.06, 0.03], [0.0, 0.49, 0.31, 0.08]),
        # Not in the slides: (1 - w_pos) s^2.
        ("DW coupled", [1.0, 0.01, 0.06, 0.03], [0.0, 0.486, 0.339, 0.088]),
    ],
)
def test_slides(name, w_pos, w_neg):
    found = weights_of(SCORES, IOUS)[name]
    assert found[0].tolist() == pytest.approx(w_pos, abs=0.006)
    assert found[1].tolist() == pytest.approx(w_neg, abs=0.006)


def test_targets_of_both_tasks():
    """s IoU^6 of two candidates of one ground truth: 0.5 and 0.25 / 64. Another has only one."""
    s, iou = torch.tensor([0.5, 0.25, 0.1]), torch.tensor([1.0, 0.5, 0.5])
    t = aligned_target(s, iou, torch.tensor([0, 0, 1]), num_gt=2)
    assert t.tolist() == pytest.approx([1.0, 0.25 / 64 / 0.5, 0.5])


def test_tood_and_mutual_supervision():
    """The better of two candidates has t = 1, the other's is 1/128."""
    s, iou = torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.5])
    weights = weights_of(s, iou)
    t = 1 / 128
    assert weights["TOOD"][0].tolist() == pytest.approx([0.25, (0.25 - t) ** 2 * t])
    assert weights["TOOD"][1].tolist() == pytest.approx([0.0, (0.25 - t) ** 2 * (1 - t)])
    assert weights["MUSU"][0].tolist() == pytest.approx([0.25, (0.25 - t) ** 2 * t])
    assert weights["MUSU"][1].tolist() == pytest.approx([0.0, 0.0625 * (1 - t) ** 4])


def test_all_scores_zero():
    weights = weights_of(torch.zeros(2), torch.tensor([0.5, 0.0]))
    assert all(torch.isfinite(torch.stack(pair)).all() for pair in weights.values())
    assert dw_weights(torch.zeros(1), torch.zeros(1))[1].tolist() == [0.0]


def test_dw_ends():
    """P_neg is 1 below IoU 0.5 and 0 from 0.95 on; between, f(IoU) = (1 - IoU^2) / 0.75."""
    iou = torch.tensor([0.49, 0.5, 0.9, 0.94, 0.95, 1.0])
    _, w_neg = dw_weights(torch.full((6,), 0.5), iou)
    f = [1, 1, 0.19 / 0.75, (1 - 0.94**2) / 0.75, 0, 0]
    assert w_neg.tolist() == pytest.approx([p / 4 for p in f], abs=1e-6)


def test_command(capsys):
    main(parser().parse_args([]))
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("GFL", "VFL", "TOOD", "MUSU", "DW coupled"))
    lines = [line.split("│")[1:-1] for line in printed.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line] for line in lines]
    assert ["VFL", "w_pos", "0.90", "0.16", "0.36", "0.36"] in cells
    assert ["DW", "w_pos", "1.00", "0.01", "0.06", "0.03"] in cells
    main(parser().parse_args(["--scores", "0.5", "--ious", "1.0"]))
    assert "0.25" in capsys.readouterr().out  # w_pos of GFL: (1 - 0.5)^2


@pytest.mark.parametrize(
    ("options", "message"),
    [("--scores 0.5 --ious 0.5 0.2", "1 scores and 2 IoUs"), ("--scores 2 --ious 0", "score 2.0")],
)
def test_errors(options, message):
    with pytest.raises(UserError, match=message):
        main(parser().parse_args(options.split()))
