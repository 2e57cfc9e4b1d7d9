import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from dual_weighting.losses.workers import average_over_workers


def _worker(rank, init_file, results):
    dist.init_process_group("gloo", init_method=f"file://{init_file}", rank=rank, world_size=2)
    values = torch.tensor([float(rank), 10.0])
    results[rank] = average_over_workers(values).tolist()
    assert values.tolist() == [rank, 10.0], "the argument was changed"
    dist.destroy_process_group()


def test_one_process_changes_nothing():
    values = torch.tensor([3.0, 4.0])
    assert average_over_workers(values).tolist() == [3.0, 4.0]


def test_two_processes(tmp_path):
    with mp.get_context("spawn").Manager() as manager:
        results = manager.dict()
        mp.spawn(_worker, args=(tmp_path / "init", results), nprocs=2)
        assert results[0] == results[1] == [0.5, 10.0]
