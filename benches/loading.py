"""Measure the memory and time of loading, each time in a new process, because the peak of a process never falls."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import oxbert
from benches.machine import Sgemm
from benches.texts import SIZES

FORMATS = ("safetensors", "ot", "bin", "several files")
SIZE = "base"

FROZEN = "oxbert, frozen"

CHILD = (
    f"FROZEN = {FROZEN!r}"
    + """
import sys, time, warnings
warnings.simplefilter("ignore")
peer, folder = sys.argv[1:]
if peer.startswith("oxbert"):
    import oxbert as library
else:
    import transformers as library, torch
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
def megabytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) * 1024
# A first model loads everything that the library itself needs, which does not count.
library.ElectraModel(library.ElectraConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1))
with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")
before, begin = megabytes("VmRSS"), time.perf_counter()
options = {"trainable": False} if peer == FROZEN else {}
model = library.ElectraForPreTraining.from_pretrained(folder, **options)
print(megabytes("VmHWM") - before, time.perf_counter() - begin)
"""
)


@dataclass(frozen=True)
class Loading:
    """Hold the medians of the growth of memory, relative to the parameters' bytes, and of the seconds."""

    peer: str
    format: str
    peak: float
    seconds: float


def measure(rounds: int, sgemm: Sgemm) -> list[Loading]:
    with tempfile.TemporaryDirectory() as place:
        model = oxbert.ElectraForPreTraining.from_config(oxbert.ElectraConfig(**SIZES[SIZE].config), seed=0)
        size = 4 * model.num_parameters()
        folders = {name: write(model, Path(place) / name, name) for name in FORMATS}
        ours = [(peer, name) for name in FORMATS for peer in ("oxbert", FROZEN)]
        pairs = [*ours, ("transformers", "safetensors"), ("transformers", "bin")]
        found: dict[tuple[str, str], list[tuple[float, float]]] = {pair: [] for pair in pairs}
        for _ in range(rounds):
            for peer, name in pairs:
                found[peer, name].append(once(peer, folders[name], size))
            sgemm.measure()
    return [
        Loading(*pair, median(peak for peak, _ in each), median(seconds for _, seconds in each))
        for pair, each in found.items()
    ]


def once(peer: str, folder: Path, size: int) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", CHILD, peer, folder], capture_output=True, text=True, check=True)
    peak, seconds = map(float, done.stdout.split())
    return peak / size, seconds


def write(model: oxbert.ElectraForPreTraining, folder: Path, name: str) -> Path:
    if name != "several files":
        model.save_pretrained(folder, format=name)
        return folder
    model.config.save_pretrained(folder)
    state = model.state_dict()
    parts = {f"model-0000{number + 1}-of-00004.safetensors": list(state)[number::4] for number in range(4)}
    for file, names in parts.items():
        oxbert.save_weights({key: state[key] for key in names}, folder / file)
    index = {"metadata": {}, "weight_map": {key: file for file, names in parts.items() for key in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
