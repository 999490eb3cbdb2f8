"""Test that checkpoints of other programs load, in every format, as the model that the program had."""

from __future__ import annotations

import json
import random
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import oxbert
from oxbert.errors import AssumedHeadsWarning, InputError, WeightsFormatError, WeightsMismatchError

from .hostile import index_of, variable_of
from .processes import run
from .reference import CLASSES, DECODERS, TOLERANCE

CHECKPOINTS = Path(__file__).parents[1] / "data" / "checkpoints"
TRANSFORMERS, GOOGLE = CHECKPOINTS / "transformers", CHECKPOINTS / "google"
HEADS = {
    "base": "Model",
    "masked_lm": "ForMaskedLM",
    "pre_training": "ForPreTraining",
    "sequence_classification": "ForSequenceClassification",
    "token_classification": "ForTokenClassification",
    "question_answering": "ForQuestionAnswering",
    "multiple_choice": "ForMultipleChoice",
}
FAMILIES = {"electra": "Electra", "distilbert": "DistilBert"}
FOLDERS = [
    f"{family}_{head}"
    for family in FAMILIES
    for head in HEADS
    if (family, head) != ("distilbert", "pre_training")  # ELECTRA's alone
]


def kind_of(folder: str) -> Any:
    family, _, head = folder.partition("_")
    return getattr(oxbert, FAMILIES[family] + HEADS[head])


def copy(source: Path, target: Path, *names: str) -> Path:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(source / name, target)
    return target


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


# transformers' TensorFlow and Flax classes.


@pytest.mark.parametrize("file", ["tf_model.h5", "flax_model.msgpack"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_tensorflow_and_flax_files_load_with_the_original_outputs(folder: str, file: str, tmp_path: Path) -> None:
    kind = kind_of(folder)
    model = kind.from_pretrained(copy(TRANSFORMERS / folder, tmp_path, "config.json", file), strict=True)
    expected = load_file(TRANSFORMERS / folder / "expected.safetensors")
    tied = DECODERS.get(kind.__name__)
    assert_same(model.state_dict(), {name: tensor for name, tensor in expected.items() if name != tied})
    # Compare with the outputs that the program computed.
    framework = "tensorflow" if file == "tf_model.h5" else "flax"
    stored = load_file(TRANSFORMERS / f"outputs_{framework}.safetensors")
    batch = {name: stored[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    if folder.startswith("distilbert"):
        del batch["token_type_ids"]
    if folder.endswith("multiple_choice"):
        batch = {name: tensor[None] for name, tensor in batch.items()}
    kept = stored["attention_mask"].bool()
    outputs = model(**batch)
    wanted = {
        name.removeprefix(f"{folder}."): tensor for name, tensor in stored.items() if name.startswith(f"{folder}.")
    }
    assert wanted
    for name, theirs in wanted.items():
        ours = outputs[name].detach()
        if ours.shape[:2] == kept.shape:
            ours, theirs = ours[kept], theirs[kept]
        assert (ours - theirs).abs().max() < TOLERANCE, name


def test_a_file_of_transformers_2_loads(tmp_path: Path) -> None:
    folder = copy(TRANSFORMERS / "electra_pre_training", tmp_path, "config.json")
    copy(TRANSFORMERS / "electra_pre_training_2.8", tmp_path, "tf_model.h5")
    model = oxbert.ElectraForPreTraining.from_pretrained(folder, strict=True)
    assert_same(model.state_dict(), load_file(TRANSFORMERS / "electra_pre_training" / "expected.safetensors"))


def test_sharded_half_precision_and_untied_flax_files_load(tmp_path: Path) -> None:
    expected = load_file(TRANSFORMERS / "distilbert_base" / "expected.safetensors")
    parts = oxbert.DistilBertModel.from_pretrained(TRANSFORMERS / "distilbert_base_sharded", strict=True)
    assert_same(parts.state_dict(), expected)
    folder = "distilbert_base_flax_bfloat16"
    assert {
        tensor.dtype for tensor in oxbert.load_weights(TRANSFORMERS / folder / "flax_model.msgpack", "torch").values()
    } == {torch.bfloat16}
    half = oxbert.DistilBertModel.from_pretrained(
        copy(TRANSFORMERS / folder, tmp_path, "config.json", "flax_model.msgpack")
    )
    assert_same(half.state_dict(), load_file(TRANSFORMERS / folder / "expected.safetensors"))
    folder = "electra_masked_lm_flax_untied"
    untied = oxbert.ElectraForMaskedLM.from_pretrained(
        copy(TRANSFORMERS / folder, tmp_path / "untied", "config.json", "flax_model.msgpack"), strict=True
    )
    assert_same(untied.state_dict(), load_file(TRANSFORMERS / folder / "expected.safetensors"))
    with pytest.raises(WeightsFormatError, match="stored in chunks"):
        oxbert.load_weights(TRANSFORMERS / "distilbert_base_flax_chunked" / "flax_model.msgpack")


def test_an_hdf5_group_with_many_entries_loads() -> None:
    read = oxbert.load_weights(TRANSFORMERS / "wide_group.h5")
    assert {number: read[f"layer.{number}"].tolist() for number in range(24)} == {
        number: [number, number + 0.5] for number in range(24)
    }


# Google's checkpoints.


def google_config(component: str, variant: str, **changes: Any) -> oxbert.ElectraConfig:
    """Return the sizes of make_google.py, whose heads are narrower than the original's and not inferred."""
    wide = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12}
    narrow = {"hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 16}
    embedding_size = 8 if variant == "equal_widths" else 6
    if component == "generator" and variant == "untied_embeddings":
        embedding_size = 4
    sizes = narrow if component == "generator" and variant != "tied_generator" else wide
    return oxbert.ElectraConfig(
        vocab_size=37,
        max_position_embeddings=16,
        num_hidden_layers=2,
        embedding_size=embedding_size,
        **sizes,
        **changes,
    )


def google_batch() -> tuple[dict[str, torch.Tensor], Any, torch.Tensor]:
    expected = np.load(GOOGLE / "expected.npz")
    names = {"input_ids": "input_ids", "attention_mask": "input_mask", "token_type_ids": "segment_ids"}
    batch = {ours: torch.tensor(expected[theirs]) for ours, theirs in names.items()}
    return batch, expected, batch["attention_mask"].bool()


def assert_close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert (ours.detach() - torch.tensor(theirs)).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    "variant", ["pretraining", "untied_embeddings", "equal_widths", "tied_generator", "two_data_files"]
)
def test_both_networks_of_a_google_checkpoint_load(variant: str) -> None:
    batch, expected, kept = google_batch()
    generator = oxbert.ElectraForMaskedLM.from_pretrained(
        GOOGLE / variant, config=google_config("generator", variant), strict=True
    )
    assert_close(generator(**batch).logits[kept], expected[f"{variant}.generator_logits"][kept])
    discriminator = oxbert.ElectraForPreTraining.from_pretrained(
        GOOGLE / variant, config=google_config("discriminator", variant), strict=True
    )
    outputs = discriminator(**batch, output_hidden_states=True)
    assert_close(outputs.logits[kept], expected[f"{variant}.discriminator_logits"][kept])
    for ours, theirs in zip(outputs.hidden_states, expected[f"{variant}.hidden_states"], strict=True):
        assert_close(ours[kept], theirs[kept])
    # A model without a head loads the discriminator, unless `component` names the generator.
    if variant != "tied_generator":
        encoder = oxbert.ElectraModel.from_pretrained(
            GOOGLE / variant, config=google_config("generator", variant), component="generator", strict=False
        )
        states = encoder(**batch).last_hidden_state
        assert_close(states[kept], expected[f"{variant}.generator_hidden_states"][-1][kept])


def test_tensors_and_origins_match_the_variables_of_a_checkpoint() -> None:
    variables = load_file(GOOGLE / "variables.safetensors")
    for variant in ("pretraining", "two_data_files"):
        seen = {"global_step"}
        for component in oxbert.conversion.COMPONENTS:
            path = GOOGLE / variant / "model.ckpt-12"
            tensors = oxbert.load_weights(path, "torch", component=component)
            origins = oxbert.weight_origins(path.with_name("model.ckpt-12.index"), component=component)
            assert origins.keys() == tensors.keys()
            for name, tensor in tensors.items():
                variable, is_transposed = origins[name]
                assert is_transposed == variable.endswith("/kernel")
                assert torch.equal(tensor.T if is_transposed else tensor, variables[variable]), name
                seen.add(variable)
        assert seen == variables.keys()


def test_fine_tuned_google_checkpoints_load() -> None:
    batch, expected, kept = google_batch()
    for variant, labels in [("tagging", 5), ("classification", 2)]:
        config = google_config("discriminator", variant, num_labels=labels)
        model = oxbert.ElectraForTokenClassification.from_pretrained(GOOGLE / variant, config=config, strict=True)
        logits = model(**batch).logits
        theirs = expected[f"{variant}.logits"]
        # The original classifies a text by one layer on its first token.
        assert_close(logits[:, 0], theirs) if variant == "classification" else assert_close(logits[kept], theirs[kept])
    for variant in ("question_answering", "question_answering_independent"):
        model = oxbert.ElectraModel.from_pretrained(GOOGLE / variant, config=google_config("discriminator", variant))
        assert_close(model(**batch).last_hidden_state[kept], expected[f"{variant}.hidden_states"][-1][kept])
        assert "task_specific.squad.dense.weight" in model.load_report["unexpected"]


def test_component_is_required_and_checked(tmp_path: Path) -> None:
    path = GOOGLE / "pretraining" / "model.ckpt-12"
    with pytest.raises(InputError, match="generator and discriminator") as caught:
        oxbert.load_weights(path)
    assert caught.value.what == "component"
    with pytest.raises(InputError, match=r"expected .generator. or .discriminator."):
        oxbert.load_weights(path, component="both")
    with pytest.raises(InputError, match=r"expected discriminator, .* got generator"):
        oxbert.load_weights(GOOGLE / "tagging" / "model.ckpt-12", component="generator")
    with pytest.raises(WeightsFormatError, match=r"word_embeddings.*slices"):
        oxbert.load_weights(GOOGLE / "partitioned" / "model.ckpt-12", component="discriminator")
    folder = copy(GOOGLE / "two_data_files", tmp_path, "model.ckpt-12.index", "model.ckpt-12.data-00000-of-00002")
    with pytest.raises(FileNotFoundError, match="data-00001-of-00002"):
        oxbert.load_weights(folder / "model.ckpt-12", component="generator")


@pytest.mark.filterwarnings("ignore::oxbert.errors.UntrainedHeadWarning")  # most tensors are left out
def test_a_width_that_was_never_published_gives_a_warning(tmp_path: Path) -> None:
    embeddings = "electra/embeddings/"

    def write(width: int) -> Path:
        shapes = {
            embeddings + "position_embeddings": (3, 2),
            embeddings + "token_type_embeddings": (2, 2),
            embeddings + "word_embeddings": (5, 2),
            "electra/encoder/layer_0/intermediate/dense/kernel": (width, 1),
        }
        data = bytes(4 * max(width, 10))
        variables = [(name.encode(), variable_of(shape, data=data)) for name, shape in shapes.items()]
        (tmp_path / "model.ckpt-1.index").write_bytes(index_of(*variables))
        (tmp_path / "model.ckpt-1.data-00000-of-00001").write_bytes(data)
        return tmp_path / "model.ckpt-1"

    published = [256, 768, 1024]
    for width in [1, 63, 64, 65, 127, 128, 255, *published, *random.Random(5).sample(range(65, 2000), 20)]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            config = json.loads(oxbert.describe_weights(write(width)) or "")
        assert config["hidden_size"] == width and config["num_attention_heads"] == max(1, width // 64)
        assert [warning.category for warning in caught] == [AssumedHeadsWarning] * (
            width > 64 and width not in published
        )
        for warning in caught:
            assert f"no published model is {width} wide: assumed {width // 64}, " in str(warning.message)
            assert "pass num_attention_heads" in str(warning.message)
    write(128)
    with pytest.warns(AssumedHeadsWarning, match="assumed 2"):
        model = oxbert.ElectraModel.from_pretrained(tmp_path, strict=False)
    assert model.config.num_attention_heads == 2
    # There is no warning if an argument, a configuration or config.json has the number.
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumedHeadsWarning)
        model = oxbert.ElectraModel.from_pretrained(tmp_path, strict=False, num_attention_heads=4)
        assert model.config.num_attention_heads == 4
        assert oxbert.ElectraModel.from_pretrained(tmp_path, strict=False, config=model.config).config == model.config
        model.config.save_pretrained(tmp_path)
        assert oxbert.ElectraModel.from_pretrained(tmp_path, strict=False).config.num_attention_heads == 4


def test_the_latest_checkpoint_of_a_folder_is_read(tmp_path: Path) -> None:
    for number, variant in [(9, "tagging"), (100, "equal_widths"), (12, "untied_embeddings")]:
        for ending in ("index", "data-00000-of-00001"):
            shutil.copy(GOOGLE / variant / f"model.ckpt-12.{ending}", tmp_path / f"model.ckpt-{number}.{ending}")
    assert oxbert.find_weights(tmp_path).name == "model.ckpt-100.index"
    # The description assumes a single attention head if the width is that of the original or less.
    config = json.loads(oxbert.describe_weights(tmp_path / "model.ckpt-100", component="generator") or "")
    assert config["architectures"] == ["ElectraForMaskedLM"]
    wanted = google_config("generator", "equal_widths").to_dict()
    assert {name: config[name] for name in ("vocab_size", "embedding_size", "hidden_size", "intermediate_size")} == {
        name: wanted[name] for name in ("vocab_size", "embedding_size", "hidden_size", "intermediate_size")
    }
    batch, expected, kept = google_batch()
    # Without config.json shapes determine the configuration, with one attention head as in this generator.
    model = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)
    assert_close(model(**batch).logits[kept], expected["equal_widths.generator_logits"][kept])


WRITE = """
import importlib.util, pathlib, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import make_google, numpy as np
make_google.tf.disable_v2_behavior()
name, target = sys.argv[2], pathlib.Path(sys.argv[3])
variables = make_google.save(target, make_google.VARIANTS[name])
np.savez(target / "expected.npz", **make_google.expected_of(name, variables))
"""


@pytest.mark.parametrize("component", ["generator", "discriminator"])
def test_checkpoints_of_current_tensorflow_are_converted(component: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    source = tmp_path / "source"
    run([sys.executable, "-c", WRITE, CHECKPOINTS, "pretraining", source], check=True)
    target = tmp_path / "target"
    target.mkdir()
    google_config(component, "pretraining").save_pretrained(target)
    oxbert.convert(source / "model.ckpt-12", target, component=component)
    kind = oxbert.ElectraForMaskedLM if component == "generator" else oxbert.ElectraForPreTraining
    batch, _, kept = google_batch()
    expected = np.load(source / "expected.npz")[f"{component}_logits"]
    assert_close(kind.from_pretrained(target, strict=True)(**batch).logits[kept], expected[kept].astype(np.float32))


# Every format, with every spelling of names.

Change = Callable[[str], str]


def old_norms(name: str) -> str:
    for norm in ("LayerNorm", "layer_norm"):
        name = name.replace(f"{norm}.weight", f"{norm}.gamma").replace(f"{norm}.bias", f"{norm}.beta")
    return name


def write(state: dict[str, torch.Tensor], folder: Path, format: str) -> None:
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    match format:
        case "safetensors":
            save_file(state, folder / "model.safetensors")
        case "ot":
            oxbert.save_weights(state, folder / "rust_model.ot")
        case "bin":
            torch.save(state, folder / "pytorch_model.bin")
        case "our bin":
            oxbert.save_weights(state, folder / "pytorch_model.bin")
        case "old bin":
            torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
        case _:
            save, ending = (torch.save, "bin") if format == "sharded bin" else (save_file, "safetensors")
            stem = "pytorch_model" if ending == "bin" else "model"
            names = list(state)
            parts = {f"{stem}-0000{number + 1}-of-00003.{ending}": names[number::3] for number in range(3)}
            for file, part in parts.items():
                save({name: state[name] for name in part}, folder / file)
            index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
            (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index))


FORMATS = ["safetensors", "ot", "bin", "our bin", "old bin", "sharded safetensors", "sharded bin"]


SIZES: dict[str, Any] = {"vocab_size": 31, "max_position_embeddings": 16, "num_labels": 3}
CONFIGS = {
    "Electra": oxbert.ElectraConfig(
        embedding_size=6, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, **SIZES
    ),
    "DistilBert": oxbert.DistilBertConfig(dim=8, n_layers=2, n_heads=2, hidden_dim=12, **SIZES),
}


def random_model(name: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return a model whose parameters are all different, and the parameters."""
    family = "Electra" if name.startswith("Electra") else "DistilBert"
    config = CONFIGS[family].to_dict()
    if name.endswith("QuestionAnswering"):
        config |= {"num_labels": 2, "id2label": {0: "start", 1: "end"}, "label2id": {"start": 0, "end": 1}}
    model = getattr(oxbert, name).from_config(oxbert.Config.from_dict(config), seed=1).eval()
    state = {key: torch.randn(tensor.shape) * 0.4 for key, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    return model, state


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", CLASSES)
def test_every_format_loads_with_every_spelling_of_names(name: str, format: str, tmp_path: Path) -> None:
    reference, state = random_model(name)
    batch = torch.tensor([[2, 5, 7, 9], [2, 8, 3, 1]])
    batch = batch[None] if name.endswith("MultipleChoice") else batch
    expected = [output.detach() for output in reference(batch).to_tuple()]
    prefix = "electra." if name.startswith("Electra") else "distilbert."
    has_head = any(key.startswith(prefix) for key in state)
    # A model without a head has no prefix and one with a head has it; files of both may have either.
    other = {key.removeprefix(prefix) if has_head else prefix + key: tensor for key, tensor in state.items()}
    place = "embeddings.position_ids"
    kinds = {
        "as they are": state,
        "the other prefix": other,
        "old norms": {old_norms(key): tensor for key, tensor in state.items()},
        "a buffer": state | {prefix + place if has_head else place: torch.arange(16)[None]},
        "a wrapper": {f"module.{key}": tensor for key, tensor in state.items()},
    }
    strange = other | {place if has_head else prefix + place: torch.arange(16)[None]}
    kinds["all of it"] = {f"module.{old_norms(key)}": tensor for key, tensor in strange.items()}
    if decoder := DECODERS.get(name):
        words = f"{prefix}embeddings.word_embeddings.weight"
        kinds["both of a tie"] = state | {decoder: state[words].clone()}
        rest = {key: tensor for key, tensor in state.items() if key != words}
        kinds["the other of a tie"] = rest | {decoder: state[words]}
    for number, (kind, tensors) in enumerate(kinds.items()):
        folder = tmp_path / str(number)
        reference.config.save_pretrained(folder)
        write(tensors, folder, format)
        model = type(reference).from_pretrained(folder, strict=True)
        for ours, theirs in zip(model(batch).to_tuple(), expected, strict=True):
            assert torch.equal(ours.detach(), theirs), kind


# Sharded files.


def test_shards_must_match_their_index(tmp_path: Path) -> None:
    state = {"a.weight": torch.ones(2), "b.weight": torch.ones(3), "c.weight": torch.ones(4)}
    write(state, tmp_path, "sharded safetensors")
    index = tmp_path / "model.safetensors.index.json"
    assert_same(oxbert.load_weights(index, "torch"), state)
    whole = json.loads(index.read_text())
    first = tmp_path / "model-00001-of-00003.safetensors"

    def refused(match: str) -> None:
        with pytest.raises(WeightsFormatError, match=match):
            oxbert.load_weights(index)

    save_file({"a.weight": torch.ones(2), "d.weight": torch.ones(2)}, first)
    refused('the tensor "d.weight", which the index of the checkpoint does not list')
    save_file({"d.weight": torch.ones(2)}, first)
    refused('lacks the tensor "a.weight"')
    first.write_bytes(b"")
    refused("the file is empty")
    first.unlink()
    with pytest.raises(FileNotFoundError, match="model-00001"):
        oxbert.load_weights(index)
    for name in ("../secret.safetensors", "/etc/passwd", "model.safetensors.index.json"):
        index.write_text(json.dumps({"weight_map": whole["weight_map"] | {"a.weight": name}}))
        refused("files in the same folder" if "/" in name else "got an index that lists other files")


def test_saving_over_shards_removes_them(tmp_path: Path) -> None:
    model, state = random_model("ElectraForPreTraining")
    model.config.save_pretrained(tmp_path)
    write(state, tmp_path, "sharded safetensors")
    other = oxbert.ElectraForPreTraining(model.config, seed=5)
    # Saving must remove the old shards, which would be read before the new file.
    other.save_pretrained(tmp_path, format="ot")
    assert_same(oxbert.ElectraForPreTraining.from_pretrained(tmp_path).state_dict(), other.state_dict())


def test_not_finite_values_are_reported_once(tmp_path: Path) -> None:
    model, state = random_model("ElectraForPreTraining")
    first, second = list(state)[1], list(state)[-1]
    state[first] = torch.full_like(state[first], float("nan"))
    state[second] = state[second].clone().index_fill(0, torch.tensor([0]), float("inf"))
    model.config.save_pretrained(tmp_path)
    for format in ("safetensors", "bin"):
        write(state, tmp_path, format)
        with pytest.warns(oxbert.errors.NotFiniteWarning, match=first) as caught:
            model = oxbert.ElectraForPreTraining.from_pretrained(tmp_path)
        assert len(caught) == 1 and second in str(caught[0].message)
        assert sorted(model.load_report["not_finite"]) == sorted([first, second])
    write(state | {first: torch.ones(state[first].shape, dtype=torch.int64)}, tmp_path, "safetensors")
    with pytest.raises(WeightsMismatchError, match="float"):
        oxbert.ElectraForPreTraining.from_pretrained(tmp_path)
