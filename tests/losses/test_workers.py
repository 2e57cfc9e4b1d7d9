import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from dual_weighting.losses.workers import batch_divisors


def _worker(rank, init_file, results):
    dist.init_process_group("gloo", init_method=f"file://{init_file}", rank=rank, world_size=2)
    values = torch.tensor([1.0 + rank, 10.0, 0.0])
    results[rank] = [float(x) for x in batch_divisors(values.unbind(), at_least=(1, 1, 1))]
    assert values.tolist() == [1.0 + rank, 10.0, 0.0], "the argument was changed"
    dist.destroy_process_group()


def test_one_process():
    values = torch.tensor([3.0, 0.2]).unbind()
    assert [float(x) for x in batch_divisors(values, at_least=(1, 1))] == [3.0, 1.0]


def test_two_processes(tmp_path):
    """Half of the sums 3, 20 and 0, of which the last is raised to 1."""
    with mp.get_context("spawn").Manager() as manager:
        results = manager.dict()
        mp.spawn(_worker, args=(tmp_path / "init", results), nprocs=2)
        assert results[0] == results[1] == [1.5, 10.0, 0.5]
