"""Compare oxbert's frozen models with every peer at hand: `python -m benches.models`; `--quick` ends in two minutes.

Each peer runs in a process of its own on the same random weights. The processes take turns within each round, so that a
busy or throttled machine slows all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches import machine, plots, summary
from benches.peers import PEERS, Peer
from benches.processes import Failed
from benches.texts import SIZES
from benches.worker import REPLICAS, THREADS, Worker

SHAPES = ("latency", "mixed", "full")
# Calls of the single text per round, after some that refill the caches.
CALLS, QUICK_CALLS, WARM_CALLS = 20, 8, 3
# Threads that spin after their work would disturb the next peer.
PAUSE = 0.03
ROUNDS, QUICK_ROUNDS, LEAST_ROUNDS = 7, 3, 3
# Seconds for the rounds of a shape.
QUICK_SECONDS = 15
BITS, QUICK_BITS = 10_000, 64

BEGIN = time.perf_counter()

Table = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """Hold what to measure."""

    sizes: list[str]
    shapes: list[str]
    peers: list[Peer]
    rounds: int
    threads: int
    bits: int
    avx2: bool = False
    quick: bool = False
    exports: Path | None = None
    # Seconds after which a shape gets no further round.
    seconds: float = float("inf")
    json: Path | None = None


def measure(plan: Plan) -> Table:
    """Return rows of `runs`, `memory`, `errors` and `bits`, the machine's `rates`, and what was `left out`."""
    table: Table = {name: [] for name in ("runs", "memory", "errors", "bits", "rates", "left out")}
    table["machine"] = machine.describe()
    for size in plan.sizes:
        with folder(plan, size) as place, contextlib.closing(Crew(plan, size, place, table)) as crew:
            for shape in plan.shapes:
                crew.measure(shape)
            crew.finish()
            crew.save()
    return table


@contextlib.contextmanager
def folder(plan: Plan, size: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield (plan.exports or Path(place)) / size


class Crew:
    """Hold the processes of all peers for one model."""

    def __init__(self, plan: Plan, size: str, place: Path, table: Table) -> None:
        self.plan, self.size, self.table = plan, size, table
        self.workers: dict[str, Worker] = {}
        peers = [peer for peer in plan.peers if self.is_possible(peer)]
        forms = sorted({form for peer in peers for form in peer.forms})
        report(f"{SIZES[size].title}: making the weights")
        export(place, size, forms)
        self.rates = machine.Rates(plan.threads)
        table["rates"].append({"instructions": self.instructions, **self.rates.found})
        # Their imports take longer than anything else here, and run at the same time.
        self.workers |= {peer.name: Worker(peer.name, place, size, plan.threads, plan.avx2) for peer in peers}
        for peer in peers:
            report(f"{SIZES[size].title}: loading {peer.name}")
            worker = self.workers[peer.name]
            with self.dropping(peer.name):
                loaded = worker.ask("load")
                error, worst = worker.ask("error")
                self.add("errors", peer, error=error, worst=worst)
                # Before there are replicas, for which some libraries need the weights again.
                worker.ask("prepare", shape="mixed", way=THREADS)
                self.add("memory", peer, loaded=loaded, peak=worker.ask("peak"))

    def is_possible(self, peer: Peer) -> bool:
        if peer.module is not None and not peer.module.exists():
            reason = f"not built: {peer.build}"
        elif peer.module is not None and self.plan.avx2:
            reason = "built for all instructions of this processor"
        elif missing := peer.missing():
            reason = f"not installed: {', '.join(missing)}; pip install {peer.packages}"
        elif peer.only and self.size not in peer.only:
            reason = f"cannot run {SIZES[self.size].title}"
        else:
            return True
        self.leave_out(peer, reason)
        return False

    def measure(self, shape: str) -> None:
        """Let all peers take turns on a shape, in each way that suits them."""
        turns = []
        report(f"{SIZES[self.size].title}: {shape}")
        for name, worker in list(self.workers.items()):
            for kind, way in ways(PEERS[name], shape, self.plan.quick):
                with self.dropping(name):
                    tokens = worker.ask("prepare", shape=kind, way=way)
                    seconds: list[float] = []
                    turns.append((name, kind, way, seconds))
                    self.add(
                        "runs", PEERS[name], shape=shape, batches=kind, way=way, tokens=tokens, seconds=seconds
                    )  # fmt: skip
        calls = QUICK_CALLS if self.plan.quick else CALLS
        times, warm = (calls, WARM_CALLS) if shape == "latency" else (1, 0)
        begin = time.perf_counter()
        for number in range(self.plan.rounds):
            if number >= LEAST_ROUNDS and time.perf_counter() - begin > self.plan.seconds:
                break
            for name, kind, way, seconds in turns:
                if name in self.workers:
                    with self.dropping(name):
                        seconds += self.workers[name].ask("run", shape=kind, way=way, times=times, warm=warm)
                    time.sleep(PAUSE)
            turns.append(turns.pop(0))
            self.rates.measure()
            self.save()
            report(f"{SIZES[self.size].title}: {shape}, round {number + 1}")

    def finish(self) -> None:
        """Compare bits, which takes no clock."""
        report(f"{SIZES[self.size].title}: bits")
        for name, worker in list(self.workers.items()):
            with self.dropping(name):
                if self.bits and PEERS[name].library != "torch.compile":
                    in_batch, in_replicas = worker.ask("bits", texts=self.bits)
                    self.add(
                        "bits", PEERS[name], texts=self.bits, differ=in_batch, in_replicas=in_replicas
                    )  # fmt: skip

    def save(self) -> None:
        """Write what there is, so that an end before the end loses little."""
        self.table["runs"] = [run for run in self.table["runs"] if run["seconds"]]
        if self.plan.json:
            self.plan.json.write_text(json.dumps(self.table) + "\n", encoding="utf-8")

    @property
    def bits(self) -> int:
        """Return the number of texts whose bits to compare: with several models the first, smallest one is enough."""
        return self.plan.bits if self.size == self.plan.sizes[0] else 0

    @property
    def instructions(self) -> str:
        return "avx2" if self.plan.avx2 else "best"

    def add(self, kind: str, peer: Peer, **values: object) -> None:
        place = {"model": self.size, "peer": peer.name, "instructions": self.instructions}
        self.table[kind].append(place | values)

    def leave_out(self, peer: Peer, reason: str) -> None:
        self.table["left out"].append({"model": self.size, "peer": peer.name, "reason": reason})

    @contextlib.contextmanager
    def dropping(self, name: str) -> Iterator[None]:
        """Go on without a peer that fails, and say so."""
        try:
            yield
        except Failed as error:
            self.leave_out(PEERS[name], str(error))
            self.workers.pop(name).close()

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def report(step: str) -> None:
    """Say on stderr what goes on."""
    print(f"{time.perf_counter() - BEGIN:6.0f} s  {step}", file=sys.stderr, flush=True)


def ways(peer: Peer, shape: str, quick: bool) -> list[tuple[str, str]]:
    """Return kinds of batches and ways to run them: for peers, each that may be the fastest."""
    both = [THREADS, REPLICAS] if peer.replicas else [THREADS]
    if shape == "latency":
        return [(shape, way) for way in both]
    if shape == "full":
        return [(shape, way) for way in both[: 1 if quick and not peer.is_ours else 2]]
    if peer.is_ours:
        return [(shape, way) for way in both]
    if quick:
        return [("mixed", THREADS), ("sorted", both[-1])]
    return [("mixed", THREADS), *(("sorted", way) for way in both)]


def export(place: Path, size: str, forms: list[str]) -> None:
    command = [sys.executable, "-m", "benches.exports", str(place), size, *forms]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"cannot make the weights of {SIZES[size].title}:\n{done.stderr[-3000:]}")


def plan_of(options: argparse.Namespace) -> Plan:
    import torch

    quick = options.quick
    peers = [peer for peer in PEERS.values() if peer.quick or not quick]
    if options.peers:
        peers = [peer for peer in peers if any(part in peer.name for part in options.peers)]
    return Plan(
        sizes=options.size or (["small"] if quick else list(SIZES)),
        shapes=[shape for shape in options.shape or SHAPES if shape != "none"],
        peers=peers,
        rounds=options.rounds or (QUICK_ROUNDS if quick else ROUNDS),
        threads=options.threads or torch.get_num_threads(),
        bits=(QUICK_BITS if quick else BITS) if options.bits is None else options.bits,
        avx2=options.avx2,
        quick=quick,
        exports=options.exports,
        seconds=options.seconds or (QUICK_SECONDS if quick else float("inf")),
        json=options.json,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="the main rows of ELECTRA-small, in two minutes")
    parser.add_argument("--size", choices=list(SIZES), action="append", help="a model, again for another [all]")
    parser.add_argument("--shape", choices=[*SHAPES, "none"], action="append", help="a shape of batches [all]")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only peers with one of these in their name")
    parser.add_argument("--rounds", type=int, help=f"rounds in which the peers take turns [{ROUNDS}]")
    parser.add_argument("--seconds", type=float, help="end the rounds of a shape after this time, after three at least")
    parser.add_argument("--threads", type=int, help="threads, and replicas of one thread each [torch's default]")
    parser.add_argument("--bits", type=int, help=f"texts whose bits are compared, 0 for none [{BITS}]")
    parser.add_argument(
        "--avx2", action="store_true", help="keep the libraries that have such a setting (all but ONNX Runtime) to AVX2"
    )
    parser.add_argument("--exports", type=Path, metavar="FOLDER", help="keep the weights and their forms there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the results as a picture (PNG)")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benches.models", description="Compare oxbert's frozen models with every peer at hand."
    )
    add_options(parser)
    parser.add_argument("--merge", type=Path, nargs="+", metavar="FILE", help="measure nothing; show files of --json")
    options = parser.parse_args()
    if options.merge:
        table = summary.merge(json.loads(file.read_text()) for file in options.merge)
    else:
        table = measure(plan_of(options))
    if options.json:
        options.json.write_text(json.dumps(table) + "\n", encoding="utf-8")
    summary.show(table)
    if options.plot:
        plots.draw(table, options.plot)


if __name__ == "__main__":
    main()
