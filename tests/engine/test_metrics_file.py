from dual_weighting.engine.run_folder import cut_metrics, put_aside


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
