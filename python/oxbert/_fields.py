"""Describe the fields of rows of results, and turn such rows into columns of Arrow.

A type is `str`, `int`, `float` or `bool`; `[T]` is a list of T; a dictionary is a record with fields; `Vector(n)` is an
array of n float32 numbers. Every value may be None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxbert._checks import require

Fields = Mapping[str, Any]
"""The types of fields by their names."""
Result = Mapping[str, Any]
"""The values of fields by their names."""
_TYPES = {str: "string", int: "int64", float: "float64", bool: "bool_"}


@dataclass(frozen=True)
class Vector:
    """Describe an array of float32 numbers.

    Attributes:
        size: The number of numbers.
    """

    size: int


def arrow_schema(fields: Fields, *, extra: str = "arrow") -> Any:
    """Return the schema of fields for Arrow and Parquet.

    Args:
        fields: The fields.
        extra: The extra of oxbert that installs pyarrow, for the message.

    Raises:
        MissingDependencyError: if pyarrow is not installed.
    """
    pa = require("pyarrow", extra=extra)
    return pa.schema([(name, _arrow_type(pa, kind)) for name, kind in fields.items()])


def parquet_schema(schema: Any) -> Any:
    """Return a schema of Arrow in which arrays of numbers are lists of any length, as they are in Parquet.

    pyarrow before release 26 writes a missing array of a fixed length, but cannot read it.
    """
    pa = require("pyarrow")
    fields = [
        field.with_type(pa.list_(field.type.value_type)) if pa.types.is_fixed_size_list(field.type) else field
        for field in schema
    ]
    return pa.schema(fields)


def arrow_columns(rows: Sequence[Result | None], fields: Fields) -> list[Any]:
    """Return the values of rows as arrays of Arrow, one for each field. A row that is None has no value in any."""
    pa = require("pyarrow")
    return [
        _vectors(pa, [None if row is None else row[name] for row in rows], kind.size)
        if isinstance(kind, Vector)
        else pa.array([None if row is None else row[name] for row in rows], _arrow_type(pa, kind))
        for name, kind in fields.items()
    ]


def _vectors(pa: Any, vectors: list[Any], size: int) -> Any:
    # Several times as fast as pa.array, which looks at every number.
    empty = np.zeros(size, np.float32)
    values = np.asarray([empty if one is None else one for one in vectors], np.float32).reshape(-1)
    missing = pa.array([one is None for one in vectors], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(values), size, mask=missing)


def _arrow_type(pa: Any, kind: Any) -> Any:
    if isinstance(kind, Vector):
        return pa.list_(pa.float32(), kind.size)
    if isinstance(kind, list):
        return pa.list_(_arrow_type(pa, kind[0]))
    if isinstance(kind, Mapping):
        return pa.struct([(name, _arrow_type(pa, inner)) for name, inner in kind.items()])
    return getattr(pa, _TYPES[kind])()


__all__ = ["Fields", "Result", "Vector", "arrow_columns", "arrow_schema", "parquet_schema"]
