"""Read YAML and JSON files of names and values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]

from oxbert.errors import ConfigError, FileError, MissingFileError


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Load plain values only, with numbers as in YAML 1.2, and refuse repeated names."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Construct a mapping, and refuse a repeated name, of which PyYAML would take the last value."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} comes twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML follows, reads 5e-4 as a string.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path) -> dict[Any, Any]:
    """Return the names and values of a YAML or JSON file; an empty file has none.

    Raises:
        MissingFileError: if there is no such file.
        FileError: if the file cannot be read.
        ConfigError: if the file is not YAML, is no mapping, or has a name twice; `field` is "the whole file".
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
        message = f"cannot read {path}: {error.strerror}"
        raise kind(message, action="read", path=path, errno=error.errno) from error
    try:
        values = yaml.load(content, _Loader)
    except RecursionError:
        _refuse(path, "not valid YAML: lists in lists in lists")
    except yaml.YAMLError as error:
        _refuse(path, f"not valid YAML: {' '.join(str(error).split())}")
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # PyYAML fails on a value that is not what its tag or pattern says: `!!bool x`, or the 99th of a month.
        _refuse(path, f"not valid YAML: a value is not what it looks like: {error}")
    values = {} if values is None else values
    if not isinstance(values, dict):
        _refuse(path, f"expected names with their values, got {type(values).__name__}")
    return values


def read_value(text: str) -> Any:
    """Return the value that a text has in a YAML file: a number, a truth value, null, or otherwise the text itself."""
    try:
        value = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _refuse(path: Path, reason: str) -> NoReturn:
    field = "the whole file"
    raise ConfigError(f"config {path}: {field}: {reason}", field=field, reason=reason, path=path)
