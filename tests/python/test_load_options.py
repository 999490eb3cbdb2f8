"""The options that `from_pretrained` and calls have in transformers: accepted, heeded, or refused with what to do."""

from __future__ import annotations

import itertools
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oxbert
from oxbert import _load_options
from oxbert.errors import (
    ConfigError,
    DeviceError,
    DtypeError,
    InputError,
    MissingFileError,
    UntrainedHeadWarning,
    WeightsMismatchError,
)

IDS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
NAME = "ElectraForTokenClassification"
LOADERS = pytest.mark.parametrize(
    "kind", [oxbert.ElectraForTokenClassification, oxbert.AutoModelForTokenClassification]
)
FLAG = st.sampled_from([None, False, True])


@pytest.fixture
def saved(config: oxbert.ElectraConfig, tmp_path: Path) -> Path:
    """A folder with a token classifier."""
    model = oxbert.ElectraForTokenClassification(config, seed=1)
    model.load_state_dict(model.state_dict() | {"classifier.bias": torch.full((3,), 7.0)})
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def bias(model: Any) -> list[float]:
    values: list[float] = model.state_dict()["classifier.bias"].tolist()
    return values


# Options that cannot change a number.

HARMLESS = {
    **dict.fromkeys(_load_options._FLAGS, FLAG),
    **dict.fromkeys(_load_options._REFUSED, st.sampled_from([None, False])),
    "dtype": st.sampled_from([None, "auto", "float32", torch.float32]),
    "torch_dtype": st.sampled_from([None, "auto", "float32", torch.float32]),
    "device_map": st.sampled_from([None, "cpu", torch.device("cpu"), {"": "cpu"}, {"electra": "cpu", "classifier": "cpu"}]),
    "attn_implementation": st.sampled_from([None, "eager", "sdpa"]),
    "use_safetensors": st.sampled_from([None, True]),
    "from_tf": st.sampled_from([None, False]),
    "from_flax": st.sampled_from([None, False]),
    "ignore_mismatched_sizes": FLAG,
    "output_loading_info": FLAG,
    "trust_remote_code": FLAG,
    "state_dict": st.none(),
    "return_dict": st.sampled_from([True]),
    "use_cache": st.booleans(),
}  # fmt: skip


@LOADERS
def test_options_without_an_effect_on_numbers_are_accepted(kind: Any, saved: Path) -> None:
    expected = kind.from_pretrained(saved)(IDS).logits

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.fixed_dictionaries({}, optional=HARMLESS))
    def load(options: dict[str, Any]) -> None:
        loaded = kind.from_pretrained(saved, **options)
        if options.get("output_loading_info"):
            loaded, info = loaded
            assert info == {"missing_keys": set(), "unexpected_keys": set(), "mismatched_keys": set(), "error_msgs": []}
        assert torch.equal(loaded(IDS).logits, expected)

    load()


def test_transformers_accepts_what_oxbert_accepts(saved: Path) -> None:
    """The same call loads the same numbers in both."""
    options = {
        "dtype": "auto", "device_map": None, "low_cpu_mem_usage": True, "use_safetensors": True, "weights_only": True,
        "trust_remote_code": False, "attn_implementation": "eager", "from_tf": False, "output_loading_info": True,
        "ignore_mismatched_sizes": True, "num_labels": 3,
    }  # fmt: skip
    (ours, info), (theirs, expected) = (
        getattr(package, NAME).from_pretrained(saved, **options) for package in (oxbert, transformers)
    )
    assert info == expected and {name: type(value) for name, value in info.items()} == {
        name: type(value) for name, value in expected.items()
    }
    with torch.no_grad():
        torch.testing.assert_close(ours(IDS).logits, theirs(IDS).logits, rtol=0, atol=1e-5)


# Options that are refused.


@LOADERS
@pytest.mark.parametrize("name", list(_load_options._REFUSED))
def test_options_that_change_the_model_are_refused(kind: Any, name: str, saved: Path) -> None:
    with pytest.raises(InputError, match=rf"^{name}: expected None, got 'other': ") as caught:
        kind.from_pretrained(saved, **{name: "other"})
    assert caught.value.what == name and _load_options._REFUSED[name] in caught.value.reason


@LOADERS
@pytest.mark.parametrize(
    "name",
    [*_load_options._FLAGS, "use_safetensors", "from_tf", "from_flax", "ignore_mismatched_sizes", "output_loading_info",
     "trust_remote_code", "state_dict"],
)  # fmt: skip
def test_values_of_the_wrong_type_are_refused(kind: Any, name: str, saved: Path) -> None:
    for value in ["yes", 1, 0.0, [True]]:
        with pytest.raises(DtypeError, match=rf"^{name}: expected ") as caught:
            kind.from_pretrained(saved, **{name: value})
        assert (caught.value.what, caught.value.got) == (name, type(value).__name__)


@LOADERS
@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_other_dtypes_are_refused_with_the_way_to_them(kind: Any, name: str, saved: Path) -> None:
    for value in ["nonsense", torch.float16, "bfloat16", torch.float64, torch.int8, 32]:
        with pytest.raises(InputError, match=rf"^{name}: .*oxbert\.torch\.Module\(model\)\.to") as caught:
            kind.from_pretrained(saved, **{name: value})
        assert caught.value.what == name
    # The newer name counts.
    with pytest.raises(InputError, match="dtype"):
        kind.from_pretrained(saved, dtype="float32", torch_dtype="float16")


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_auto_keeps_the_dtype_of_the_file(named: bool, dtype: torch.dtype, saved: Path) -> None:
    """In transformers the model is of the dtype that the configuration or the first tensor has."""
    state = oxbert.load_weights(saved / "model.safetensors", "torch")
    oxbert.save_weights({name: value.to(dtype) for name, value in state.items()}, saved / "model.safetensors")
    values = json.loads((saved / "config.json").read_text())
    values.pop("dtype", None)
    name = str(dtype).removeprefix("torch.")
    (saved / "config.json").write_text(json.dumps(values | ({"dtype": name} if named else {})))
    assert getattr(transformers, NAME).from_pretrained(saved, dtype="auto").dtype is dtype
    if dtype is torch.float32:
        assert oxbert.ElectraForTokenClassification.from_pretrained(saved, dtype="auto").precision == "float32"
        return
    with pytest.raises(InputError, match=rf"^dtype: .*the weights are {name} .*to\(torch\.{name}\)"):
        oxbert.ElectraForTokenClassification.from_pretrained(saved, dtype="auto")
    assert oxbert.ElectraForTokenClassification.from_pretrained(saved, dtype="float32").precision == "float32"


@LOADERS
def test_device_maps_name_one_device(kind: Any, saved: Path) -> None:
    for value in ["auto", "balanced", "sequential"]:
        expected = "cuda:0" if torch.cuda.is_available() else "cpu"
        assert kind.from_pretrained(saved, device_map=value).device == expected
    for value in ["cuda:99", 99, {"": 99}, {"": "cuda:99"}]:
        with pytest.raises(DeviceError, match="99"):
            kind.from_pretrained(saved, device_map=value)
    for value in ["disk", {"": "disk"}, {"electra": "cpu", "classifier": 0}, {}, {"": "meta"}]:
        with pytest.raises(InputError, match=r"^device_map: expected ") as caught:
            kind.from_pretrained(saved, device_map=value)
        assert caught.value.what == "device_map"
    assert kind.from_pretrained(saved, device="cpu", device_map="cpu").device == "cpu"
    with pytest.raises(InputError, match="as the argument device says"):
        kind.from_pretrained(saved, device="cpu", device_map="cuda:0")


@LOADERS
@pytest.mark.parametrize("value", ["flash_attention_2", "nonsense", {"": "eager"}, torch.ones(3)])
def test_other_attentions_are_refused(kind: Any, value: Any, saved: Path) -> None:
    for build in [kind.from_pretrained, lambda _, **options: kind.from_config(oxbert.ElectraConfig(), **options)]:
        with pytest.raises(InputError, match=r'^attn_implementation: expected "eager" or "sdpa"'):
            build(saved, attn_implementation=value)


@LOADERS
def test_a_model_is_built_with_the_options_of_transformers(kind: Any, config: oxbert.ElectraConfig) -> None:
    names = ["dtype", "torch_dtype", "attn_implementation", "trust_remote_code"]
    expected = bias(kind.from_config(config, seed=3))

    @settings(max_examples=20, deadline=None)
    @given(st.fixed_dictionaries({}, optional={name: HARMLESS[name] for name in names}))
    def check(options: dict[str, Any]) -> None:
        assert bias(kind.from_config(config, seed=3, **options)) == expected

    check()
    for options, error in [
        ({"dtype": torch.float16}, InputError),
        ({"trust_remote_code": "yes"}, DtypeError),
        ({"nothing": None}, TypeError),
    ]:
        with pytest.raises(error, match=next(iter(options))):
            kind.from_config(config, **options)


@LOADERS
def test_code_of_a_folder_does_not_run(kind: Any, saved: Path) -> None:
    assert kind.from_pretrained(saved, trust_remote_code=True)
    values = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(values | {"auto_map": {"AutoModel": "code.Model"}}))
    assert kind.from_pretrained(saved, trust_remote_code=False)
    for load in [kind, oxbert.AutoConfig, oxbert.Config]:
        with pytest.raises(InputError, match=r"^trust_remote_code: .*auto_map") as caught:
            load.from_pretrained(saved, trust_remote_code=True)
        assert caught.value.what == "trust_remote_code"


# Which options there are.


@LOADERS
def test_a_key_of_the_file_is_no_option(kind: Any, saved: Path) -> None:
    values = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(values | {"mine": 1, "review": "main", "dtype": "float32"}))
    for name in ["mine", "review", "hiden_size", "transformers_version"]:
        with pytest.raises(TypeError, match=f'unexpected keyword argument "{name}"'):
            kind.from_pretrained(saved, **{name: 2})


@LOADERS
def test_every_field_is_an_option(kind: Any, saved: Path) -> None:
    fields = set(oxbert.ElectraConfig().to_dict()) - {"model_type"} | {"num_labels", "return_dict", "use_cache"}
    config = oxbert.ElectraConfig.from_pretrained(saved)
    for name in sorted(fields):
        model = kind.from_pretrained(saved, **{name: getattr(config, name)})
        assert model.config.get(name) == getattr(config, name), name
    # Together, though each alone would contradict the file.
    with pytest.raises(WeightsMismatchError, match="expected"):
        kind.from_pretrained(saved, hidden_size=30, num_attention_heads=3)
    with pytest.raises(ConfigError, match="divisor"):
        kind.from_pretrained(saved, num_attention_heads=3)


def test_a_tuple_is_returned_if_the_configuration_says_so(saved: Path) -> None:
    for package in [oxbert, transformers]:
        model = getattr(package, NAME).from_pretrained(saved, return_dict=False)
        assert type(model(IDS)) is tuple
        assert type(model(IDS, return_dict=True)) is not tuple


# Which file is read.


@pytest.fixture
def formats(config: oxbert.ElectraConfig, tmp_path: Path) -> Path:
    """A folder with weights in three formats, whose biases are 1, 2 and 3."""
    for value, format in enumerate(["safetensors", "ot", "bin"], 1):
        model = oxbert.ElectraForTokenClassification(config, seed=0)
        model.load_state_dict(model.state_dict() | {"classifier.bias": torch.full((3,), float(value))})
        model.save_pretrained(tmp_path / format, format=format)  # type: ignore[arg-type]
    for path in [tmp_path / "ot" / "rust_model.ot", tmp_path / "bin" / "pytorch_model.bin"]:
        shutil.copy(path, tmp_path / "safetensors")
    return tmp_path / "safetensors"


FILES = ["model.safetensors", "rust_model.ot", "pytorch_model.bin"]


@LOADERS
def test_the_format_can_be_chosen(kind: Any, formats: Path) -> None:
    for absent in itertools.chain.from_iterable(itertools.combinations(FILES, count) for count in range(4)):
        folder = formats.with_name("some")
        shutil.copytree(formats, folder)
        for name in absent:
            (folder / name).unlink()
        for choice, among in [(None, FILES), (True, FILES[:1]), (False, FILES[1:])]:
            found = [FILES.index(name) + 1 for name in among if name not in absent]
            if found:
                assert bias(kind.from_pretrained(folder, use_safetensors=choice))[0] == found[0]
            else:
                with pytest.raises(MissingFileError, match=among[0].replace(".", r"\.")) as caught:
                    kind.from_pretrained(folder, use_safetensors=choice)
                assert set(caught.value.found) == {"config.json", *FILES} - set(absent)
        for name in ["from_tf", "from_flax"]:
            with pytest.raises(MissingFileError, match="tf_model" if name == "from_tf" else "flax_model"):
                kind.from_pretrained(folder, **{name: True})
        shutil.rmtree(folder)
    # transformers agrees.
    (formats / "rust_model.ot").unlink()
    for choice in [None, True, False]:
        theirs = getattr(transformers, NAME).from_pretrained(formats, use_safetensors=choice)
        assert bias(theirs) == bias(kind.from_pretrained(formats, use_safetensors=choice))


@LOADERS
@pytest.mark.parametrize("names", list(itertools.combinations(["use_safetensors", "from_tf", "from_flax"], 2)))
def test_a_file_has_one_format(kind: Any, names: tuple[str, str], saved: Path) -> None:
    with pytest.raises(InputError, match=rf"^{names[1]}: expected False together with {names[0]}=True"):
        kind.from_pretrained(saved, **dict.fromkeys(names, True))


# Weights of other sizes.

CHANGES = {
    "classifier.weight": (5, 20),
    "classifier.bias": (5,),
    "electra.embeddings.word_embeddings.weight": (60, 12),
    "electra.embeddings.position_embeddings.weight": (9, 12),
    "electra.encoder.layer.1.output.dense.weight": (28, 20),
}


@pytest.mark.parametrize("trainable", [True, False])
def test_weights_of_other_sizes_are_left_out_as_in_transformers(trainable: bool, saved: Path) -> None:
    state = oxbert.load_weights(saved / "model.safetensors", "torch")
    kind = oxbert.ElectraForTokenClassification

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1))
    def load(names: set[str]) -> None:
        changed = state | {name: torch.ones(CHANGES[name]) for name in names}
        oxbert.save_weights(changed, saved / "model.safetensors")
        options = {"ignore_mismatched_sizes": True, "output_loading_info": True}
        with pytest.warns(UntrainedHeadWarning, match="weights of other sizes for") as caught:
            ours, info = kind.from_pretrained(saved, trainable=trainable, **options)
        assert all(name in str(caught[0].message) for name in names)
        _, expected = getattr(transformers, NAME).from_pretrained(saved, **options)
        assert info == expected | {
            "mismatched_keys": {(a, tuple(b), tuple(c)) for a, b, c in expected["mismatched_keys"]}
        }
        assert {name for name, *_ in info["mismatched_keys"]} == names
        report = ours.load_report
        assert report["missing"] == [] and {name for name, *_ in report["mismatched"]} == names
        assert report["loaded"] == len(state) - len(names)
        if trainable:
            found = ours.state_dict()
            assert all(torch.equal(found[name], state[name]) != (name in names) for name in state)
        for strict in [None, False]:
            with pytest.raises(WeightsMismatchError) as refused:
                kind.from_pretrained(saved, strict=strict)
            assert {name for name, *_ in refused.value.mismatched} == names

    load()


@LOADERS
def test_only_sizes_are_ignored(kind: Any, saved: Path) -> None:
    state = oxbert.load_weights(saved / "model.safetensors", "torch")
    oxbert.save_weights(state | {"classifier.bias": torch.zeros(5, dtype=torch.int64)}, saved / "model.safetensors")
    with pytest.raises(WeightsMismatchError, match="int64"):
        kind.from_pretrained(saved, ignore_mismatched_sizes=True)
    with pytest.raises(InputError, match=r"^ignore_mismatched_sizes: .*strict=True"):
        kind.from_pretrained(saved, ignore_mismatched_sizes=True, strict=True)


def test_a_new_number_of_labels_with_the_old_head(saved: Path) -> None:
    """The call that people make to fine-tune a classifier on other labels."""
    with pytest.warns(UntrainedHeadWarning, match=r"classifier\.weight \(expected \[7, 20\]"):
        model = oxbert.ElectraForTokenClassification.from_pretrained(saved, num_labels=7, ignore_mismatched_sizes=True)
    assert model(IDS).logits.shape == (2, 4, 7) and bias(model) == [0.0] * 7


# Tensors instead of a folder.


@LOADERS
def test_tensors_are_loaded_without_a_folder(kind: Any, saved: Path) -> None:
    expected = kind.from_pretrained(saved)
    config, state = expected.config, expected.state_dict()
    arrays = {name: value.numpy() for name, value in state.items()}
    for tensors in [state, arrays]:
        model, info = kind.from_pretrained(None, config=config, state_dict=tensors, output_loading_info=True)
        assert torch.equal(model(IDS).logits, expected(IDS).logits) and not info["missing_keys"]
    theirs = getattr(transformers, NAME)
    again = theirs.from_pretrained(None, config=transformers.ElectraConfig(**config.to_dict()), state_dict=state)
    with torch.no_grad():
        torch.testing.assert_close(again(IDS).logits, expected(IDS).logits, rtol=0, atol=1e-5)
    del state["classifier.bias"]
    with pytest.warns(UntrainedHeadWarning, match=r"^the state_dict has no weights for classifier\.bias"):
        kind.from_pretrained(None, config=config, state_dict=state)
    with pytest.raises(WeightsMismatchError):
        kind.from_pretrained(None, config=config, state_dict=state, strict=True)
    with pytest.raises(InputError, match=r"^state_dict: "):
        kind.from_pretrained(saved, config=config, state_dict=state)


def test_none_needs_a_configuration_and_tensors(config: oxbert.ElectraConfig) -> None:
    kind = oxbert.ElectraForTokenClassification
    with pytest.raises(InputError, match=r"^config: "):
        kind.from_pretrained(None, state_dict={})
    with pytest.raises(InputError, match=r"^folder: "):
        kind.from_pretrained(None, config=config)
    with pytest.raises(DtypeError, match="config"):
        oxbert.AutoModel.from_pretrained(None, state_dict={})


# Tokenizers.


def test_a_tokenizer_takes_what_changes_no_id() -> None:
    expected = oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")("a text")
    for fast, trust in itertools.product([None, False, True], repeat=2):
        tokenizer = oxbert.AutoTokenizer.from_pretrained(
            "electra-tiny-generator", use_fast=fast, trust_remote_code=trust
        )
        assert tokenizer("a text") == expected
    with pytest.raises(DtypeError, match=r"^use_fast: "):
        oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator", use_fast="yes")


# Calls.

ABSENT = ["head_mask", "use_cache", "encoder_hidden_states", "encoder_attention_mask", "past_key_values", "cache"]


@pytest.mark.parametrize("name", ABSENT)
def test_arguments_of_other_models_may_be_none(name: str, saved: Path) -> None:
    model = oxbert.ElectraForTokenClassification.from_pretrained(saved)
    theirs = getattr(transformers, NAME).from_pretrained(saved)
    for ids in [IDS, IDS.tolist(), IDS.numpy()]:
        one, other = model(ids, **{name: None}).logits, model(ids).logits
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(other))
    with warnings.catch_warnings():
        # transformers renames some of them.
        warnings.simplefilter("ignore", FutureWarning)
        theirs(IDS, **{name: None})
    with pytest.raises(InputError, match=rf"^{name}: expected None, got ") as caught:
        model(IDS, **{name: True if name == "use_cache" else torch.ones(1)})
    assert caught.value.what == name
    if name == "use_cache":
        assert torch.equal(model(IDS, use_cache=False).logits, model(IDS).logits)


def test_nothing_is_warned_of_without_a_reason(saved: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oxbert.ElectraForTokenClassification.from_pretrained(saved, ignore_mismatched_sizes=True, num_labels=3)
