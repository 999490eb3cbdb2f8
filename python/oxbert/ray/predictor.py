"""Answer the texts in batches of a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from oxbert import _native
from oxbert._checks import check_type, refused, require
from oxbert._fields import Result, arrow_columns, arrow_schema
from oxbert._files import damaged
from oxbert._types import PathLike, Precision
from oxbert.errors import InputError, OxbertError
from oxbert.pipelines._rows import answer_each
from oxbert.pipelines._tasks import open_rows

BadRows = Literal["error", "null"]
ERROR = "error"
"""The name of the column that says why a row has no answer."""
_WAY = '; pass bad_rows="null" to leave such rows without an answer'


class Predictor:
    """Answer the texts of a batch in columns beside the batch's own: a callable class for `Dataset.map_batches`.

    A batch is a `pyarrow.Table` or `RecordBatch`, a pandas `DataFrame`, or a dictionary of numpy arrays, and the result
    is of the same kind (a `Table` for a `RecordBatch`). The new columns depend on the task and its options alone, so
    that every batch has the same schema, an empty one too:

    - `text-classification`, `zero-shot-classification`: `label`, `score`; with `top_k`, and always for zero-shot,
      `labels`, a list of records with `label` and `score`.
    - `token-classification`: `entities`, records as the pipeline returns them.
    - `question-answering`: `answer`, `score`, `start`, `end`; with `top_k` also `answers`, a list of such records.
    - `fill-mask`: `masks`, a record for each mask with `candidates`.
    - `replaced-token-detection`: `words`, records as the pipeline returns them.
    - `feature-extraction`: `vector` [H] float32; without `pooling` `hidden_states`, a list of vectors.
    - `sentence-similarity` (`oxbert.SentenceEncoder`): `vector`.
    - `text-ranking` (`oxbert.CrossEncoder`): `score`, or `scores` if the model has several labels.

    The model is loaded once, by its path, when the object is built. A pickle has the arguments and no weights, and
    loading the pickle loads the model.

    Args:
        task: The name of a task, as above; `ner` and `sentiment-analysis` are names too.
        model: A path, the name of a bundled model or the id of a repository; None means the bundled model of the task.
            On several machines a path must lead to the model on each.
        columns: The columns with the texts: one name, or as many as the task takes (`text`, `text_pair`; `question`,
            `context`). None means columns with these names.
        prefix: The beginning of the names of the new columns.
        bad_rows: What happens to a row without an answer, because a text is missing, is not a text or is too long:
            `error` raises an error that names the row, `null` leaves the new columns empty. The column `error` then
            says why, and is empty for a row with an answer.
        tokenizer: A path or a name; None means the one beside the model.
        device: `cpu`, `cuda` or `cuda:N`; None means the CPU, or in an actor of Ray with a GPU that GPU.
        precision: As for `oxbert.pipeline`.
        emulate: As for `oxbert.pipeline`.
        batch_tokens: As for `oxbert.pipeline`.
        threads: How many threads compute; None means as many as an actor of Ray has CPUs (`num_cpus`), and elsewhere
            torch's number.
        options: Options of the task, and `revision` and the other options of the hub.

    Raises:
        InputError: if there is no such task, or an option cannot be used.
        TypeError: if the task has no such option.
        OxbertError: if the model cannot be loaded, as for `oxbert.pipeline`.

    Example:
        >>> import numpy as np
        >>> fill = Predictor("fill-mask", columns="doc", top_k=1)
        >>> answers = fill({"doc": np.array(["The function returns a [MASK]."])})
        >>> list(answers), answers["masks"][0][0]["candidates"][0]["token_str"]
        (['doc', 'masks'], 'function')
    """

    def __init__(
        self,
        task: str,
        model: PathLike | None = None,
        *,
        columns: str | Sequence[str] | None = None,
        prefix: str = "",
        bad_rows: BadRows = "error",
        tokenizer: PathLike | None = None,
        device: str | None = None,
        precision: Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        threads: int | None = None,
        **options: Any,
    ) -> None:
        for name, path in (("model", model), ("tokenizer", tokenizer)):
            check_type(name, path, (str, os.PathLike, type(None)), "a path or a name, which every process can load")
        check_type("prefix", prefix, str, "the beginning of the names of columns")
        if bad_rows not in get_args(BadRows):
            raise refused("bad_rows", f"expected {' or '.join(get_args(BadRows))}, got {bad_rows!r}")
        self._arguments = {
            "task": task, "model": model, "columns": columns, "prefix": prefix, "bad_rows": bad_rows,
            "tokenizer": tokenizer, "device": device, "precision": precision, "emulate": emulate,
            "batch_tokens": batch_tokens, "threads": threads, **options,
        }  # fmt: skip
        granted = _granted()
        self._threads = max(1, int(granted.get("CPU", 1))) if threads is None and granted else threads
        self._set_threads()
        if device is None and granted.get("GPU", 0) > 0:
            device = "cuda"
        names = [columns] if isinstance(columns, str) else columns
        self._rows = open_rows(
            task,
            model,
            tokenizer,
            width=None if names is None else len(names),
            device=device,
            precision=precision,
            emulate=emulate,
            batch_tokens=batch_tokens,
            **options,
        )
        self.columns = self._rows.columns if names is None else tuple(names)
        """The columns with the texts."""
        # An option that no text can have is an error here, rather than the error of every row.
        self._rows.answer([self._rows.example])
        self._prefix, self._counts = prefix, bad_rows == "null"
        clash = prefix + ERROR
        if clash in self.new_columns[:-1]:
            raise refused("prefix", f"expected names other than {clash}, which says why a row has no answer")

    @property
    def new_columns(self) -> list[str]:
        """The names of the new columns."""
        names = [*self._rows.fields, *([ERROR] if self._counts else [])]
        return [self._prefix + name for name in names]

    @property
    def schema(self) -> Any:
        """The new columns as a `pyarrow.Schema`, for programs that ask for types beforehand, such as Spark."""
        fields = {**self._rows.fields, **({ERROR: str} if self._counts else {})}
        return arrow_schema({self._prefix + name: kind for name, kind in fields.items()}, extra="ray")

    def __call__(self, batch: Any) -> Any:
        """Return a batch with the answers to its texts in new columns.

        Raises:
            InputError: if the batch lacks a column or has one of a new name, or `bad_rows="error"` and a row has no
                answer; the message names the row of the batch.
        """
        table = _Batch(batch)
        clash = [name for name in self.new_columns if name in table.names]
        if clash:
            raise refused("prefix", f"expected one that gives new names: the batch has a column {clash[0]} already")
        results, errors = self._answer(table)
        for row, error in enumerate(errors):
            if error is not None and not self._counts:
                reason = error + _WAY
                raise InputError(f"row {row} of the batch: {reason}", what="batch", reason=reason)
        return table.with_columns(self.schema, self._columns(results, errors))

    def answer(self, table: Any, path: str, first: int) -> tuple[int, list[Any]]:
        """Return the number of bad rows, and the new columns as arrays of Arrow, for rows of a file.

        Args:
            table: The rows, a table of Arrow.
            path: The file.
            first: The place of the first row in the file, from 0.

        Raises:
            DataError: if `bad_rows="error"` and a row has no answer; the message names file and row.
        """
        results, errors = self._answer(_Batch(table))
        bad = [row for row, error in enumerate(errors) if error is not None]
        if bad and not self._counts:
            raise damaged(path, f"{errors[bad[0]]}{_WAY}", record=first + bad[0] + 1)
        return len(bad), self._columns(results, errors)

    def _columns(self, results: Sequence[Result | None], errors: Sequence[str | None]) -> list[Any]:
        found = arrow_columns(results, self._rows.fields)
        return [*found, *(arrow_columns([{ERROR: one} for one in errors], {ERROR: str}) if self._counts else [])]

    def _answer(self, table: _Batch) -> tuple[list[Result | None], list[str | None]]:
        """Return the result of each row, None for one without, and why it has none."""
        self._set_threads()
        values = [table.read(name) for name in self.columns]
        errors: list[str | None] = [self._fault(row) for row in zip(*values, strict=True)]
        good = [row for row, error in enumerate(errors) if error is None]
        results: list[Result | None] = [None] * len(errors)
        if good:
            rows = [tuple(column[row] for column in values) for row in good]
            for row, found in zip(good, answer_each(self._rows.answer, rows), strict=True):
                if isinstance(found, OxbertError):
                    errors[row] = str(found)
                else:
                    results[row] = found
        return results, errors

    def _fault(self, row: tuple[Any, ...]) -> str | None:
        """Return why values are no texts, or None."""
        kind = type(self._rows.example[0])
        for name, value in zip(self.columns, row, strict=True):
            if value is None:
                return f"column {name}: expected a text, got null"
            if isinstance(value, UnicodeDecodeError):
                return f"column {name}: is not UTF-8 (0x{value.object[value.start]:02x})"
            if not isinstance(value, kind):
                return f"column {name}: expected a {kind.__name__}, got {type(value).__name__}"
        return None

    def _set_threads(self) -> None:
        # torch keeps the number for each thread of Python, and Ray calls an actor from several.
        if self._threads is not None:
            # Read by the tokenizer's threads when they start.
            os.environ.setdefault("RAYON_NUM_THREADS", str(self._threads))
            _native._set_threads(self._threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (self._arguments,)

    def __repr__(self) -> str:
        made = ", ".join(self.new_columns)
        return f"Predictor: {self._arguments['task']}, {', '.join(self.columns)} -> {made}"


class _Batch:
    """Read and extend a batch of any kind."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        # Whoever passes a frame of pandas, or a table of Arrow, has imported them.
        pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
        self._is_frame = pandas is not None and isinstance(batch, pandas.DataFrame)
        self._is_arrow = arrow is not None and isinstance(batch, (arrow.Table, arrow.RecordBatch))
        if self._is_arrow:
            self.names = list(batch.schema.names)
        elif self._is_frame:
            self.names = list(batch.columns)
        else:
            check_type("batch", batch, Mapping, "a table of Arrow, a frame of pandas or a dictionary of arrays")
            self.names = list(batch)

    def read(self, name: str) -> list[Any]:
        """Return the values of a column: texts, None for a missing one, the error of one that is not UTF-8."""
        count = self.names.count(name)
        if count != 1:
            found = f"{count} of this name" if count else ", ".join(map(str, self.names)) or "no column"
            raise refused("columns", f"expected a column {name} in the batch, found {found}")
        if self._is_arrow:
            return _texts(self._batch.column(name))
        column = self._batch[name]
        return [_plain(value) for value in (column.tolist() if hasattr(column, "tolist") else column)]

    def with_columns(self, schema: Any, arrays: Iterable[Any]) -> Any:
        """Return the batch with more columns, as the kind that it is of."""
        pa = require("pyarrow", extra="ray")

        if self._is_arrow:
            table = self._batch
            table = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
            for field, array in zip(schema, arrays, strict=True):
                table = table.append_column(field, array)
            return table
        if self._is_frame:
            index = self._batch.index
            series = {
                field.name: array.to_pandas().set_axis(index) for field, array in zip(schema, arrays, strict=True)
            }
            return self._batch.assign(**series)
        made = {field.name: _numbers(field.type, array) for field, array in zip(schema, arrays, strict=True)}
        return {**self._batch, **made}


def _texts(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        return [_text(one) for one in column]
    return values


def _text(one: Any) -> Any:
    try:
        return one.as_py()
    except UnicodeDecodeError as error:
        return error


def _plain(value: Any) -> Any:
    """Return a value of pandas or numpy: None for what stands for a missing one, and lists for arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    # NaN and pandas' NA and NaT are missing values.
    is_missing = isinstance(value, float) and value != value or type(value).__name__ in ("NAType", "NaTType")
    return None if is_missing else value


def _numbers(kind: Any, array: Any) -> Any:
    """Return an array of Arrow as one of numpy: vectors as [N, D], NaN for those of rows without an answer."""
    pa = require("pyarrow", extra="ray")

    if not pa.types.is_fixed_size_list(kind):
        return array.to_numpy(zero_copy_only=False)
    vectors = array.values.to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
    if array.null_count:
        vectors = np.where(array.is_null().to_numpy(zero_copy_only=False)[:, None], np.float32("nan"), vectors)
    return vectors


def _granted() -> dict[str, float]:
    """Return what an actor of Ray was granted, such as CPUs; nothing outside of one."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return {}
    context = ray.get_runtime_context()
    # The program that drives the cluster was granted nothing.
    return dict(context.get_assigned_resources()) if context.worker.mode == ray.WORKER_MODE else {}


def _build(arguments: dict[str, Any]) -> Predictor:
    return Predictor(**arguments)


__all__ = ["BadRows", "Predictor"]
