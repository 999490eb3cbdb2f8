"""Draw the results of a comparison of models: tokens per second and latency, a bar for each peer."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from benches.peers import PEERS
from benches.summary import best, throughput
from benches.texts import SIZES

TITLES = {
    "mixed": "mixed lengths, tokens/s",
    "full": "rows of 128, tokens/s",
    "latency": "16 tokens alone, ms",
}
OURS, THEIRS = "#c0392b", "#7f8c8d"


def draw(table: dict[str, Any], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = [run for run in table["runs"] if run["instructions"] == "best"] or table["runs"]
    models = [model for model in SIZES if any(run["model"] == model for run in runs)]
    if not models:
        raise SystemExit("there is nothing to draw")
    figure, axes = pyplot.subplots(
        len(models), len(TITLES), figsize=(15, 3.6 * len(models)), squeeze=False, layout="constrained"
    )
    for row, model in zip(axes, models, strict=True):
        for axis, (shape, title) in zip(row, TITLES.items(), strict=True):
            found = {name: run for name in PEERS if (run := best(runs, model, shape, [name]))}
            in_milliseconds = shape == "latency"
            values = {
                name: median(run["seconds"]) * 1e3 if in_milliseconds else throughput(run)
                for name, run in found.items()
            }
            names = sorted(values, key=values.__getitem__, reverse=not in_milliseconds)
            bars = axis.barh(
                range(len(names)), [values[name] for name in names],
                color=[OURS if PEERS[name].is_ours else THEIRS for name in names],
            )  # fmt: skip
            axis.set_yticks(range(len(names)), names, fontsize=8)
            axis.invert_yaxis()
            axis.bar_label(bars, fmt="{:,.1f}" if in_milliseconds else "{:,.0f}", padding=3, fontsize=8)
            axis.margins(x=0.15)
            axis.xaxis.set_major_locator(pyplot.MaxNLocator(5))
            axis.set_title(f"{SIZES[model].title}: {title}", fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=90)
    pyplot.close(figure)
