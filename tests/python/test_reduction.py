"""Gradients that are summed over processes, whatever each of them reaches."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .processes import run

# Every process draws the same parameters, and its own share of those that its loss reaches.
SUMS = """
import random, sys, torch
from pathlib import Path
from torch import distributed
torch.set_num_threads(1)
from oxbert.training.loop.processes import Processes
from oxbert.training.loop.reduction import GradientReducer

processes = Processes("cpu")
for case in range(60):
    common, own = random.Random(case), random.Random(f"{case} {processes.rank}")
    torch.manual_seed(case)
    shapes = [[common.randrange(1, 6) for _ in range(common.randrange(3))] for _ in range(common.randrange(1, 9))]
    dtypes = [common.choice([torch.float32, torch.float64]) for _ in shapes]
    parameters = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape, dtype in zip(shapes, dtypes)]
    options = {"bucket": common.choice([1, 40, 200, 10**6]), "overlaps": common.random() < 0.8}
    reducer = GradientReducer(processes, parameters, **options)
    for step in range(3):
        trained = [parameter for parameter in parameters if common.random() < 0.8]
        for parameter in parameters:
            parameter.grad = None
        passes = own.randrange(3)
        expected = {parameter: torch.zeros_like(parameter) for parameter in trained}
        for number in range(passes):
            reached = [parameter for parameter in parameters if own.random() < 0.7]
            if number == passes - 1:
                reducer.begin(trained)
            if reached:
                sum(((parameter * own.random()) ** 2).sum().double() for parameter in reached).backward()
        for parameter in trained:
            if parameter.grad is not None:
                expected[parameter] += parameter.grad
        before = [expected[parameter].clone() for parameter in trained]
        reducer.finish(trained)
        for parameter, local in zip(trained, before):
            distributed.all_reduce(local)
            assert torch.allclose(parameter.grad, local, rtol=1e-6, atol=0), (case, step)
(Path(sys.argv[1]) / f"done {processes.rank}").touch()
processes.barrier()
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_sums_over_processes(tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text(SUMS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    run([*command, tmp_path / "sums.py", tmp_path], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    assert len(list(tmp_path.glob("done *"))) == 3
