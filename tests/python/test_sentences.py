"""Test sentence encoders and cross-encoders on folders of sentence-transformers with random weights.

`expected` transcribes what sentence-transformers documents: tokens, pooling, dense layers and normalisation.
"""

from __future__ import annotations

import inspect
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import ConfigError, DtypeError, InputError, MissingFileError, TooLongError

from . import reference
from .pipelines_reference import LONGEST
from .text_reference import SHORT, TEXT, WORDS, fresh

FAMILIES = ("Electra", "DistilBert", "Bert")
BERT = {
    "hidden_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 5,
    "intermediate_size": 28,
    "initializer_range": 0.3,
    "layer_norm_eps": 1e-3,
}
MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
PROMPTS = {"query": "the word: ", "document": ""}
TOLERANCE = 1e-5


class Served(NamedTuple):
    """Hold the encoder of a folder, and what the folder was made of."""

    ours: oxbert.SentenceEncoder
    model: Any
    tokenizer: Any
    folder: Path
    modes: list[str]
    dense: list[tuple[torch.Tensor, torch.Tensor | None, str]]
    options: dict[str, Any]


def random_model(family: str, head: str, folder: Path, **config: Any) -> Any:
    """Save transformers' model with random weights, and its vocabulary."""
    sizes = {"vocab_size": len(WORDS), "max_position_embeddings": LONGEST} | config
    if family == "Bert":
        values = transformers.BertConfig(**BERT, **sizes)
        torch.manual_seed(0)
        model = getattr(transformers, f"Bert{head}")._from_config(values, attn_implementation="eager").eval()
        reference.scatter(model.named_parameters())
        model.save_pretrained(folder)
    else:
        name = f"{family}{head}"
        model = reference.build(name, reference.values_of(name, "small", **sizes), folder).theirs
    fresh("Electra", model_max_length=LONGEST)[0].save_pretrained(folder)
    return model


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def sentence_folder(
    folder: Path,
    family: str,
    modes: list[str],
    dense: int = 0,
    *,
    normalize: bool = False,
    include_prompt: bool = True,
    lower: bool = False,
    longest: int | None = 20,
    below: str = "",
    newer: bool = False,
) -> Served:
    """Write a folder of sentence-transformers, and load it."""
    model = random_model(family, "Model", folder / below)
    place = "sentence_transformers.sentence_transformer.modules" if newer else "sentence_transformers.models"
    modules = [("Transformer", below), ("Pooling", "1_Pooling")]
    pooling: dict[str, Any] = {"word_embedding_dimension": 20, "include_prompt": include_prompt}
    pooling |= (
        {"pooling_mode": [{"mean_sqrt_len": "mean_sqrt_len_tokens"}.get(mode, mode) for mode in modes]}
        if newer
        else {MODES[mode]: mode in modes for mode in MODES}
    )
    write(folder / "1_Pooling" / "config.json", pooling)
    layers, width = [], 20 * len(modes)
    torch.manual_seed(1)
    for number in range(dense):
        name, bias = f"{number + 2}_Dense", torch.randn(7) if number == 0 else None
        weight, act = torch.randn(7, width) / 10, ("activation.Tanh", "linear.Identity")[number]
        values = {"in_features": width, "out_features": 7, "bias": bias is not None}
        write(folder / name / "config.json", values | {"activation_function": f"torch.nn.modules.{act}"})
        tensors = {"linear.weight": weight} | ({} if bias is None else {"linear.bias": bias})
        if number == 0:
            safetensors.torch.save_file(tensors, folder / name / "model.safetensors")
        else:
            torch.save(tensors, folder / name / "pytorch_model.bin")
        layers.append((weight, bias, act))
        modules.append(("Dense", name))
        width = 7
    if normalize:
        modules.append(("Normalize", f"{dense + 2}_Normalize"))
    listed = [
        {"idx": n, "name": str(n), "path": path, "type": f"{place}.{kind}"} for n, (kind, path) in enumerate(modules)
    ]
    write(folder / "modules.json", listed)
    write(folder / below / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": lower})
    write(folder / "config_sentence_transformers.json", {"prompts": PROMPTS, "default_prompt_name": None})
    options = {"normalize": normalize, "include_prompt": include_prompt, "longest": longest or LONGEST}
    tokenizer = transformers.BertTokenizer.from_pretrained(folder / below)
    encoder = oxbert.SentenceEncoder.from_pretrained(folder)
    return Served(encoder, model, tokenizer, folder, modes, layers, options)


def expected(served: Served, text: str, prompt: str = "", normalize: bool = False) -> torch.Tensor:
    """Return the vector of a text as sentence-transformers computes it."""
    cut = {"truncation": True, "max_length": served.options["longest"], "return_tensors": "pt"}
    rows = served.tokenizer((prompt + text).strip(), **cut)
    if "token_type_ids" not in inspect.signature(served.model.forward).parameters:
        rows.pop("token_type_ids", None)
    with torch.no_grad():
        states = served.model(**rows).last_hidden_state[0].double()
    mask = torch.ones(len(states), 1, dtype=torch.float64)
    if prompt and not served.options["include_prompt"]:
        mask[: served.tokenizer(prompt.strip(), return_tensors="pt")["input_ids"].shape[1] - 1] = 0
    kept = mask.sum().clamp(min=1e-9)
    weights = mask * torch.arange(1, len(states) + 1)[:, None]
    pooled = {
        "cls": states[int(mask.argmax())],
        "max": states.masked_fill(mask == 0, -torch.inf).max(0).values,
        "mean": (states * mask).sum(0) / kept,
        "mean_sqrt_len": (states * mask).sum(0) / kept.sqrt(),
        "weightedmean": (states * weights).sum(0) / weights.sum().clamp(min=1e-9),
        "lasttoken": states[-1],
    }
    vector = torch.cat([pooled[mode] for mode in served.modes])
    for weight, bias, act in served.dense:
        vector = weight.double() @ vector + (0 if bias is None else bias)
        vector = vector.tanh() if act.endswith("Tanh") else vector
    if served.options["normalize"] or normalize:
        vector = torch.nn.functional.normalize(vector, dim=0)
    return vector


KINDS: dict[str, dict[str, Any]] = {
    "mean": {"modes": ["mean"], "normalize": True},
    "cls-below": {"modes": ["cls"], "below": "0_Transformer", "longest": None},
    "all-modes": {"modes": [*MODES][::-1], "dense": 1, "newer": True},
    "dense": {"modes": ["max", "mean_sqrt_len"], "dense": 2, "normalize": True, "include_prompt": False},
    "prompt": {"modes": ["max", "mean", "weightedmean"], "include_prompt": False, "lower": True},
}


@pytest.fixture(scope="module", params=[(family, kind) for family in FAMILIES for kind in KINDS], ids="-".join)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, kind = request.param
    return sentence_folder(tmp_path_factory.mktemp("model"), family, **KINDS[kind])


def close(ours: Any, theirs: torch.Tensor) -> None:
    scale = max(1.0, float(theirs.abs().max()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE * scale)


@settings(max_examples=25)
@given(
    text=TEXT | SHORT.map(lambda text: text * 5),
    prompt=st.sampled_from([None, "query", "document"]),
    normalize=st.booleans(),
)
def test_vectors_are_those_of_sentence_transformers(
    served: Served, text: str, prompt: str | None, normalize: bool
) -> None:
    vector = served.ours.encode(text, prompt_name=prompt, normalize=normalize)
    assert vector.dtype == np.float32 and vector.shape == (served.ours.dimension,)
    close(vector, expected(served, text, PROMPTS.get(prompt or "", ""), normalize))
    # The same bits in any company.
    options: dict[str, Any] = {"prompt_name": prompt, "normalize": normalize}
    together = served.ours.encode(["the", text, "word " * 9], **options)
    assert together.shape == (3, served.ours.dimension) and np.array_equal(together[1], vector)
    assert np.array_equal(next(iter(served.ours.encode(iter([text]), **options))), vector)


def test_prompts_and_lengths_are_the_folders(served: Served) -> None:
    ours = served.ours
    assert ours.prompts == PROMPTS and ours.default_prompt_name is None
    assert ours.max_seq_length == served.options["longest"]
    assert np.array_equal(ours.encode("a", prompt=PROMPTS["query"]), ours.encode("a", prompt_name="query"))
    for options in ({"prompt_name": "none"}, {"prompt_name": "query", "prompt": "a"}, {"return_tensors": "tf"}):
        with pytest.raises(InputError):
            ours.encode("a", **options)
    with pytest.raises(TooLongError) as caught:
        ours.encode(["a", "the word " * 50], truncation=False)
    assert (caught.value.row, caught.value.maximum) == (1, served.options["longest"])
    assert ours.encode([]).shape == (0, ours.dimension)
    assert torch.equal(ours.encode(["a"], return_tensors="pt"), torch.from_numpy(ours.encode(["a"])))
    for wrong in (5, [5], [None], b"a"):
        with pytest.raises((DtypeError, TypeError)):
            ours.encode(wrong)
    with pytest.raises(TypeError, match="normalize"):
        oxbert.SentenceEncoder.from_pretrained(served.folder, normalize=True)
    again = pickle.loads(pickle.dumps(ours))
    assert type(again) is oxbert.SentenceEncoder and np.array_equal(again.encode(["a"]), ours.encode(["a"]))
    default = {"prompts": PROMPTS, "default_prompt_name": "query"}
    write(served.folder / "config_sentence_transformers.json", default)
    changed = oxbert.SentenceEncoder.from_pretrained(served.folder)
    write(served.folder / "config_sentence_transformers.json", {"prompts": PROMPTS})
    assert changed.default_prompt_name == "query"
    assert np.array_equal(changed.encode("a"), ours.encode("a", prompt_name="query"))


def test_do_lower_case_is_added_to_a_cased_tokenizer(tmp_path: Path) -> None:
    served = sentence_folder(tmp_path, "Electra", ["mean"])
    fresh("Electra", do_lower_case=False)[0].save_pretrained(tmp_path)
    cased = oxbert.SentenceEncoder.from_pretrained(tmp_path)
    write(tmp_path / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": True})
    lower = oxbert.SentenceEncoder.from_pretrained(tmp_path)
    text = "THE Caf\xe9 [SEP] Word"
    assert not np.array_equal(cased.encode(text), served.ours.encode(text))
    # The accent stays, and a special token is still one.
    assert np.array_equal(lower.encode(text), cased.encode("the caf\xe9 [SEP] word"))


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    served = sentence_folder(tmp_path, "Bert", ["mean"], 1)
    load = oxbert.SentenceEncoder.from_pretrained
    listed = json.loads((tmp_path / "modules.json").read_text())

    def refused(path: str, content: Any, field: str) -> None:
        file = tmp_path / path
        before = file.read_text()
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        with pytest.raises((ConfigError, oxbert.errors.ShapeError), match=field) as caught:
            load(tmp_path)
        file.write_text(before)
        assert path.rpartition("/")[2] in str(caught.value)

    refused("modules.json", "[", "JSON")
    refused("modules.json", {}, "list of modules")
    refused("modules.json", [5], "type and a path")
    refused("modules.json", listed[1:], "Transformer as the first module, got Pooling")
    refused("modules.json", [listed[0], listed[2]], "Pooling as the second module, got Dense")
    refused("modules.json", [*listed, listed[2] | {"type": "a.LSTM"}], "got LSTM")
    refused("modules.json", [listed[0], listed[1] | {"path": "../1_Pooling"}], "below the folder")
    refused("1_Pooling/config.json", {"pooling_mode_mean_tokens": 1}, "expected true or false, got 1")
    refused("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "at least one pooling")
    dense = json.loads((tmp_path / "2_Dense" / "config.json").read_text())
    refused("2_Dense/config.json", dense | {"activation_function": "my.Own"}, "activation_function.*my.Own")
    refused("2_Dense/config.json", dense | {"out_features": 8}, r"linear.weight \[8, 20\]")
    refused("2_Dense/config.json", dense | {"out_features": -1}, "out_features")
    refused("sentence_bert_config.json", {"max_seq_length": 0}, "max_seq_length")
    refused("config_sentence_transformers.json", {"default_prompt_name": "none"}, "default_prompt_name")
    config = json.loads((tmp_path / "config.json").read_text())
    refused(
        "config.json", config | {"position_embedding_type": "relative_key"}, "position_embedding_type.*relative_key"
    )
    refused("config.json", config | {"is_decoder": True}, "is_decoder")
    refused("config.json", config | {"model_type": "mpnet"}, "model_type")
    np.testing.assert_array_equal(load(tmp_path).encode("a"), served.ours.encode("a"))
    (tmp_path / "modules.json").unlink()
    with pytest.raises(MissingFileError, match=r"modules\.json"):
        load(tmp_path)


# Cross-encoders.


class Crossed(NamedTuple):
    ours: oxbert.CrossEncoder
    model: Any
    tokenizer: Any


@pytest.fixture(scope="module", params=[(family, labels) for family in FAMILIES for labels in ("1", "3")], ids="-".join)
def crossed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crossed:
    (family, labels), folder = request.param, tmp_path_factory.mktemp("model")
    model = random_model(family, "ForSequenceClassification", folder, num_labels=int(labels))
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    return Crossed(oxbert.CrossEncoder.from_pretrained(folder), model, tokenizer)


def logits_of(crossed: Crossed, text: str, other: str) -> torch.Tensor:
    rows = crossed.tokenizer([text], [other], truncation=True, max_length=LONGEST, return_tensors="pt")
    if "token_type_ids" not in inspect.signature(crossed.model.forward).parameters:
        rows.pop("token_type_ids", None)
    with torch.no_grad():
        return crossed.model(**rows).logits[0]


@settings(max_examples=25)
@given(text=TEXT, other=TEXT | SHORT)
def test_scores_of_pairs_are_those_of_sentence_transformers(crossed: Crossed, text: str, other: str) -> None:
    logits = logits_of(crossed, text, other)
    single = len(logits) == 1
    default = torch.sigmoid(logits)[0] if single else logits
    score = crossed.ours.predict((text, other))
    close(score, default)
    raw = crossed.ours.predict([(text, other), ("the", "word")], activation="none")
    assert raw.dtype == np.float32 and raw.shape == ((2,) if single else (2, 3))
    close(raw[0], logits[0] if single else logits)
    if not single:
        close(crossed.ours.predict((text, other), activation="softmax"), torch.softmax(logits, -1))
    assert np.array_equal(next(iter(crossed.ours.predict(iter([(text, other)])))), score)


def test_documents_are_ranked(crossed: Crossed) -> None:
    documents = ["the word", "caf\xe9", "unaffable \U0001f600", "word " * 60]
    if crossed.ours.config.num_labels != 1:
        with pytest.raises(InputError, match="one label"):
            crossed.ours.rank("the", documents)
        return
    scores = crossed.ours.predict([("the", text) for text in documents])
    ranked = crossed.ours.rank("the", documents, return_documents=True)
    assert [one["score"] for one in ranked] == sorted(scores.tolist(), reverse=True)
    assert all(documents[one["corpus_id"]] == one["text"] for one in ranked)
    short = crossed.ours.rank("the", documents, top_k=2)
    assert short == [{name: one[name] for name in ("corpus_id", "score")} for one in ranked[:2]]
    assert crossed.ours.rank("the", []) == [] and crossed.ours.predict([]).shape == (0,)
    with pytest.raises(InputError, match="top_k"):
        crossed.ours.rank("the", documents, top_k=0)
    with pytest.raises(TooLongError):
        crossed.ours.rank("the", documents, truncation=False)
    with pytest.raises(InputError, match="activation"):
        crossed.ours.predict(("a", "b"), activation="tanh")  # type: ignore[arg-type]
    for wrong in (["a", "b", "c"], [("a",)], [5], [("a", 5)]):
        with pytest.raises((InputError, DtypeError)):
            crossed.ours.predict(wrong)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "none"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}, "sigmoid"),
        ({"sentence_transformers": {"activation_fn": "my.Own"}}, None),
    ],
)
def test_the_configuration_names_the_activation(values: dict[str, Any], name: Any, tmp_path: Path) -> None:
    random_model("Bert", "ForSequenceClassification", tmp_path, num_labels=1, **values)
    encoder = oxbert.CrossEncoder.from_pretrained(tmp_path)
    if name is None:
        with pytest.raises(InputError, match=r"my\.Own"):
            encoder.predict(("a", "b"))
    else:
        assert encoder.predict(("a", "b")) == encoder.predict(("a", "b"), activation=name)
