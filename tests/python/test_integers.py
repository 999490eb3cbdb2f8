"""Integer arguments of any size and sign: each is taken, or refused by an error of ours that names it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert import _native, errors

from .torch_modes import add_pooling

SIZES: dict[str, Any] = {"vocab_size": 20, "embedding_size": 4, "num_hidden_layers": 1, "intermediate_size": 8}
ELECTRA = oxbert.ElectraConfig(hidden_size=8, num_attention_heads=2, **SIZES)
ROWS = [[2, 7, 8, 9, 3], [2, 10, 3]]
HOSTILE = [-1, 0, 2**62, -(2**63) - 1, 2**63, 2**64, 10**30, -(10**5000), 10**5000, 1.5, "7", b"7", [7]]


def networks(**options: Any) -> oxbert.PretrainingNetworks:
    given: dict[str, Any] = {"special_ids": (2, 3, 4), "max_predictions": 3, "seed": 0} | options
    return oxbert.PretrainingNetworks(None, ELECTRA, sharing="nothing", **given)


def step(**options: Any) -> Any:
    return networks().step(ROWS, **({"seed": 0, "step": 0} | options))


def heads(**options: Any) -> Any:
    sizes: dict[str, Any] = dict(generator_hidden=4, discriminator_hidden=6, vocab_size=9, embedding_size=3)
    return oxbert.PretrainerHeads(**(sizes | {"num_classes": 2} | options))


def pipelines(folder: Path) -> dict[str, Callable[[Any], object]]:
    """Return what is done with each integer argument of the native pipelines."""
    sizes = SIZES | {"vocab_size": 8192, "hidden_size": 8, "num_attention_heads": 2}
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    kinds: dict[str, str] = {
        "_FeatureExtraction": "Model",
        "_QuestionAnswering": "ForQuestionAnswering",
        "_SentenceEncoder": "Model",
        "_TextClassification": "ForSequenceClassification",
        "_TokenClassification": "ForTokenClassification",
        "_ZeroShotClassification": "ForSequenceClassification",
        "FillMask": "ForMaskedLM",
        "ReplacedTokenDetection": "ForPreTraining",
    }
    made: dict[str, Any] = {}
    for name, head in kinds.items():
        config = oxbert.ElectraConfig(**sizes, id2label={0: "entailment", 1: "contradiction"})
        getattr(oxbert, f"Electra{head}")(config, seed=1).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        add_pooling(folder / name, 8)
        made[name] = getattr(_native, name).from_pretrained(folder / name)
    texts = ["a text"]
    question = dict(
        top_k=1, max_seq_len=None, doc_stride=None, max_question_len=64, max_answer_len=15,
        handle_impossible_answer=False, align_to_words=True,
    )  # fmt: skip
    zero_shot = dict(template="{}", multi_label=False, truncate=False)
    tokens = dict(aggregation="none", ignore_labels=[], is_split_into_words=False, delimiter=" ")
    encode = dict(prompt=None, normalize=False, truncate=True, torch=False)
    classes, words = made["_TextClassification"], made["ReplacedTokenDetection"]
    fill, vectors = made["FillMask"], made["_FeatureExtraction"]
    return {
        **{
            f"{name}.from_pretrained.batch_tokens": lambda n, name=name: getattr(_native, name).from_pretrained(
                folder / name, batch_tokens=n
            )
            for name in kinds
        },
        **{
            f"_QuestionAnswering._answer.{name}": lambda n, name=name: made["_QuestionAnswering"]._answer(
                ["a?"], texts, **(question | {name: n})
            )
            for name in ("top_k", "max_seq_len", "doc_stride", "max_question_len", "max_answer_len")
        },
        "_FeatureExtraction._tokens.first_row": lambda n: vectors._tokens(texts, torch=False, first_row=n),
        "_FeatureExtraction._vectors.first_row": lambda n: vectors._vectors(
            texts, pooling="mean", normalize=False, torch=False, first_row=n
        ),
        "_SentenceEncoder._encode.first_row": lambda n: made["_SentenceEncoder"]._encode(texts, first_row=n, **encode),
        "_TextClassification._classify.top_k": lambda n: classes._classify(texts, top_k=n),
        "_TextClassification._classify.first_row": lambda n: classes._classify(texts, first_row=n),
        "_TextClassification._scores.first_row": lambda n: classes._scores(texts, function="softmax", first_row=n),
        "_TokenClassification._classify.stride": lambda n: made["_TokenClassification"]._classify(
            texts, stride=n, **tokens
        ),
        "_ZeroShotClassification._classify.first_row": lambda n: made["_ZeroShotClassification"]._classify(
            texts, ["one"], first_row=n, **zero_shot
        ),
        "FillMask._fill.top_k": lambda n: fill._fill(["a [MASK]"], top_k=n),
        "FillMask._fill.targets": lambda n: fill._fill(["a [MASK]"], targets=[n]),
        "FillMask._fill.first_row": lambda n: fill._fill(["a [MASK]"], first_row=n),
        "ReplacedTokenDetection._words.first_row": lambda n: words._words(texts, threshold=0.5, first_row=n),
    }


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[Any], object]]:
    """Return what is done with each integer argument of the stub, by class, function and argument."""
    folder = tmp_path_factory.mktemp("integers")
    record = folder / "records"
    _native._TFRecordFile.write(record, [([2, 5, 3], 2)], 8)
    file = _native._TFRecordFile(record)
    fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
    resized = oxbert.ElectraModel(ELECTRA, seed=1)
    write = _native._TFRecordFile.write
    return pipelines(tmp_path_factory.mktemp("pipelines")) | {
        "Model.resize_token_embeddings.new_num_tokens": lambda n: resized.resize_token_embeddings(n),
        "Model.resize_token_embeddings.pad_to_multiple_of": lambda n: resized.resize_token_embeddings(
            20, pad_to_multiple_of=n
        ),
        "Model.resize_position_embeddings.new_num_position_embeddings": lambda n: resized.resize_position_embeddings(n),
        "_Pretrained.__new__.seed": lambda n: oxbert.ElectraModel(ELECTRA, seed=n),
        "_Pretrained.from_config.seed": lambda n: oxbert.ElectraModel.from_config(ELECTRA, seed=n),
        "_Head.__new__.seed": lambda n: oxbert.ElectraGeneratorHead(ELECTRA, seed=n),
        "FillMask.__call__.top_k": lambda n: fill(["a [MASK]"], top_k=n),
        **{
            f"PretrainerHeads.__new__.{name}": lambda n, name=name: heads(**{name: n})
            for name in ("generator_hidden", "discriminator_hidden", "vocab_size", "embedding_size", "num_classes")
        },
        "PretrainingNetworks.__new__.special_ids": lambda n: networks(special_ids=(2, n, 4)),
        "PretrainingNetworks.__new__.max_predictions": lambda n: networks(max_predictions=n),
        "PretrainingNetworks.__new__.seed": lambda n: networks(seed=n),
        "PretrainingNetworks.step.first_segments": lambda n: step(first_segments=[2, n]),
        "PretrainingNetworks.step.seed": lambda n: step(seed=n),
        "PretrainingNetworks.step.step": lambda n: step(step=n),
        "PretrainingNetworks.step.examples": lambda n: step(examples=[0, n]),
        "PretrainingNetworks.step.totals": lambda n: step(totals=(2, 8, n)),
        "_TFRecordFile.row_length.record": lambda n: file.row_length(n),
        "_TFRecordFile.read.record": lambda n: file.read(n),
        "_TFRecordFile.read.vocab_size": lambda n: file.read(0, n),
        "_TFRecordFile.write.examples": lambda n: write(folder / "others", [([2, n], 2)], 8),
        "_TFRecordFile.write.max_length": lambda n: write(folder / "others", [([2, 3], 2)], n),
    }


def arguments_of_the_stub() -> set[str]:
    """Return all integer arguments but those of the tokenizers, and of configurations, which JSON carries."""
    tree = ast.parse((Path(oxbert.__file__).parent / "_native.pyi").read_text())
    return {
        f"{kind.name}.{function.name}.{argument.arg}"
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
        if not kind.name.startswith("Encoding") and not kind.name.endswith(("Tokenizer", "Config"))
        for function in kind.body
        if isinstance(function, ast.FunctionDef)
        for argument in function.args.args + function.args.kwonlyargs
        if argument.annotation and re.search(r"\bint\b", ast.unparse(argument.annotation))
    }


def test_every_integer_argument_is_known(calls: dict[str, Callable[[Any], object]]) -> None:
    assert arguments_of_the_stub() == calls.keys()


@pytest.mark.parametrize("name", sorted(arguments_of_the_stub()))
def test_any_integer_is_taken_or_refused(name: str, calls: dict[str, Callable[[Any], object]]) -> None:
    argument = name.rpartition(".")[2]
    for value in HOSTILE:
        try:
            calls[name](value)
        except errors.TorchError:
            # No memory has room for so much.
            assert value == 2**62
        except errors.DataError:
            # No id of the record is below it.
            assert argument == "vocab_size" and value == 0
        except errors.OxbertError as error:
            known = {"vocab_size", "new_num_tokens", argument} if "num_tokens" in name else {argument}
            # What the class checks itself has the name of the thing.
            known |= {"the masking", "input_ids", "first_segment", "rows", "special token ids"}
            assert getattr(error, "what", getattr(error, "field", None)) in known, (value, error)
            if not isinstance(value, int):
                assert isinstance(error, errors.DtypeError), (value, error)


@pytest.mark.parametrize("kind", [oxbert.ElectraConfig, oxbert.DistilBertConfig])
def test_sizes_of_configurations_are_taken_or_refused(kind: Any) -> None:
    sizes = [name for name, value in kind().to_dict().items() if type(value) is int]
    assert {"vocab_size", "max_position_embeddings"} <= set(sizes)
    for name in [*sizes, "num_labels"]:
        for value in HOSTILE:
            try:
                kind(**{name: value})
            except errors.ConfigError as error:
                assert error.field == name or name in str(error), (name, value, error)


def test_seeds_are_those_of_torch() -> None:
    for seed in (-1, 2**64 - 1, np.int64(5)):
        torch.manual_seed(int(seed))
        by_torch = oxbert.ElectraModel(ELECTRA).state_dict()
        ours = oxbert.ElectraModel(ELECTRA, seed=seed).state_dict()  # type: ignore[arg-type]
        assert all(torch.equal(value, by_torch[name]) for name, value in ours.items())


def test_texts_of_the_first_errors() -> None:
    with pytest.raises(
        errors.InputError, match="seed: expected at most 18446744073709551615, got 18446744073709551616"
    ):
        oxbert.ElectraModel(ELECTRA, seed=2**64)
    with pytest.raises(errors.DtypeError, match="seed: expected an integer, got str"):
        oxbert.ElectraModel(ELECTRA, seed="7")  # type: ignore[arg-type]


# Real numbers.


@pytest.mark.parametrize(
    "value",
    ["7", [7], 10**5000, torch.empty((), device="meta"), torch.ones(2), None, 1j],
    ids=["str", "list", "large", "meta", "several", "None", "complex"],
)
def test_what_is_no_real_number_is_refused_by_name(value: Any) -> None:
    detect = oxbert.pipeline("replaced-token-detection")._native
    shares = ("mask_probability", "masked_share", "masked_lm_weight", "replaced_weight", "temperature")
    calls: dict[str, Callable[[], object]] = {name: lambda name=name: networks(**{name: value}) for name in shares}
    calls["threshold"] = lambda: detect._words(["a"], threshold=value)
    for name, call in calls.items():
        with pytest.raises((errors.DtypeError, errors.InputError), match=f"^{name}: expected .*number"):
            call()


def test_whatever_is_a_real_number_is_taken() -> None:
    for value in (1, True, np.float32(1), np.int64(1), np.float16(1), torch.ones(())):
        assert networks(temperature=value)
