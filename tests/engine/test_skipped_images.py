import torch
from slope import Slope

from dual_weighting.data.mapper import DROPPED_BOXES, SKIPPED_IMAGES
from dual_weighting.engine.skipped_images import SkippedImagesHook
from dual_weighting.engine.trainer import Trainer


def train(skipped, **options):
    """As many iterations as lists in `skipped`; what the metrics said of each."""
    batches = [[{"file_name": "good.png", SKIPPED_IMAGES: list(s)}] for s in skipped]
    model = Slope()
    trainer = Trainer(model, batches, torch.optim.SGD(model.parameters(), lr=0.1))
    trainer.register_hooks([SkippedImagesHook(2, **options)])
    trainer.train(0, len(batches))
    return trainer.storage.history("skipped_images").values()


def test_images_are_named_once_and_counted_every_time(caplog):
    """Reported every second iteration and at the end."""
    counts = train([["a is bad."], [], ["a is bad.", "b is bad."], ["a is bad."], []])
    assert counts == [(1, 1), (4, 3), (4, 4)]
    assert caplog.text.count("Skipped: a is bad.") == caplog.text.count("Skipped: b is bad.") == 1
    assert "In the place of 2 images that cannot be used, others were taken, 4 times" in caplog.text


def test_a_resumed_training_goes_on_counting(caplog):
    assert train([[], []], before=7) == [(7, 1)]
    assert not [x for x in caplog.records if x.name.startswith("dual_weighting")]


def test_dropped_boxes_are_counted(caplog):
    """Once an iteration, of all images."""
    counts = [(0, 0), (2, 0), (1, 2)]
    batches = [[{"file_name": f"{n}.png", DROPPED_BOXES: n} for n in x] for x in counts]
    model = Slope()
    trainer = Trainer(model, batches, torch.optim.SGD(model.parameters(), lr=0.1))
    trainer.train(0, len(batches))
    assert trainer.storage.history(DROPPED_BOXES).values() == [(2, 1), (5, 2)]
    (told,) = [x.getMessage() for x in caplog.records if "min_box_side" in x.getMessage()]
    assert "here 2 of 2.png" in told
