"""Define every error that oxbert raises, under one base.

Each class also derives the builtin that a caller would catch: `ShapeError` is a `ValueError`, a missing file is a
`FileNotFoundError`. The message says what was wrong, what was got and what was expected, and attributes with the names
of the fields of the Rust error hold these parts.
"""

from __future__ import annotations

from typing import Any


class OxbertError(Exception):
    """Serve as the base of all errors of oxbert."""

    def __init__(self, message: str, **details: Any) -> None:
        """Keep the message, and each detail as an attribute."""
        super().__init__(message)
        self.details = details
        for name, value in details.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the details, so that an error can leave a worker process."""
        return (_restore, (type(self), str(self), self.details))


def _restore(kind: type[OxbertError], message: str, details: dict[str, Any]) -> OxbertError:
    return kind(message, **details)


class FileError(OxbertError, OSError):
    """The operating system refused to read or write a file. `path`, `action`."""


class MissingFileError(FileError, FileNotFoundError):
    """A file does not exist, or a model folder lacks one. `path` or `folder`, `wanted`, `found`."""


class DownloadError(OxbertError, OSError):
    """A file on the network could not be fetched. `url`, `reason`."""


class HubError(OxbertError, OSError):
    """The hub failed, cannot be reached, or cut a file off. `repo_id`, `revision`, `reason`, `url_path`."""


class HubNotFoundError(HubError, FileNotFoundError):
    """A repository does not exist on the hub, or is not visible. `repo_id`, `revision`, `reason`, `url_path`."""


class HubAccessError(HubError, PermissionError):
    """A repository is gated or disabled, or a token refused. `repo_id`, `revision`, `reason`, `url_path`."""


class HubOfflineError(HubError, ConnectionError):
    """Nothing may be fetched, and the cache lacks a file. `repo_id`, `revision`, `reason`, `wanted`, `cache_dir`."""


class ConfigError(OxbertError, ValueError):
    """A configuration field is missing, has the wrong type, or an impossible value. `field`, `reason`, `path`."""


class WeightsError(OxbertError, ValueError):
    """Something is wrong with a weight file."""


class WeightsFormatError(WeightsError):
    """A weight file is truncated, corrupt, hostile or of an unknown format. `path`, `reason`."""


class WeightsMismatchError(WeightsError, RuntimeError):
    """The tensors of a file are not those of the model. `missing`, `unexpected`, `mismatched`, `path`."""


class ShapeError(OxbertError, ValueError):
    """An argument has the wrong shape. `what`, `expected`, `got`."""


class DtypeError(OxbertError, TypeError):
    """An argument has the wrong dtype. `what`, `expected`, `got`."""


class InputError(OxbertError, ValueError):
    """An argument has an impossible value or combination. `what`, `reason`."""


class IdRangeError(OxbertError, IndexError):
    """An id or a position lies outside its table. `what`, `value`, `position`, `limit`."""


class TooLongError(OxbertError, ValueError):
    """A text has more tokens than the model has positions. `what`, `row`, `length`, `maximum`."""


class VocabularyError(OxbertError, ValueError):
    """A vocabulary file cannot be used. `path`, `line`, `reason`."""


class DataError(OxbertError, ValueError):
    """Data to train with are damaged, or not what they should be.

    `path`, `reason`, and where: `line`, or `record` and the `byte` at which it begins.
    """


class TrainingError(OxbertError, RuntimeError):
    """A training run cannot go on. `step`, or `steps` of all processes."""


class TokenizerError(OxbertError, ValueError):
    """A text cannot be tokenised as asked. `reason`."""


class DeviceError(OxbertError, RuntimeError):
    """A device does not exist here. `requested`, `reason`."""


class UntrainedHeadError(OxbertError, ValueError):
    """A pipeline was given a model whose head no file has filled. `task`, `parameters`."""


class TorchError(OxbertError, RuntimeError):
    """Libtorch refused an operation. `reason`."""


class OutOfMemory(TorchError, MemoryError):
    """There is no memory left, on the device or for a result. `reason`, and `what` of a result."""


class InternalError(OxbertError, RuntimeError):
    """A defect of oxbert itself; please report it. `reason`."""


class MissingDependencyError(OxbertError, ImportError):
    """Something needs a package that is not installed. `name`, `command` (what installs it)."""


class UntrainedHeadWarning(UserWarning):
    """A checkpoint lacks a model's head, which was initialised at random."""


class AssumedHeadsWarning(UserWarning):
    """A checkpoint of google-research/electra does not record its number of attention heads."""


class NotFiniteWarning(UserWarning):
    """A checkpoint has numbers that are infinite or not a number."""


class TrainingWarning(UserWarning):
    """A training run will hardly learn with its options or data; the message names what to change."""


__all__ = [
    "AssumedHeadsWarning",
    "ConfigError",
    "DataError",
    "DeviceError",
    "DownloadError",
    "DtypeError",
    "FileError",
    "HubAccessError",
    "HubError",
    "HubNotFoundError",
    "HubOfflineError",
    "IdRangeError",
    "InputError",
    "InternalError",
    "MissingDependencyError",
    "MissingFileError",
    "NotFiniteWarning",
    "OutOfMemory",
    "OxbertError",
    "ShapeError",
    "TokenizerError",
    "TooLongError",
    "TorchError",
    "TrainingError",
    "TrainingWarning",
    "UntrainedHeadError",
    "UntrainedHeadWarning",
    "VocabularyError",
    "WeightsError",
    "WeightsFormatError",
    "WeightsMismatchError",
]
