"""Test the keyword arguments that `save_pretrained` has in transformers, on everything that can be saved."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from typing import Any

import pytest
import transformers

import oxbert
import oxbert.torch
from oxbert.errors import DtypeError, InputError

KINDS = ["model", "module", "config", "tokenizer"]
FILES = {"safetensors": "model.safetensors", "ot": "rust_model.ot", "bin": "pytorch_model.bin"}
# Values that change nothing, and values that would.
ACCEPTED: list[dict[str, Any]] = [
    {"token": "secret"},
    {"token": True},
    {"save_peft_format": False},
    {"save_original_format": True},
    {"save_function": print},
    {"is_main_process": True},
    {"safe_serialization": True},
    {"safe_serialization": None},
    {"max_shard_size": "50GB"},
    {"max_shard_size": 10**9},
    {"push_to_hub": False},
    {"push_to_hub": None},
    {"state_dict": None},
    {"variant": None},
    {"distributed_checkpoint": False},
    {"legacy_format": None},
    {"filename_prefix": None},
]
REFUSED: list[dict[str, Any]] = [
    {"push_to_hub": True},
    {"state_dict": {}},
    {"variant": "fp16"},
    {"distributed_checkpoint": True},
    {"legacy_format": True},
    {"filename_prefix": "mine"},
]


@pytest.fixture(scope="module")
def saved() -> dict[str, Any]:
    model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    return {"model": model, "module": oxbert.torch.Module(model), "config": model.config, "tokenizer": tokenizer}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_changes_nothing_or_is_refused_by_name(kind: str, saved: dict[str, Any], tmp_path: Path) -> None:
    thing = saved[kind]
    thing.save_pretrained(tmp_path / "plain")
    plain = contents(tmp_path / "plain")
    for number, options in enumerate([*ACCEPTED, {name: value for item in ACCEPTED for name, value in item.items()}]):
        thing.save_pretrained(tmp_path / f"{number}", **options)
        assert contents(tmp_path / f"{number}") == plain, options
    for options, more in itertools.product(REFUSED, [{}, {"is_main_process": False}]):
        (name,) = options
        with pytest.raises(InputError, match=f"^{name}: expected None, got") as caught:
            thing.save_pretrained(tmp_path / "refused", **options, **more)
        assert caught.value.what == name
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'formt'"):
        thing.save_pretrained(tmp_path / "refused", formt="ot")
    with pytest.raises(DtypeError, match=r"^is_main_process: expected True or False"):
        thing.save_pretrained(tmp_path / "refused", is_main_process="yes")
    thing.save_pretrained(tmp_path / "refused", is_main_process=False)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize("kind", ["model", "module"])
def test_safe_serialization_and_format_agree_or_are_refused(kind: str, saved: dict[str, Any], tmp_path: Path) -> None:
    for number, (safe, format) in enumerate(itertools.product([None, True, False], [None, *FILES])):
        folder = tmp_path / f"{number}"
        if None not in (safe, format) and safe != (format == "safetensors"):
            with pytest.raises(InputError, match=f"^safe_serialization: expected {not safe} with format='{format}'"):
                saved[kind].save_pretrained(folder, format=format, safe_serialization=safe)
            assert not folder.exists()
            continue
        saved[kind].save_pretrained(folder, format, safe_serialization=safe)
        expected = FILES[format or ("bin" if safe is False else "safetensors")]
        assert set(contents(folder)) == {"config.json", expected}
        again = oxbert.ElectraForMaskedLM.from_pretrained(folder, strict=True)
        assert (again([[5, 6]]).logits == saved["model"]([[5, 6]]).logits).all()
    with pytest.raises(DtypeError, match=r"^safe_serialization: "):
        saved[kind].save_pretrained(tmp_path / "refused", safe_serialization="no")


def test_weights_that_need_several_files_are_refused(saved: dict[str, Any], tmp_path: Path) -> None:
    model = saved["model"]
    size = 4 * model.num_parameters()
    units = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
    enough = [size, size + 1, "1tb", *(f"{size / unit + 1:.3f} {name}" for name, unit in units.items())]
    for limit in enough:
        model.save_pretrained(tmp_path / "enough", max_shard_size=limit)
    too_small = [size - 1, 1, 0, -5, "1KB", f"{size * 0.99 / 1e6:f}MB", "0.0GB"]
    for limit in [*too_small, "5", "5GiB", "GB", "-1GB", "", True, 1.5, [1]]:
        with pytest.raises(InputError, match=r"^max_shard_size: expected ") as caught:
            model.save_pretrained(tmp_path / "refused", max_shard_size=limit)
        if limit in too_small and limit is not True:
            assert f"expected at least {size}" in str(caught.value) and repr(limit) in str(caught.value)
    assert not (tmp_path / "refused").exists()


def test_every_argument_of_transformers_is_known(saved: dict[str, Any], tmp_path: Path) -> None:
    theirs = {
        "model": transformers.PreTrainedModel,
        "config": transformers.PreTrainedConfig,
        "tokenizer": transformers.PreTrainedTokenizerBase,
    }
    for kind, their in theirs.items():
        parameters = list(inspect.signature(their.save_pretrained).parameters.values())[2:]
        defaults = {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}
        assert "push_to_hub" in defaults
        saved[kind].save_pretrained(tmp_path / kind, **defaults)
        assert contents(tmp_path / kind)
