"""Test that a run of training keeps freed memory, and returns it at its end."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from oxbert.training import keep_memory
from oxbert.training.loop import memory

from . import processes
from .runs import trainer, write_data

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="changes glibc's settings, and reads /proc")

# In a process of its own: the settings are those of a whole process. By default glibc returns so large a block at once.
SCRIPT = """
import resource, torch
from oxbert.training import keep_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20

def use():
    torch.ones(64 << 20)

use()
figures = [resident()]
with keep_memory():
    use()
    figures.append(resident())
    with keep_memory():
        pass
    use()
    figures.append(resident())
figures.append(resident())
print(*figures)
"""


def run(**settings: str) -> list[int]:
    """Return the memory of a process in MB: before, twice inside the context, and after it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = processes.run([sys.executable, "-c", SCRIPT], env={**clean, **settings}, check=True)
    return [int(figure) for figure in done.stdout.split()]


def test_freed_memory_is_kept_inside_and_returned_after() -> None:
    before, first, second, after = run()
    assert first - before > 200
    # The inner context did not end the outer one.
    assert second - before > 200
    assert after - before < 50


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_settings_of_the_user_are_left_alone(name: str) -> None:
    value = "2" if name == "MALLOC_ARENA_MAX" else "glibc.malloc.arena_max=2"
    before, first, second, after = run(**{name: value})
    assert max(first, second, after) - before < 50


def test_the_last_of_several_users_ends_it() -> None:
    def use() -> None:
        for _ in range(200):
            with keep_memory():
                pass

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(KeyError), keep_memory():
        raise KeyError
    assert not memory._users


def test_a_run_is_inside(tmp_path: Path) -> None:
    run = trainer(write_data(tmp_path), tmp_path / "run")
    draw, users = run.draw_batch, []

    def watched(step: int) -> Any:
        users.append(len(memory._users))
        return draw(step)

    run.draw_batch = watched  # type: ignore[method-assign]
    run.train(progress=False, stop=2)
    assert users == [1, 1] and not memory._users
