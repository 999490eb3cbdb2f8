"""Weight files: what is read, written, refused, reported and shared."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import oxbert
from oxbert.errors import (
    DtypeError,
    InputError,
    MissingFileError,
    UntrainedHeadWarning,
    WeightsFormatError,
    WeightsMismatchError,
)

from . import reference
from .reference import CONFIGS, NAMES, TOLERANCE

IDS = [[1, 2, 3, 4], [5, 6]]
WORDS = "electra.embeddings.word_embeddings.weight"
DECODER = "generator_lm_head.weight"


def state_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def folder(config: oxbert.ElectraConfig, tmp_path: Path) -> Path:
    """A folder with a configuration and no weights."""
    config.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


# To transformers and back.


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["small", "E-is-H", "three-labels", "tiny-tables"])
def test_transformers_loads_what_we_save(name: str, key: str, tmp_path: Path) -> None:
    values = dict(CONFIGS[key])
    model = getattr(oxbert, name)(oxbert.ElectraConfig(**values), seed=0)
    reference.scatter(model.named_parameters())
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    theirs, report = getattr(transformers, name).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    for label, case in reference.cases(theirs.config).items():
        with torch.no_grad():
            expected = theirs.eval()(**case.arguments)[0]
            got = model(**case.arguments)[0]
        assert reference.difference(got, expected, case.kept) <= TOLERANCE, label


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_model(name: str, tmp_path: Path) -> None:
    pair = reference.build(name, CONFIGS["three-labels"], tmp_path / "safetensors")
    expected = pair.ours()
    (tmp_path / "bin").mkdir()
    pair.theirs.config.save_pretrained(tmp_path / "bin")
    torch.save(pair.theirs.state_dict(), tmp_path / "bin" / "pytorch_model.bin")
    expected.save_pretrained(tmp_path / "ot", format="ot")
    expected.save_pretrained(tmp_path / "again")
    assert {path.name for path in (tmp_path / "ot").iterdir()} == {"config.json", "rust_model.ot"}
    for kind in ["bin", "ot", "again"]:
        model = getattr(oxbert, name).from_pretrained(tmp_path / kind, strict=True)
        np.testing.assert_array_equal(model(IDS)[0], expected(IDS)[0])
        assert model.load_report["missing"] == model.load_report["unexpected"] == model.load_report["mismatched"] == []
        assert model.load_report["loaded"] == len(expected.named_parameters())


def test_torch_reads_our_ot_with_the_names_of_rust_bert(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    model.save_pretrained(tmp_path, format="ot")
    module = torch.jit.load(tmp_path / "rust_model.ot")
    found = {name.replace("|", "."): value for name, value in module.named_parameters(remove_duplicate=False)}
    # rust_bert ties nothing: the decoder stands in the file beside the words.
    assert found.keys() == model.state_dict().keys() | {DECODER}
    for name, value in model.state_dict().items():
        assert torch.equal(found[name], value)
    assert torch.equal(found[DECODER], model.state_dict()[WORDS])


def test_we_read_what_torch_writes_as_ot(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraForTokenClassification(config, seed=0)

    class Root(torch.nn.Module):
        pass

    root = Root()
    for name, value in model.state_dict().items():
        root.register_parameter(name.replace(".", "|"), torch.nn.Parameter(value.clone()))
    torch.jit.script(root).save(folder / "rust_model.ot")
    again = oxbert.ElectraForTokenClassification.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("file", ["model.safetensors", "rust_model.ot", "pytorch_model.bin"])
def test_other_float_dtypes_are_converted(config: oxbert.ElectraConfig, folder: Path, dtype: Any, file: str) -> None:
    state = {name: value.to(dtype) for name, value in oxbert.ElectraModel(config, seed=0).state_dict().items()}
    if file.endswith(".bin"):
        torch.save(state, folder / file)
    else:
        oxbert.save_weights(state, folder / file)
    model = oxbert.ElectraModel.from_pretrained(folder, strict=True)
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, state[name].float())


def test_safetensors_come_first(config: oxbert.ElectraConfig, folder: Path) -> None:
    one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
    one.save_pretrained(folder)
    oxbert.save_weights(other.state_dict(), folder / "rust_model.ot")
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], one(IDS)[0])
    (folder / "model.safetensors").unlink()
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])


# Heads, strictness and the report.


def test_a_missing_head_is_one_warning(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    body = oxbert.ElectraModel(config, seed=0)
    body.save_pretrained(tmp_path)
    with pytest.warns(UntrainedHeadWarning) as caught:
        model = oxbert.ElectraForTokenClassification.from_pretrained(tmp_path)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "classifier.weight, classifier.bias" in message or "classifier.bias, classifier.weight" in message
    assert Path(caught[0].filename).name == Path(__file__).name, "the warning points at the caller"
    assert sorted(model.load_report["missing"]) == ["classifier.bias", "classifier.weight"]
    assert model.load_report["loaded"] == len(body.named_parameters())
    # As transformers initialises a head: the weight at random, the bias 0.
    head = model.state_dict()
    assert not head["classifier.bias"].any() and head["classifier.weight"].std() > 0.1
    np.testing.assert_array_equal(model(IDS, output_hidden_states=True).hidden_states[-1], body(IDS).last_hidden_state)
    with pytest.raises(WeightsMismatchError) as refused:
        oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, strict=True)
    assert sorted(refused.value.missing) == ["classifier.bias", "classifier.weight"]
    with pytest.warns(UntrainedHeadWarning):
        oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, strict=False)


def test_another_head_is_left_out_and_reported(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    oxbert.ElectraForPreTraining(config, seed=0).save_pretrained(tmp_path)
    model = oxbert.ElectraModel.from_pretrained(tmp_path)
    assert all(name.startswith("discriminator_predictions.") for name in model.load_report["unexpected"])
    assert len(model.load_report["unexpected"]) == 4
    assert model.load_report["renamed"][WORDS] == "embeddings.word_embeddings.weight"
    with pytest.raises(WeightsMismatchError, match="unexpected: discriminator_predictions"):
        oxbert.ElectraModel.from_pretrained(tmp_path, strict=True)
    assert oxbert.ElectraModel.from_pretrained(tmp_path, strict=False).load_report["missing"] == []


@pytest.mark.parametrize("strict", [None, True])
def test_a_part_of_the_encoder_must_not_lack(config: oxbert.ElectraConfig, folder: Path, strict: bool | None) -> None:
    state = state_of(oxbert.ElectraForPreTraining(config, seed=0))
    del state["electra.encoder.layer.1.output.dense.bias"]
    state["electra.encoder.layer.2.output.dense.bias"] = torch.zeros(20)
    oxbert.save_weights(state, folder / "model.safetensors")
    with pytest.raises(WeightsMismatchError) as caught:
        oxbert.ElectraForPreTraining.from_pretrained(folder, strict=strict)
    assert caught.value.missing == ["electra.encoder.layer.1.output.dense.bias"]
    assert caught.value.unexpected == ["electra.encoder.layer.2.output.dense.bias"]
    assert Path(caught.value.path) == folder / "model.safetensors"
    with pytest.warns(UntrainedHeadWarning):
        model = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=False)
    assert model.load_report["missing"] == caught.value.missing


@pytest.mark.parametrize("strict", [None, True, False])
def test_wrong_shapes_and_dtypes_are_told_at_once(
    config: oxbert.ElectraConfig, folder: Path, strict: bool | None
) -> None:
    state = state_of(oxbert.ElectraForTokenClassification(config, seed=0))
    state["classifier.weight"] = torch.zeros(5, 20)
    state["classifier.bias"] = torch.zeros(3, dtype=torch.int64)
    oxbert.save_weights(state, folder / "rust_model.ot")
    with pytest.raises(WeightsMismatchError) as caught:
        oxbert.ElectraForTokenClassification.from_pretrained(folder, strict=strict)
    told = {name: (expected, got) for name, expected, got in caught.value.mismatched}
    assert told.keys() == {"classifier.bias", "classifier.weight"}
    assert "[3, 20]" in told["classifier.weight"][0] and "[5, 20]" in told["classifier.weight"][1]
    assert "int64" in told["classifier.bias"][1]
    for part in ["classifier.bias", "[5, 20]", "rust_model.ot"]:
        assert part in str(caught.value)


# Names.


def test_old_and_wrapped_names_are_understood(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    renamed = {
        "module."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in model.state_dict().items()
    }
    renamed["module.electra.embeddings.position_ids"] = torch.arange(16)
    oxbert.save_weights(renamed, folder / "model.safetensors")
    again = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    assert again.load_report["renamed"]["module.electra.embeddings.LayerNorm.gamma"] == (
        "electra.embeddings.LayerNorm.weight"
    )


def test_the_prefix_of_the_encoder_is_added_and_stripped(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraModel(config, seed=0)
    oxbert.save_weights(
        {f"electra.{name}": value for name, value in model.state_dict().items()}, folder / "rust_model.ot"
    )
    again = oxbert.ElectraModel.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    with_head = oxbert.ElectraForPreTraining(config, seed=1)
    state = {name: value for name, value in with_head.state_dict().items() if not name.startswith("electra.")}
    oxbert.save_weights(state | model.state_dict(), folder / "rust_model.ot")
    again = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=True)
    np.testing.assert_array_equal(again(IDS, output_hidden_states=True).hidden_states[-1], model(IDS).last_hidden_state)


def test_two_names_of_one_parameter_are_refused(config: oxbert.ElectraConfig, folder: Path) -> None:
    state = state_of(oxbert.ElectraModel(config, seed=0))
    state["embeddings.LayerNorm.gamma"] = torch.zeros(12)
    oxbert.save_weights(state, folder / "model.safetensors")
    with pytest.raises(WeightsFormatError, match="same parameter"):
        oxbert.ElectraModel.from_pretrained(folder, strict=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("module.a.LayerNorm.gamma", "a.LayerNorm.weight"),
        ("a.LayerNorm.beta", "a.LayerNorm.bias"),
        ("a.beta", "a.beta"),
        ("electra.embeddings.position_ids", None),
        ("", ""),
    ],
)
def test_canonical_names(name: str, expected: str | None) -> None:
    assert oxbert.canonical_name(name) == expected


# The tied decoder.


def test_a_tied_decoder_is_the_words(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    state = state_of(model)
    assert DECODER not in state and "generator_lm_head.bias" in state
    for stored in [state, state | {DECODER: state[WORDS].clone()}]:
        oxbert.save_weights(stored, folder / "model.safetensors")
        again = oxbert.ElectraForMaskedLM.from_pretrained(folder, strict=True)
        assert again.config.tie_word_embeddings and again.load_report["missing"] == []
        np.testing.assert_array_equal(again(IDS)[0], model(IDS)[0])
    with torch.no_grad():
        dict(again.named_parameters())[WORDS].mul_(2)
    assert not np.allclose(again(IDS)[0], model(IDS)[0])


def test_a_decoder_of_its_own_is_honoured(tmp_path: Path) -> None:
    pair = reference.build("ElectraForMaskedLM", CONFIGS["small"] | {"tie_word_embeddings": False}, tmp_path / "theirs")
    ours = pair.ours()
    assert DECODER in dict(ours.named_parameters()) and not ours.config.tie_word_embeddings
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert (ours(ids).logits - pair.theirs(ids).logits).abs().max() <= TOLERANCE
    # Also where the configuration does not say so: the values do.
    ours.save_pretrained(tmp_path / "untold", format="ot")
    told = json.loads((tmp_path / "untold" / "config.json").read_text())
    (tmp_path / "untold" / "config.json").write_text(json.dumps(told | {"tie_word_embeddings": True}))
    again = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path / "untold", strict=True)
    assert not again.config.tie_word_embeddings
    np.testing.assert_array_equal(again(IDS)[0], ours(IDS)[0])
    # A tied model refuses such values, and says why.
    tied = oxbert.ElectraForMaskedLM(oxbert.ElectraConfig(**CONFIGS["small"]), seed=0)
    before = tied(IDS)[0]
    with pytest.raises(WeightsMismatchError, match="tie_word_embeddings"):
        tied.load_state_dict(ours.state_dict())
    np.testing.assert_array_equal(tied(IDS)[0], before)


# The state of a model.


def test_the_state_shares_memory(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    before = model(IDS)[0]
    state = model.state_dict()
    assert not any(value.requires_grad for value in state.values())
    state["discriminator_predictions.dense_prediction.bias"].add_(1)
    np.testing.assert_allclose(model([IDS[0]])[0], before[:1] + 1, rtol=0, atol=TOLERANCE)
    assert [name for name, _ in model.named_parameters()] == list(state)


@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_a_state_is_loaded(config: oxbert.ElectraConfig, kind: str) -> None:
    one, other = (oxbert.ElectraForPreTraining(config, seed=seed) for seed in (1, 2))
    parameters = dict(other.named_parameters())
    state: dict[str, Any] = dict(one.state_dict())
    if kind == "numpy":
        state = {name: value.numpy() for name, value in state.items()}
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(IDS)[0], one(IDS)[0])
    # In place: an optimizer that was made before keeps its parameters.
    for name, parameter in other.named_parameters():
        assert parameter.data_ptr() == parameters[name].data_ptr()


def test_a_bad_state_changes_nothing(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    before = model(IDS)[0]
    state = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    wrong = state | {"discriminator_predictions.dense.bias": torch.zeros(7)}
    for strict in [True, False]:
        with pytest.raises(WeightsMismatchError) as caught:
            model.load_state_dict(wrong, strict=strict)
        assert [name for name, _, _ in caught.value.mismatched] == ["discriminator_predictions.dense.bias"]
    with pytest.raises(WeightsMismatchError) as caught:
        model.load_state_dict({"classifier.bias": torch.zeros(2)})
    assert caught.value.unexpected == ["classifier.bias"] and len(caught.value.missing) == len(state)
    np.testing.assert_array_equal(model(IDS)[0], before)
    model.load_state_dict({"classifier.bias": torch.zeros(2)}, strict=False)
    np.testing.assert_array_equal(model(IDS)[0], before)


def test_saving_keeps_everything_else(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    config.some_note = {"kept": [1, 2.5, None]}
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    model.save_pretrained(str(tmp_path / "a" / "b"))
    assert oxbert.ElectraForMaskedLM.from_pretrained(tmp_path / "a" / "b").config == config
    other = oxbert.ElectraForMaskedLM(config, seed=1)
    other.save_pretrained(tmp_path / "a" / "b")
    again = oxbert.ElectraForMaskedLM.from_pretrained(str(tmp_path / "a" / "b"), strict=True)
    np.testing.assert_array_equal(again(IDS)[0], other(IDS)[0])
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {"config.json", "model.safetensors"}
    with pytest.raises(InputError, match="ot"):
        model.save_pretrained(tmp_path, format="npz")  # type: ignore[arg-type]


# Files of named tensors.

ARRAYS = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


@pytest.mark.parametrize("ending", ["ot", "safetensors"])
def test_arrays_survive_a_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{ending}"
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for dtype in ARRAYS:
        arrays[f"{dtype}.weight"] = (generator.normal(size=(2, 3)) * 50).astype(dtype)
        arrays[f"{dtype}.empty"] = np.zeros((0, 4), dtype=dtype)
        arrays[f"{dtype}.number"] = np.array(3, dtype=dtype)
        arrays[f"{dtype}.transposed"] = arrays[f"{dtype}.weight"].T
    arrays["swapped"] = np.arange(3, dtype=">f4")
    oxbert.save_weights(arrays, path)
    found = oxbert.load_weights(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        expected = array.astype("float32") if array.dtype == np.float16 else array.astype(array.dtype.newbyteorder("="))
        assert found[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert found[name].shape == array.shape, name
    for name, tensor in oxbert.load_weights(path, "torch").items():
        expected = torch.from_numpy(np.ascontiguousarray(arrays[name].astype(arrays[name].dtype.newbyteorder("="))))
        assert tensor.dtype == expected.dtype and torch.equal(tensor, expected.reshape(tensor.shape)), name


@pytest.mark.parametrize("ending", ["ot", "safetensors"])
def test_tensors_survive_a_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{ending}"
    tensors = {
        f"{dtype}".removeprefix("torch."): (torch.randn(3, 2, 2) * 50).to(dtype)
        for dtype in [torch.bfloat16, *(getattr(torch, name) for name in ARRAYS)]
    }
    tensors["view"] = torch.arange(12.0).reshape(3, 4).t()[1:]
    tensors["expanded"] = torch.tensor([1.0, 2.0]).expand(3, 2)
    tensors["number"] = torch.tensor(2.5)
    tensors["parameter"] = torch.nn.Parameter(torch.ones(2))
    oxbert.save_weights(tensors, path)
    found = oxbert.load_weights(path, "torch")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    assert oxbert.load_weights(path)["bfloat16"].dtype == np.float32
    if ending == "safetensors":
        assert all(torch.equal(value, found[name]) for name, value in safetensors.torch.load_file(path).items())
    else:
        module = torch.jit.load(path)
        states = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        assert {name.replace("|", ".") for name in states} == tensors.keys()


def test_names_of_all_kinds_survive_a_file(tmp_path: Path) -> None:
    arrays = {
        name: np.array([float(place)]) for place, name in enumerate(["a b", "ü.文", "0", "../x", "a.b.c", "A", "a"])
    }
    for ending in ["ot", "safetensors"]:
        oxbert.save_weights(arrays, tmp_path / f"weights.{ending}")
        assert oxbert.load_weights(tmp_path / f"weights.{ending}") == arrays


def test_torch_files_are_read_without_running_them(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    torch.save({"state_dict": {"a": torch.ones(2)}, "epoch": 3}, path)
    np.testing.assert_array_equal(oxbert.load_weights(path)["a"], [1, 1])
    for content in [{"a": 3}, [torch.ones(1)], {1: torch.ones(1)}]:
        torch.save(content, path)
        with pytest.raises(WeightsFormatError, match="expected"):
            oxbert.load_weights(path)
    with pytest.raises(MissingFileError):
        oxbert.load_weights(tmp_path / "none.bin")


def test_the_format_is_told_by_the_content(tmp_path: Path) -> None:
    oxbert.save_weights({"a": np.ones(1)}, tmp_path / "x.ot")
    (tmp_path / "x.ot").rename(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(oxbert.load_weights(tmp_path / "model.safetensors")["a"], [1])


# Hostile files, in a process of their own: none may kill it, run anything, or take more memory than it has bytes.

HOSTILE = """
import pathlib, random, resource, sys, warnings
import oxbert
from oxbert.errors import OxbertError

warnings.simplefilter("ignore")
folder, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
whole = (folder / f"whole.{kind}").read_bytes()
path = folder / f"broken.{kind}"
random.seed(0)
limit = 8 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def broken():
    step = max(1, len(whole) // 60)
    for length in [*range(0, len(whole), step), *range(0, 70, 7), *range(len(whole) - 80, len(whole), 7)]:
        yield whole[:length]
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(random.choice([1, 1, 2, 8])):
            # Structure is at both ends and around the headers of records; tensors are in between.
            place = random.choice([random.randrange(len(data)), random.randrange(min(400, len(data))),
                                   len(data) - 1 - random.randrange(min(600, len(data)))])
            data[place] = random.choice([0, 255, data[place] ^ (1 << random.randrange(8)), random.randrange(256)])
        yield bytes(data)
    for length in [1, 8, 30, 1000]:
        yield random.randbytes(length)
        yield whole[:8] + random.randbytes(length)
    yield whole * 2
    yield whole + random.randbytes(50)
    yield random.randbytes(50) + whole

refused = read = 0
for data in broken():
    path.write_bytes(data)
    try:
        oxbert.load_weights(path)
        read += 1
    except OxbertError as error:
        assert isinstance(error, oxbert.errors.WeightsFormatError), repr(error)
        assert path.name in str(error) and error.reason, str(error)
        refused += 1
print(refused, read)
"""


def run(script: str, *arguments: Any, timeout: float = 60) -> str:
    """Runs a script; fails where it dies, by a signal above all."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr[-3000:]}"
    assert "panicked" not in done.stderr, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("kind", ["ot", "safetensors", "bin"])
def test_broken_files_are_errors_and_nothing_worse(kind: str, tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(5, 7), "a.bias": torch.randn(5), "b": torch.arange(3)}
    if kind == "bin":
        torch.save(tensors, tmp_path / "whole.bin")
    else:
        oxbert.save_weights(tensors, tmp_path / f"whole.{kind}")
    refused, read = map(int, run(HOSTILE, tmp_path, kind).split())
    # A changed byte of a tensor is another number where the format has no checksum, so some are read.
    assert refused > 100
    assert read < 260


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            import os

            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"a": Payload()}, tmp_path / "weights.bin")
    for name in ["weights.bin", "rust_model.ot", "model.safetensors"]:
        (tmp_path / name).write_bytes((tmp_path / "weights.bin").read_bytes())
        with pytest.raises(WeightsFormatError):
            oxbert.load_weights(tmp_path / name)
    import pickle

    for name in ["weights.bin", "rust_model.ot", "model.safetensors"]:
        (tmp_path / name).write_bytes(pickle.dumps(Payload()))
        with pytest.raises(WeightsFormatError):
            oxbert.load_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "bomb.ot", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("model/data.pkl", b"\\0" * (200 << 20))
        bomb.writestr("model/version", b"3\n")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (tmp_path / "bomb.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "long.safetensors").write_bytes((100 << 20).to_bytes(8, "little") + b"{")
    script = """
import pathlib, resource, sys
import oxbert
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        oxbert.load_weights(path)
    except oxbert.errors.WeightsFormatError as error:
        print(path.name, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    *lines, grown = run(script, tmp_path).splitlines()
    assert len(lines) == 3, lines
    assert int(grown) < 100, "MiB"


def test_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rust_model.ot"
    for content, expected in [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
    ]:
        path.write_bytes(content)
        with pytest.raises(WeightsFormatError, match=expected) as caught:
            oxbert.load_weights(path)
        assert Path(caught.value.path) == path and expected in caught.value.reason


def test_loading_twice_warns_of_nothing(tmp_path: Path, config: oxbert.ElectraConfig) -> None:
    oxbert.ElectraForMaskedLM(config, seed=0).save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)


# torch speaks of it once in a process.
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_tensors_that_no_file_of_ours_can_hold(tmp_path: Path) -> None:
    for tensor, kind in [(torch.eye(3).to_sparse(), "sparse"), (torch.eye(3, device="meta"), "meta")]:
        with pytest.raises(InputError, match="dense") as refused:
            oxbert.save_weights({"a.weight": tensor}, tmp_path / "weights.ot")
        assert refused.value.what == "a.weight"
        torch.save({"a.weight": tensor}, tmp_path / "weights.bin")
        with pytest.raises(WeightsFormatError, match="sparse" if kind == "sparse" else "without values") as caught:
            oxbert.load_weights(tmp_path / "weights.bin")
        assert "a.weight" in caught.value.reason
    for value in [torch.zeros(2, dtype=torch.complex64), np.zeros(2, dtype=complex), np.array(["a"])]:
        with pytest.raises(DtypeError, match=r"a\.weight"):
            oxbert.save_weights({"a.weight": value}, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"\.ot or \.safetensors"):
        oxbert.save_weights({}, tmp_path / "weights.npz")
    with pytest.raises(InputError, match="jax"):
        oxbert.load_weights(tmp_path / "weights.bin", "jax")  # type: ignore[call-overload]
    assert {path.name for path in tmp_path.iterdir()} == {"weights.bin"}


def test_saving_leaves_no_older_weights_in_the_other_format(config: oxbert.ElectraConfig, folder: Path) -> None:
    one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
    one.save_pretrained(folder)
    other.save_pretrained(folder, format="ot")
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])
    (folder / "model.safetensors").unlink()
    np.testing.assert_array_equal(oxbert.ElectraModel.from_pretrained(folder)(IDS)[0], other(IDS)[0])


@pytest.mark.parametrize("format", ["safetensors", "ot"])
def test_an_untied_generator_fits_every_model(config: oxbert.ElectraConfig, folder: Path, format: Any) -> None:
    config.tie_word_embeddings = False
    generator = oxbert.ElectraForMaskedLM(config, seed=1)
    generator.save_pretrained(folder, format=format)
    with pytest.warns(UntrainedHeadWarning):
        discriminator = oxbert.ElectraForPreTraining.from_pretrained(folder)
    assert DECODER in discriminator.load_report["unexpected"]
    encoder = oxbert.ElectraModel.from_pretrained(folder)
    assert encoder.load_report["loaded"] == len(encoder.parameters())
    assert DECODER in encoder.load_report["unexpected"]
    with pytest.raises(WeightsMismatchError, match=DECODER):
        oxbert.ElectraModel.from_pretrained(folder, strict=True)


def test_one_parameter_under_two_names_is_refused(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraModel(config, seed=1)
    before = state_of(model)
    twice = before | {f"electra.{name}": value + 1 for name, value in before.items()}
    with pytest.raises(WeightsFormatError, match="are the same parameter"):
        model.load_state_dict(twice)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_configuration_says_what_is_saved(config: oxbert.ElectraConfig, folder: Path) -> None:
    config.dtype = "float16"
    config.save_pretrained(folder)
    halves = {name: value.half() for name, value in oxbert.ElectraModel(config, seed=1).state_dict().items()}
    oxbert.save_weights(halves, folder / "model.safetensors")
    model = oxbert.ElectraModel.from_pretrained(folder)
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    theirs = transformers.ElectraModel.from_pretrained(folder)
    assert theirs.dtype == torch.float32


def test_names_that_are_no_text_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    with pytest.raises(DtypeError, match="names of tensors"):
        oxbert.save_weights({1: np.zeros(3)}, tmp_path / "model.ot")  # type: ignore[dict-item]


def test_tensors_without_memory_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = torch.zeros(2, 3)
    released = torch.zeros(2, 3)
    released.untyped_storage().resize_(0)
    shrunk = torch.zeros(2, 3)
    shrunk.untyped_storage().resize_(8)
    for tensor in (fake, released, shrunk):
        with pytest.raises(InputError, match="without memory"):
            oxbert.save_weights({"a": tensor}, tmp_path / "model.ot")
    model = oxbert.ElectraModel(config, seed=1)
    embeddings = torch.zeros(1, 2, config.embedding_size)
    embeddings.untyped_storage().resize_(0)
    with pytest.raises(InputError, match="without memory"):
        model(inputs_embeds=embeddings)
