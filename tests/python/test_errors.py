"""Test every class of `oxbert.errors`: how it is raised, its message and details, and pickling."""

from __future__ import annotations

import copy
import pickle
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert import errors

CLASSES = [getattr(errors, name) for name in errors.__all__ if not name.endswith("Warning")]
BUILTINS = {
    "ConfigError": ValueError, "DataError": ValueError, "DeviceError": RuntimeError, "DownloadError": OSError,
    "DtypeError": TypeError, "FileError": OSError,
    "HubAccessError": PermissionError, "HubError": OSError, "HubNotFoundError": FileNotFoundError,
    "HubOfflineError": ConnectionError, "IdRangeError": IndexError, "InputError": ValueError, "InternalError": RuntimeError,
    "MissingDependencyError": ImportError, "MissingFileError": FileNotFoundError, "OutOfMemory": MemoryError, "OxbertError": Exception,
    "ShapeError": ValueError, "TokenizerError": ValueError, "TooLongError": ValueError, "TorchError": RuntimeError,
    "TrainingError": RuntimeError,
    "UntrainedHeadError": ValueError, "VocabularyError": ValueError, "WeightsError": ValueError,
    "WeightsFormatError": ValueError, "WeightsMismatchError": RuntimeError,
}  # fmt: skip
# Base classes, defects of oxbert, and errors that need a hub or a training run.
NOT_RAISED = {
    "OxbertError", "WeightsError", "InternalError", "HubError", "HubAccessError", "HubNotFoundError", "TrainingError",
}  # fmt: skip


def small(**values: Any) -> oxbert.ElectraConfig:
    sizes = {"vocab_size": 9, "hidden_size": 4, "embedding_size": 4, "num_hidden_layers": 1, "intermediate_size": 3}
    return oxbert.ElectraConfig(**(sizes | {"max_position_embeddings": 3} | values))


def provoke(name: str, folder: Path) -> None:
    """Raise the error of that name."""
    text = folder / "a file"
    text.write_text("\xff not a model")
    tokenizer = Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
    model = oxbert.ElectraForPreTraining(small(), seed=0)
    match name:
        case "ConfigError":
            small(hidden_act="none such")
        case "DataError":
            from oxbert.training.data import ExampleDataset

            (folder / "dataset.json").write_text("{}")
            ExampleDataset(folder)
        case "DeviceError":
            model.to("cuda:99")
        case "DownloadError":
            # A port that is bound without a listener.
            with socket.socket() as nobody:
                nobody.bind(("127.0.0.1", 0))
                oxbert.RemoteResource(
                    f"http://127.0.0.1:{nobody.getsockname()[1]}/x", cache_dir=folder
                ).get_local_path()
        case "DtypeError":
            model([[0.5]])
        case "FileError":
            model.save_pretrained(text / "below")
        case "HubOfflineError":
            oxbert.ElectraModel.from_pretrained("no-one/nothing", local_files_only=True, cache_dir=folder)
        case "IdRangeError":
            model([[9]])
        case "InputError":
            model()
        case "MissingDependencyError":
            text.write_bytes(b"\x89HDF\r\n\x1a\n")
            sys.modules["h5py"] = None  # type: ignore[assignment]  # import fails as if it were not installed
            try:
                oxbert.load_weights(text)
            finally:
                del sys.modules["h5py"]
        case "MissingFileError":
            oxbert.ElectraModel.from_pretrained(folder)
        case "OutOfMemory":
            oxbert.ElectraModel(small(vocab_size=2**31 - 1, embedding_size=2**31 - 1))
        case "ShapeError":
            model([[1, 2]], [[1]])
        case "TokenizerError":
            oxbert.ElectraTokenizer(tokenizer)("a b c d e f", "a", truncation="only_second", max_length=5)
        case "TooLongError":
            model([[1, 2, 3, 4]])
        case "TorchError":
            oxbert.Activation("gelu")(torch.ones(2, dtype=torch.int64))
        case "UntrainedHeadError":
            oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-generator")
        case "VocabularyError":
            oxbert.ElectraTokenizer(text)
        case "WeightsFormatError":
            oxbert.load_weights(text)
        case "WeightsMismatchError":
            model.load_state_dict({})
        case _:
            raise AssertionError(f"nothing here raises {name}")


DETAILS = {
    "ConfigError": ["field", "reason", "path"], "DataError": ["path", "reason"], "DeviceError": ["requested", "reason"],
    "DownloadError": ["url", "reason"], "DtypeError": ["what", "expected", "got"], "FileError": ["path", "action"],
    "HubOfflineError": ["repo_id", "revision", "reason", "wanted", "cache_dir"],
    "IdRangeError": ["what", "value", "position", "limit"], "InputError": ["what", "reason"],
    "MissingDependencyError": ["name", "command"], "MissingFileError": ["folder", "wanted", "found"], "OutOfMemory": ["reason"],
    "ShapeError": ["what", "expected", "got"], "TokenizerError": ["reason"],
    "TooLongError": ["what", "row", "length", "maximum"], "TorchError": ["reason"],
    "UntrainedHeadError": ["task", "parameters"], "VocabularyError": ["path", "line", "reason"],
    "WeightsFormatError": ["path", "reason"],
    "WeightsMismatchError": ["missing", "unexpected", "mismatched", "path"],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BUILTINS.keys() - NOT_RAISED))
def test_every_error_has_a_message_and_details_and_pickles(name: str, tmp_path: Path) -> None:
    kind = getattr(errors, name)
    with pytest.raises(kind) as caught:
        provoke(name, tmp_path)
    error = caught.value
    assert type(error) is kind and isinstance(error, errors.OxbertError) and isinstance(error, BUILTINS[name])
    assert set(DETAILS[name]) <= error.details.keys()
    for detail, value in error.details.items():
        assert getattr(error, detail) == value
        if detail not in ("errno", "missing", "unexpected", "mismatched", "found", "parameters") and value is not None:
            assert str(value) in str(error), f"{detail} is not in the message"
    # The message is one paragraph without a backtrace or debug output.
    assert "\n" not in str(error) and "Error {" not in str(error) and "frame #" not in str(error)
    for again in [pickle.loads(pickle.dumps(error)), copy.copy(error)]:
        assert type(again) is kind and str(again) == str(error) and again.details == error.details


def test_classes_match_their_documentation() -> None:
    assert BUILTINS.keys() == {kind.__name__ for kind in CLASSES}
    assert BUILTINS.keys() == DETAILS.keys() | NOT_RAISED
    for kind in CLASSES:
        assert kind.__doc__ and issubclass(kind, errors.OxbertError) and issubclass(kind, BUILTINS[kind.__name__])
        for detail in DETAILS.get(kind.__name__, []):
            assert f"`{detail}`" in kind.__doc__, f"{kind.__name__} does not say that it has {detail}"
    assert issubclass(errors.UntrainedHeadWarning, UserWarning)
    assert oxbert.OxbertError is errors.OxbertError


@pytest.mark.parametrize("name", sorted(NOT_RAISED))
def test_errors_that_are_not_raised_here_keep_their_details(name: str) -> None:
    error = getattr(errors, name)("what happened", reason="why")
    assert str(error) == "what happened" and error.reason == "why"
    assert pickle.loads(pickle.dumps(error)).details == {"reason": "why"}


def test_missing_files_raise_os_errors_with_a_path(tmp_path: Path) -> None:
    for name in ["none.ot", "none.safetensors", "none.bin"]:
        with pytest.raises(FileNotFoundError) as caught:
            oxbert.load_weights(tmp_path / name)
        assert Path(caught.value.path) == tmp_path / name and name in str(caught.value)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="none") as refused:
        oxbert.save_weights({"a": np.ones(1)}, tmp_path / "none" / "x.ot")
    assert Path(refused.value.path) == tmp_path / "none" / "x.ot"  # type: ignore[attr-defined]
