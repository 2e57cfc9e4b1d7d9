import json

from detectron2.utils.events import EventStorage

from dual_weighting.engine.writers import MetricsWriter, cut_metrics, put_aside


def test_cut(tmp_path):
    file = tmp_path / "metrics.json"
    lines = [f'{{"iteration": {i}, "lr": 0.1}}\n' for i in (9, 19, 29)]
    file.write_text("".join(lines) + '{"iteration": 3')
    cut_metrics(file, start_iter=20)
    assert file.read_text() == "".join(lines[:2])
    cut_metrics(file, start_iter=19)
    assert file.read_text() == lines[0]
    cut_metrics(file, start_iter=0)
    assert file.read_text() == ""


def test_cut_without_a_file(tmp_path):
    cut_metrics(tmp_path / "metrics.json", start_iter=0)
    assert not list(tmp_path.iterdir())


def test_put_aside(tmp_path):
    file = tmp_path / "metrics.json"
    assert not put_aside(file)
    file.write_text("old")
    assert put_aside(file)
    assert not file.exists() and (tmp_path / "metrics.json.bak").read_text() == "old"


def test_lines_are_in_the_order_of_their_iterations(tmp_path):
    """A batch without objects has no statistic of them; what was written is not written again."""
    file = tmp_path / "metrics.json"
    with EventStorage(0) as storage:
        writer = MetricsWriter(file)
        for iteration in range(4):
            storage.iter = iteration
            storage.put_scalar("progress", float(iteration), smoothing_hint=False)
            if iteration != 2:
                storage.put_scalar("positives", 10.0 * iteration)
            if iteration in (0, 2):
                writer.write()
        writer.write()
        writer.write()  # nothing is new
        writer.close()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert rows == [
        {"iteration": 0, "positives": 0.0, "progress": 0.0},
        {"iteration": 1, "positives": 5.0},  # the median of the last 20
        {"iteration": 2, "progress": 2.0},
        {"iteration": 3, "positives": 10.0, "progress": 3.0},
    ]
