"""Read the keyword arguments that `save_pretrained` has in transformers.

An argument that cannot change a file is accepted. One that can is heeded, or refused with what to do instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oxbert._checks import check_type, refused

# Arguments without an effect here, and in transformers either unless a model has adapters or is sent to the hub.
_FREE = ("token", "save_peft_format", "save_original_format", "save_function")
# Arguments that would change what is written, and what to do instead.
_REFUSED = {
    "push_to_hub": "upload the folder with huggingface_hub.upload_folder",
    "state_dict": "load it into the model, or write it with oxbert.save_weights",
    "variant": "rename the file",
    "distributed_checkpoint": "every process has the whole model",
    "legacy_format": "a tokenizer is written in both formats",
    "filename_prefix": "rename the files",
}
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def read_save_options(options: Mapping[str, Any]) -> bool:
    """Read the keyword arguments of a `save_pretrained`, and return whether this process is to write.

    Raises:
        DtypeError: if a truth value has another type.
        InputError: if a value asks for something that oxbert does not write; the message says what to do instead.
        TypeError: if there is no such argument.
    """
    rest = {name: value for name, value in options.items() if name not in _FREE}
    for name, instead in _REFUSED.items():
        value = rest.pop(name, None)
        if value is not None and value is not False:
            raise refused(name, f"expected None, got {_excerpt(value)}: {instead}")
    is_main = rest.pop("is_main_process", True)
    check_type("is_main_process", is_main, bool, "True or False")
    # These two are about weights. transformers' pipelines pass them to a tokenizer too.
    for name in ("safe_serialization", "max_shard_size"):
        rest.pop(name, None)
    for name in rest:
        raise TypeError(f"save_pretrained() got an unexpected keyword argument {name!r}")
    return bool(is_main)


def choose_format(options: Mapping[str, Any], format: str | None, size: int) -> str:
    """Return the format in which the weights of a model are written.

    Args:
        options: As for `read_save_options`.
        format: The argument of that name; None means safetensors, unless `safe_serialization` is False.
        size: The size of the weights in bytes.

    Raises:
        DtypeError: if `safe_serialization` has another type.
        InputError: if `safe_serialization` contradicts the format, or `max_shard_size` asks for several files.
    """
    safe = options.get("safe_serialization")
    check_type("safe_serialization", safe, (bool, type(None)), "True, False or None")
    if format is not None and safe is not None and safe is not (format == "safetensors"):
        raise refused("safe_serialization", f"expected {not safe} with format={format!r}, got {safe}")
    limit = options.get("max_shard_size")
    if limit is not None and _bytes(limit) < size:
        reason = f"expected at least {size}, the bytes of the weights, got {limit!r}: oxbert writes one file"
        raise refused("max_shard_size", reason)
    return format or ("bin" if safe is False else "safetensors")


def _bytes(limit: Any) -> float:
    if isinstance(limit, int) and not isinstance(limit, bool):
        return limit
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]B)\s*", limit, re.IGNORECASE) if isinstance(limit, str) else None
    if found is None:
        raise refused("max_shard_size", f'expected a number of bytes, or a text such as "50GB", got {_excerpt(limit)}')
    number, unit = found.groups()
    return float(number) * _UNITS[unit.upper()]


def _excerpt(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float) else type(value).__name__
