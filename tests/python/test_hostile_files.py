"""Test hostile files in child processes: they may not crash the reader, run code, or use much memory or time."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert.errors import WeightsFormatError

from . import hostile

CHECKPOINTS = Path(__file__).parents[1] / "data" / "checkpoints"


def write_undamaged(kind: str, folder: Path) -> None:
    """Write an undamaged file of a format, with the other files that it needs."""
    tensors = {"a.weight": torch.randn(5, 7), "a.bias": torch.randn(5), "b": torch.arange(3)}
    path = folder / f"whole.{kind}"
    if kind in ("safetensors", "ot"):
        oxbert.save_weights(tensors, path)
    elif kind in ("bin", "legacy"):
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "bin")
    elif kind == "msgpack":
        shutil.copy(CHECKPOINTS / "transformers" / "distilbert_question_answering" / "flax_model.msgpack", path)
    elif kind == "json":
        names = {"a": np.ones(2), "b": np.zeros(3), "c": np.zeros((2, 2))}
        for number, (name, values) in enumerate(names.items()):
            oxbert.save_weights({name: values}, folder / f"{number}.safetensors")
        path.write_bytes(b'{"weight_map": {"a": "0.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}')
    else:
        for ending in ("index", "data-00000-of-00001"):
            shutil.copy(CHECKPOINTS / "google" / "tagging" / f"model.ckpt-12.{ending}", folder / f"whole.{ending}")


@pytest.mark.parametrize(
    "kind", ["safetensors", "ot", "bin", "legacy", "msgpack", "json", "index", "data-00000-of-00001"]
)
def test_damaged_files_raise_errors_and_never_crash(kind: str, tmp_path: Path) -> None:
    write_undamaged(kind, tmp_path)
    result = hostile.run(f"damage-{kind}", tmp_path)
    # Every truncated file is refused. Without checksums a changed byte of a tensor is read as another number.
    assert result["refused"] > 200 and result["refused"] + result["read"] > 600
    if kind in ("index", "data-00000-of-00001"):
        # Checksums cover nearly every byte.
        assert result["read"] < 0.1 * result["refused"]


@pytest.mark.parametrize("family", ["safetensors", "archives", "pickles", "flax", "tensorflow", "shards", "places"])
def test_crafted_files_are_refused(family: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    assert hostile.run(family, folder)["refused"] > 15


def test_pickles_that_run_code_are_refused(tmp_path: Path) -> None:
    assert hostile.run("code", tmp_path)["refused"] > 300


def test_payloads_run_when_unpickled(tmp_path: Path) -> None:
    """Run the payloads, so that the tests above cannot pass because the payloads are broken."""
    marker = tmp_path / "ran"
    payloads = dict(hostile.hostile_pickles(str(marker)))
    for label in ["os.system", "posix.system", "getattr", "a name with dots", "INST", "OBJ"]:
        pickle.loads(b"\x80\x04" + payloads[label] + b".")
        assert marker.exists(), label
        marker.unlink()


def test_limits_and_expected_messages_are_enforced(tmp_path: Path) -> None:
    """Check that the limits of the other tests can fail."""
    large = tmp_path / "large.safetensors"
    oxbert.save_weights({"a": np.zeros(hostile.MAX_MEMORY // 2, "int8"), "b": np.zeros(64 << 20, "int8")}, large)
    found = hostile.read_all(
        [hostile.Case("large", large, may_be_read=True), hostile.Case("small", tmp_path, "no such reason")]
    )
    assert (found["refused"], found["read"]) == (1, 1)
    assert [failure.partition(":")[0] for failure in found["failures"]] == ["large", "small"], found["failures"]
    assert "MiB of memory" in found["failures"][0] and "got a folder" in found["failures"][1]


def test_errors_name_the_format_of_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "rust_model.ot"
    for content, expected in [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"\x80\x02}q\0.", "got a pickle that torch.save did not write"),
    ]:
        path.write_bytes(content)
        with pytest.raises(WeightsFormatError, match=expected) as caught:
            oxbert.load_weights(path)
        assert Path(caught.value.path) == path and expected in caught.value.reason


@pytest.mark.parametrize("name", ["model.safetensors", "rust_model.ot", "pytorch_model.bin", "flax_model.msgpack"])
def test_model_folders_with_hostile_files_are_refused(
    name: str, config: oxbert.ElectraConfig, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    config.save_pretrained(tmp_path)
    code = hostile.state(("a", dict(hostile.hostile_pickles(str(tmp_path / "ran")))["os.system"]))
    whole: dict[str, bytes] = {"bin": hostile.bin_of(code), "legacy": hostile.legacy_of(code)}
    whole["ot"] = hostile.ot_of(code)
    whole["flax"] = hostile.flax_of(("a", hostile.array((1 << 40,))))
    whole["safetensors"] = hostile.safetensors_of({"a": hostile.described((1 << 40,), 0, 1 << 42)})
    whole["list"] = b'{"weight_map": {"a": "../x.safetensors"}}'
    for content in whole.values():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsFormatError, match=name.replace(".", r"\.")):
            oxbert.ElectraModel.from_pretrained(tmp_path)
        with pytest.raises(WeightsFormatError, match=name.replace(".", r"\.")):
            oxbert.AutoModel.from_pretrained(tmp_path)
    assert not (tmp_path / "ran").exists() and not recwarn.list


def test_model_folders_with_hostile_tensorflow_files_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    (tmp_path / "model.ckpt-1.data-00000-of-00001").write_bytes(bytes(64))
    variable = (b"electra/embeddings/word_embeddings", hostile.variable_of((17,)))
    for index in [hostile.index_of(variable), hostile.index_of(shards=1 << 31)]:
        (tmp_path / "model.ckpt-1.index").write_bytes(index)
        with pytest.raises(WeightsFormatError, match=r"model\.ckpt-1\.index"):
            oxbert.ElectraModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "device"])
def test_folders_without_a_regular_file_are_refused(kind: str, config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    make: dict[str, Any] = {
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "circle": lambda path: path.symlink_to(path.name),
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    config.save_pretrained(tmp_path)
    make[kind](tmp_path / "model.safetensors")
    with pytest.raises(oxbert.errors.MissingFileError, match=r"has no model\.safetensors"):
        oxbert.ElectraModel.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    make[kind](tmp_path / "config.json")
    with pytest.raises(oxbert.errors.OxbertError):
        oxbert.ElectraModel.from_pretrained(tmp_path)
