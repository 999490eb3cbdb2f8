"""torch's own files, `.bin` and `.pt`: read by torch's restricted unpickler, which runs no code of the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from oxbert.errors import FileError, MissingFileError, WeightsFormatError

if TYPE_CHECKING:
    import torch


def read(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, on the CPU.

    Raises:
        MissingFileError: There is no such file.
        WeightsFormatError: The file is broken, holds something else than named tensors, or needs code to be read.
    """
    import torch

    try:
        file = open(path, "rb")  # noqa: SIM115  closed below, where an OSError means something else
    except OSError as error:
        refused = MissingFileError if isinstance(error, FileNotFoundError) else FileError
        message = f"cannot open {os.fspath(path)}: {error}"
        raise refused(message, path=os.fspath(path), action="open", errno=error.errno) from error
    with file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            # torch raises half a dozen unrelated types for a broken file, OSError among them.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise _unreadable(path, reason) from error
    # Training scripts put the weights beside the state of the optimizer.
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict):
        raise _unreadable(path, f"expected a dictionary of tensors, got {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise _unreadable(path, f"expected tensors by name, got {type(value).__name__} at {name!r}")
        if value.layout is not torch.strided or value.is_nested or value.is_meta:
            kind = "nested" if value.is_nested else "without values" if value.is_meta else "sparse"
            raise _unreadable(path, f"expected dense tensors, but {name} is {kind}")
    return state


def _unreadable(path: str | os.PathLike[str], reason: str) -> WeightsFormatError:
    message = f"{os.fspath(path)} is not a readable weight file: {reason}"
    return WeightsFormatError(message, path=os.fspath(path), reason=reason)
