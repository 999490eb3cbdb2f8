"""Test that a run of training keeps freed memory, and returns it at its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# In a process of its own: the settings are those of a whole process. By default glibc returns so large a block at once.
SCRIPT = """
import torch
from oxbert.training import keep_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20

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
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**clean, **settings}, capture_output=True, text=True, check=True
    )
    return [int(figure) for figure in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_is_kept_inside_and_returned_after() -> None:
    before, first, second, after = run()
    assert first - before > 200
    # The inner context did not end the outer one.
    assert second - before > 200
    assert after - before < 50


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_settings_of_the_user_are_left_alone(name: str) -> None:
    value = "2" if name == "MALLOC_ARENA_MAX" else "glibc.malloc.arena_max=2"
    before, first, second, after = run(**{name: value})
    assert max(first, second, after) - before < 50
