"""Turn the rows of a comparison of models into tables and ratios."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

import numpy as np

from benches.peers import CLASSES, PEERS
from benches.texts import FULL_LENGTH, FULL_TEXTS, SIZES, TEXTS_OF_A_SORTED_BATCH, TOKENS_OF_ONE_TEXT, batches
from benches.worker import REPLICAS, THREADS

Table = dict[str, Any]
# Rows with these fields in common are of one measurement.
KEYS = ("model", "peer", "instructions", "shape", "batches", "way", "tokens")
COLUMNS = {
    ("mixed", "mixed", THREADS): "mixed",
    ("mixed", "mixed", REPLICAS): "replicas",
    ("mixed", "sorted", THREADS): "sorted",
    ("mixed", "sorted", REPLICAS): "sorted, replicas",
    ("full", "full", THREADS): "full",
    ("full", "full", REPLICAS): "full, replicas",
}


def merge(tables: Iterable[Table]) -> Table:
    """Bring runs in pieces together: the seconds of the same measurement are added to one list."""
    merged: Table = {}
    for table in tables:
        merged.setdefault("machine", table["machine"])
        for kind, rows in table.items():
            if kind == "machine":
                continue
            kept = merged.setdefault(kind, [])
            for row in rows:
                same = [other for other in kept if all(row.get(key) == other.get(key) for key in KEYS)]
                if kind == "runs" and same:
                    same[0]["seconds"] = same[0]["seconds"] + row["seconds"]
                elif kind == "rates" or row not in kept:
                    kept.append(dict(row))
    return merged


def rates(table: Table, instructions: str = "best") -> dict[str, float]:
    """Return the median rate of each kind of product in GFLOP/s, and for a precision the best of them."""
    found: dict[str, list[float]] = {}
    for row in table["rates"]:
        if row["instructions"] == instructions:
            for name, values in row.items():
                if name != "instructions":
                    found.setdefault(name, []).extend(values)
    return {name: median(values) for name, values in found.items() if values}


def best_rate(found: dict[str, float], precision: str) -> float:
    """Return the rate of the best large product; float16 is computed in float32, int8_bfloat16 mostly in int8."""
    name = {"float16": "float32", "int8_bfloat16": "int8"}.get(precision, precision)
    return max((rate for key, rate in found.items() if key.partition(",")[0] == name), default=float("nan"))


def throughput(run: dict[str, Any]) -> float:
    return run["tokens"] / median(run["seconds"])


def best(runs: list[dict[str, Any]], model: str, shape: str, peers: Iterable[str]) -> dict[str, Any] | None:
    """Return the best run of some peers: the least latency, or the most tokens per second."""
    names = set(peers)
    fitting = [run for run in runs if run["model"] == model and run["shape"] == shape and run["peer"] in names]
    return min(fitting, key=lambda run: median(run["seconds"]) / run["tokens"], default=None)


def rows_of(table: Table, model: str, instructions: str) -> list[dict[str, str]]:
    """Return a row for each peer of a model."""
    runs = [run for run in table["runs"] if run["model"] == model and run["instructions"] == instructions]
    of_machine = rates(table, instructions)
    rows = []
    for name, peer in PEERS.items():
        mine = [run for run in runs if run["peer"] == name]
        if not mine:
            continue
        row = {"peer": name, "p50 ms": "", "p99 ms": "", "1 thread": "", **dict.fromkeys(COLUMNS.values(), "")}
        for run in mine:
            if run["shape"] == "latency" and run["way"] == REPLICAS:
                row["1 thread"] = f"{np.percentile(run['seconds'], 50) * 1e3:.2f}"
            elif run["shape"] == "latency":
                row["p50 ms"] = f"{np.percentile(run['seconds'], 50) * 1e3:.2f}"
                row["p99 ms"] = f"{np.percentile(run['seconds'], 99) * 1e3:.2f}"
            else:
                row[COLUMNS[run["shape"], run["batches"], run["way"]]] = f"{throughput(run):,.0f}"
        for shape in ("mixed", "full"):
            if run := best(runs, model, shape, [name]):
                work = SIZES[model].work([text for batch in batches(SIZES[model], shape, 1) for text in batch])
                share = work / median(run["seconds"]) / 1e9 / best_rate(of_machine, peer.precision)
                row[f"{shape} / rate"] = f"{share:.0%}"
        memory = [entry for entry in table["memory"] if same(entry, model, name, instructions)]
        row["weights MB"] = f"{max((entry.get('loaded', 0) for entry in memory), default=0) / 1e6:,.0f}"
        row["peak MB"] = f"{max((entry.get('peak', 0) for entry in memory), default=0) / 1e6:,.0f}"
        errors = [entry["error"] for entry in table["errors"] if same(entry, model, name, instructions)]
        row["error"] = f"{errors[-1]:.1e}" if errors else ""
        rows.append(row)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return [{column: row.get(column, "") for column in columns} for row in rows]


def same(entry: dict[str, Any], model: str, peer: str, instructions: str) -> bool:
    return (entry["model"], entry["peer"], entry["instructions"]) == (model, peer, instructions)


def ratios(table: Table, model: str, instructions: str) -> list[dict[str, str]]:
    """Compare our best with the best peer, for each class and for each precision, by shape."""
    runs = [run for run in table["runs"] if run["instructions"] == instructions]
    classes = {f"{name} class": precisions for name, precisions in CLASSES.items()}
    classes |= {precision: (precision,) for precision in ("bfloat16", "int8")}
    rows = []
    for name, precisions in classes.items():
        ours = [peer for peer in PEERS if PEERS[peer].is_ours and PEERS[peer].precision in precisions]
        theirs = [peer for peer in PEERS if not PEERS[peer].is_ours and PEERS[peer].precision in precisions]
        for shape in ("latency", "mixed", "full"):
            mine, other = best(runs, model, shape, ours), best(runs, model, shape, theirs)
            if mine and other:
                ratio = median(other["seconds"]) / median(mine["seconds"])
                rows.append(
                    {"class": name, "shape": shape, "ours / best peer": f"{ratio:.2f}", "ours": label(mine),
                     "best peer": label(other)}
                )  # fmt: skip
    return rows


def label(run: dict[str, Any]) -> str:
    if run["shape"] == "latency":
        thread = ", one thread" if run["way"] == REPLICAS else ""
        return f"{run['peer']}{thread}: {median(run['seconds']) * 1e3:.2f} ms"
    way = {"replicas": ", replicas"}.get(run["way"], "")
    batch = ", sorted" if run["batches"] == "sorted" else ""
    return f"{run['peer']}{batch}{way}: {throughput(run):,.0f} tokens/s"


NOTES = f"""
Same random weights; each peer in a process of its own; the processes take turns, and the figures are medians.
p50, p99, and p50 on 1 thread: ms for one text of {TOKENS_OF_ONE_TEXT} tokens. Then real tokens per second. mixed: texts
of log-normal lengths in one batch as they come; sorted: the same texts in batches of {TEXTS_OF_A_SORTED_BATCH} of like
length; full: {FULL_TEXTS} rows of {FULL_LENGTH} tokens; replicas: one thread for each batch. oxbert and CTranslate2
compute nothing for padding. / rate: share of the machine's best large product in the precision. weights, peak MB:
growth of the process while it loads, and until it has run the mixed batch. error: norm of the difference from
transformers' float32, relative; the weights are random, so it does not tell what a trained model loses."""


def show(table: Table) -> None:
    for name, fact in table["machine"].items():
        print(f"{name + ':':<26}{fact}")
    print(NOTES)
    for instructions in ("best", "avx2"):
        for name, rate in rates(table, instructions).items():
            print(f"large products, {name}: {rate:,.0f} GFLOP/s{' (AVX2)' if instructions == 'avx2' else ''}")
        for model in SIZES:
            if rows := rows_of(table, model, instructions):
                print(f"\n{SIZES[model].title}{', AVX2 only' if instructions == 'avx2' else ''}\n")
                print_rows(rows)
                print()
                print_rows(ratios(table, model, instructions))
    if table["bits"]:
        print("\nTexts whose bits differ alone and in a batch of 16 (oxbert: and with one thread per text)\n")
        print_rows(
            [
                {"model": SIZES[row["model"]].title, "peer": row["peer"], "texts": f"{row['texts']:,}",
                 "differ": f"{row['differ'] / row['texts']:.2%}",
                 "replicas": f"{row['in_replicas'] / row['texts']:.2%}" if PEERS[row["peer"]].is_ours else ""}
                for row in table["bits"]
            ]
        )  # fmt: skip
    for row in table["left out"]:
        print(f"left out: {row['peer']} on {SIZES[row['model']].title}: {row['reason']}")
    print("not compared: rust_bert (needs torch 2.4)")


def print_rows(rows: list[dict[str, str]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    cells = [columns, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
