"""Files of names and values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]

from oxbert.errors import ConfigError, FileError, MissingFileError


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Plain values only, numbers as in YAML 1.2, and no name twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """As any loader, which would take the last of two values."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} comes twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


# YAML 1.1, which the package follows, takes 5e-4 for a text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path) -> dict[Any, Any]:
    """The names and values of a YAML or JSON file; none of an empty file.

    Raises:
        MissingFileError: There is no such file.
        FileError: It cannot be read.
        ConfigError: It is not YAML, holds something else, or has a name twice; `field` is "the whole file".
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
        # The package looks up and takes apart what a tag or a pattern promised: `!!bool x`, or the 99th of a month.
        _refuse(path, f"not valid YAML: a value is not what it looks like: {error}")
    values = {} if values is None else values
    if not isinstance(values, dict):
        _refuse(path, f"expected names with their values, got {type(values).__name__}")
    return values


def _refuse(path: Path, reason: str) -> NoReturn:
    field = "the whole file"
    raise ConfigError(f"config {path}: {field}: {reason}", field=field, reason=reason, path=path)
