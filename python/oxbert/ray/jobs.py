"""Answer the texts of Parquet files on a cluster of Ray, so that a stopped call can be completed."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oxbert._checks import check_number, refused, require
from oxbert._fields import parquet_schema
from oxbert._files import checksum, damaged
from oxbert._native import find_weights
from oxbert._types import PathLike, Precision
from oxbert.errors import MissingFileError, OxbertError
from oxbert.hub._folders import find
from oxbert.hub._options import split_options
from oxbert.ray.output import Output, Report
from oxbert.ray.parts import Part, read_rows, read_schema, write_part
from oxbert.ray.places import Place, find_inputs
from oxbert.ray.predictor import ERROR, BadRows, Predictor

_IN_FLIGHT = 2
"""Parts that an actor has at hand: the next one is there when one is done, and few wait for a slow actor at the end."""


def predict_parquet(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    task: str,
    model: PathLike | None = None,
    *,
    columns: str | Sequence[str] | None = None,
    keep: Sequence[str] | None = None,
    prefix: str = "",
    bad_rows: BadRows = "error",
    rows_per_part: int = 65536,
    batch_size: int = 4096,
    overwrite: bool = False,
    num_cpus: int = 1,
    num_gpus: float = 0,
    concurrency: int | None = None,
    tokenizer: PathLike | None = None,
    device: str | None = None,
    precision: Precision | None = None,
    emulate: bool = False,
    batch_tokens: int | None = None,
    **options: Any,
) -> Report:
    r"""Answer the texts of Parquet files with the actors of a cluster, and write Parquet files.

    The output is a folder of parts, each with up to `rows_per_part` rows of one file of the input, in their order, and
    with the input's columns and the new ones. A part is complete or absent. If this call, an actor or a machine is
    stopped, the same call makes what is missing; nothing is lost or repeated. `_oxbert.json` in the folder says what
    the parts are made of, and a call with other arguments, with another input or another model is refused.

    Texts and answers stay in the actors, which read the input and write the output: only the names of parts go through
    Ray, so all machines must see both. Ray is started, or joined if `RAY_ADDRESS` names it, unless it has been.

    Args:
        inputs: Files, patterns such as `texts/*.parquet`, or folders, whose subfolders count; a path or a uri that
            pyarrow knows (`s3://...`, `gs://...`), or several.
        output: A folder, a path or a uri.
        task: See `Predictor`, like `model`, `columns`, `prefix`, `bad_rows`, and all from `tokenizer` on.
        model: See `Predictor`.
        columns: See `Predictor`.
        keep: The columns of the input to write; None means all, and `[]` none.
        prefix: See `Predictor`.
        bad_rows: See `Predictor`.
        rows_per_part: The largest number of rows of a part, which is what a stop may cost each actor.
        batch_size: The number of rows that a model gets at once. It changes no result.
        overwrite: Whether to delete what an earlier call has written to `output`.
        num_cpus: The CPUs of an actor, which computes with as many threads.
        num_gpus: The GPUs of an actor, which then computes on a GPU.
        concurrency: The largest number of actors; None means as many as the cluster has room for at the start.
        tokenizer: See `Predictor`.
        device: See `Predictor`.
        precision: See `Predictor`.
        emulate: See `Predictor`.
        batch_tokens: See `Predictor`.
        options: See `Predictor`.

    Returns:
        The numbers of rows and parts.

    Raises:
        InputError: if an argument cannot be used; if `output` holds something else, or was written otherwise.
        DataError: if a file of the input is damaged or lacks a column, or `bad_rows="error"` and a row has no answer;
            the message names file and row. What was written stays.
        MissingDependencyError: if Ray or pyarrow is not installed.
        OxbertError: if the model cannot be loaded.
    """
    for name, count in (("rows_per_part", rows_per_part), ("batch_size", batch_size), ("num_cpus", num_cpus)):
        check_number(name, count, "of at least 1, without a fraction", lambda value: value >= 1 and value % 1 == 0)
    check_number("num_gpus", num_gpus, "of at least 0", lambda value: value >= 0)
    if concurrency is not None:
        check_number("concurrency", concurrency, "of at least 1", lambda value: value >= 1 and value % 1 == 0)
    chosen = {
        "task": task, "model": model, "columns": columns, "prefix": prefix, "bad_rows": bad_rows,
        "tokenizer": tokenizer, "precision": precision, **options,
    }  # fmt: skip
    machine = {"device": device, "emulate": emulate, "batch_tokens": batch_tokens}
    # Loaded here too, and on the CPU: what is wrong with the arguments is an error before anything is written.
    trial = Predictor(**{**chosen, "precision": None, "batch_tokens": batch_tokens})
    sources = find_inputs(inputs)
    kept = _check_columns(read_schema(sources[0]).names, sources[0], trial, keep)
    hub, _ = split_options(options)
    settings = {**chosen, "columns": trial.columns, "keep": keep, "weights": _weights(model, hub)}
    folder = Output(output, inputs, settings, rows_per_part=rows_per_part, overwrite=overwrite)
    missing = folder.missing()
    gone = {part.name for part in missing}
    there = [part for part in folder.parts if part.name not in gone]
    error = prefix + ERROR if bad_rows == "null" else None
    bad = folder.count(there, error)
    if missing:
        job = _Job(folder.folder, {**chosen, **machine}, None if keep is None else tuple(kept), batch_size)
        with closing(_run(job, missing, num_cpus, num_gpus, concurrency)) as made:
            for name, count in made:
                gone.discard(name)
                bad += count
        if gone:
            raise damaged(folder.folder.path, f"lacks {len(gone)} parts after the run, such as {min(gone)}; call again")
    folder.clean()
    return Report(sum(part.stop - part.start for part in folder.parts), bad, len(folder.parts), len(there))


def _check_columns(names: Sequence[str], source: Place, trial: Predictor, keep: Sequence[str] | None) -> Sequence[str]:
    """Return the columns to keep, after comparing a file with what is asked for.

    Raises:
        DataError: if the file lacks a column.
        InputError: if a kept column has the name of a new one.
    """
    kept = names if keep is None else list(dict.fromkeys(keep))
    for name in (*trial.columns, *kept):
        if name not in names:
            raise damaged(source.path, f"expected a column {name}, found {', '.join(names) or 'none'}")
    clash = [name for name in trial.new_columns if name in kept]
    if clash:
        raise refused("prefix", f"expected one that gives new names, or keep without {clash[0]}: the input has it")
    return kept


def _weights(model: PathLike | None, hub: Mapping[str, Any]) -> int | None:
    """Return the checksum of a model's weights; None for the bundled model of a task."""
    if model is None:
        return None
    folder = find(model, (), **hub)
    # A folder of sentence-transformers may have its weights in a folder of their own.
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        try:
            return checksum(Path(find_weights(place)))
        except MissingFileError:
            continue
    return None


def _run(
    job: _Job, parts: Sequence[Part], num_cpus: int, num_gpus: float, concurrency: int | None
) -> Generator[tuple[str, int], None, None]:
    """Make parts on a cluster, and yield the name of each with the number of its bad rows."""
    # Ray would report that it is used, and say so.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray, data = require("ray", extra="ray"), require("ray", "data", extra="ray")
    if not ray.is_initialized():
        ray.init()
    room = _room(ray.cluster_resources(), num_cpus, num_gpus)
    if not room:
        raise refused("num_cpus", f"expected an actor of {num_cpus} CPUs and {num_gpus} GPUs to fit into the cluster")
    size = min(len(parts), room if concurrency is None else concurrency)
    rows = [{"part": pickle.dumps(part)} for part in parts]
    # One block for each part: what Ray repeats after the loss of an actor.
    made = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Maker,
        fn_constructor_kwargs={"job": job},
        batch_size=1,
        batch_format="numpy",
        num_cpus=num_cpus,
        num_gpus=num_gpus or None,
        compute=data.ActorPoolStrategy(
            min_size=1, max_size=size, initial_size=size, max_tasks_in_flight_per_actor=_IN_FLIGHT
        ),
    )
    # Closed at once after an error: a generator that waits for the garbage collector keeps the actors.
    with closing(iter(made.iter_batches(batch_size=None, batch_format="pyarrow"))) as batches:
        for batch in batches:
            for row in batch.to_pylist():
                if row["failure"] is not None:
                    # The bytes come from our own actors.
                    raise pickle.loads(row["failure"])
                yield row["name"], row["bad"]


def _room(resources: Mapping[str, float], num_cpus: int, num_gpus: float) -> int:
    """Return how many actors a cluster has room for."""
    room = resources.get("CPU", 0) // num_cpus
    if num_gpus:
        room = min(room, math.floor(resources.get("GPU", 0) / num_gpus + 1e-9))
    return int(room)


@dataclass(frozen=True)
class _Job:
    """Say how parts are made.

    Attributes:
        folder: The output.
        predictor: The arguments of the predictor.
        keep: The columns of the input to write; None means all.
        batch_size: The number of rows that the model gets at once.
    """

    folder: Place
    predictor: Mapping[str, Any]
    keep: tuple[str, ...] | None
    batch_size: int

    def make(self, part: Part, predictor: Predictor) -> int:
        """Write a part, and return the number of its bad rows."""
        pa = require("pyarrow", extra="ray")
        source = read_schema(part.source)
        kept = _check_columns(source.names, part.source, predictor, self.keep)
        new = parquet_schema(predictor.schema)
        schema = pa.schema([*(source.field(name) for name in kept), *new])
        bad = 0

        def tables() -> Iterator[Any]:
            nonlocal bad
            for start, table in read_rows(part, list(dict.fromkeys([*kept, *predictor.columns])), self.batch_size):
                count, arrays = predictor.answer(table, part.source.path, start)
                bad += count
                columns = [table.column(name) for name in kept]
                arrays = [array.cast(field.type) for array, field in zip(arrays, new, strict=True)]
                yield pa.Table.from_arrays([*columns, *arrays], schema=schema)

        write_part(self.folder, part.name, schema, tables())
        return bad


class _Maker:
    """Make parts in an actor.

    An error comes back as a row, so that it reaches the caller as it is.
    """

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._predictor: Predictor | None = None

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        [packed] = batch["part"]
        part: Part = pickle.loads(packed)
        try:
            if self._predictor is None:
                self._predictor = Predictor(**self._job.predictor)
            bad, failure = self._job.make(part, self._predictor), None
        except OxbertError as error:
            bad, failure = 0, pickle.dumps(error)
        return {"name": [part.name], "bad": [bad], "failure": [failure]}


__all__ = ["predict_parquet"]
