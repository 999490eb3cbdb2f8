"""Test the commands that run pipelines: they give what the pipelines give, in every form."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import oxbert
from oxbert.cli import app

TEXTS = ["Ada Lovelace met Charles Babbage in London.", "Return a list.", 'A <b>"text"</b>, quoted.']
SIZES = {
    "vocab_size": 8192, "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 32,
}  # fmt: skip
NAMES = {
    "classifier": ("ForSequenceClassification", {"id2label": {0: "bug", 1: "feature", 2: "question"}}),
    "inference": ("ForSequenceClassification", {"id2label": {0: "contradiction", 1: "neutral", 2: "entailment"}}),
    "ranker": ("ForSequenceClassification", {"num_labels": 1}),
    "tagger": ("ForTokenClassification", {"id2label": {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}}),
    "reader": ("ForQuestionAnswering", {}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")
    for name, (head, options) in NAMES.items():
        getattr(oxbert, f"Electra{head}")(oxbert.ElectraConfig(**SIZES, **options), seed=2).save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return root


def call(*arguments: object, **options: Any) -> Any:
    done = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200"}, **options)
    assert "Traceback" not in done.output
    return done


def rows(*arguments: object, **options: Any) -> list[dict[str, Any]]:
    done = call(*arguments, "--format", "jsonl", **options)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_classify_gives_the_labels_of_the_pipeline(models: Path, tmp_path: Path) -> None:
    found = rows("classify", *TEXTS, "-m", models / "classifier", "-k", 2)
    expected = oxbert.pipeline("text-classification", models / "classifier", top_k=2)(TEXTS)
    assert [row["labels"] for row in found] == expected
    assert [(row["label"], row["score"]) for row in found] == [(one[0]["label"], one[0]["score"]) for one in expected]
    done = call("classify", TEXTS[0], "-m", models / "classifier", "--html", tmp_path / "a.html")
    assert sorted(line.split()[0] for line in done.stdout.splitlines()[1:]) == ["bug", "feature", "question"]
    assert "<th>bug</th>" in (tmp_path / "a.html").read_text("utf-8")


def test_classify_takes_pairs_of_columns_and_labels_of_the_caller(models: Path, tmp_path: Path) -> None:
    with open(tmp_path / "in.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *zip(TEXTS, reversed(TEXTS), strict=True)])
    found = rows("classify", "-i", tmp_path / "in.csv", "--column", "a", "--column", "b", "-m", models / "inference")
    pairs = [{"text": a, "text_pair": b} for a, b in zip(TEXTS, reversed(TEXTS), strict=True)]
    classify = oxbert.pipeline("text-classification", models / "inference", top_k=None)
    assert [row["labels"] for row in found] == classify(pairs)
    assert [(row["text"], row["text_pair"]) for row in found] == [(pair["text"], pair["text_pair"]) for pair in pairs]
    options = {"hypothesis_template": "Of {}.", "multi_label": True}
    ask = oxbert.pipeline("zero-shot-classification", models / "inference", candidate_labels=["a", "b c"], **options)
    found = rows(
        "classify", *TEXTS, "-m", models / "inference", "--labels", "a, b c", "--template", "Of {}.", "--multi-label"
    )
    for row, one in zip(found, ask(TEXTS), strict=True):
        assert [label["label"] for label in row["labels"]] == one["labels"]
        assert [label["score"] for label in row["labels"]] == one["scores"]
    for option in (["--multi-label"], ["--template", "{}"]):
        done = call("classify", "a", "-m", models / "inference", *option)
        assert done.exit_code == 1 and f"{option[0]}: expected --labels too" in done.output


@pytest.mark.parametrize("aggregation", ["none", "simple", "max"])
def test_tag_gives_the_entities_of_the_pipeline(aggregation: str, models: Path, tmp_path: Path) -> None:
    find = oxbert.pipeline("token-classification", models / "tagger", aggregation_strategy=aggregation)
    options = ["-m", models / "tagger", "--aggregation", aggregation]
    found = rows("tag", *TEXTS, *options)
    for row, entities in zip(found, find(TEXTS), strict=True):
        assert [entity | {"score": pytest.approx(entity["score"])} for entity in entities] == row["entities"]
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    call("tag", "-i", tmp_path / "in.txt", "-o", tmp_path / "out.parquet", *options)
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == found
    done = call("tag", TEXTS[2], *options, "--html", tmp_path / "a.html", "--png", tmp_path / "a.png")
    assert done.exit_code == 0 and "<b>" not in (tmp_path / "a.html").read_text("utf-8")


def test_answer_takes_a_context_or_a_column_of_contexts(models: Path, tmp_path: Path) -> None:
    ask = oxbert.pipeline("question-answering", models / "reader", top_k=2)
    context = TEXTS[0]
    (tmp_path / "context.txt").write_text(context)
    expected = ask(question=["Who?", "Where?"], context=context)
    for given in (["--context", context], ["--context-file", tmp_path / "context.txt"]):
        found = rows("answer", "Who?", "Where?", *given, "-m", models / "reader", "-k", 2)
        assert [row["answers"] for row in found] == expected
        assert [row["answer"] for row in found] == [one[0]["answer"] for one in expected]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"question": "Who?", "context": text}) + "\n" for text in TEXTS)
    )
    found = rows("answer", "-i", tmp_path / "in.jsonl", "-m", models / "reader")
    assert [row["answer"] for row in found] == [ask(question="Who?", context=text)[0]["answer"] for text in TEXTS]
    done = call("answer", "Who?", "-c", context, "-m", models / "reader", "--html", tmp_path / "a.html")
    assert done.exit_code == 0 and done.stdout.startswith("Who?\n")
    (tmp_path / "context.txt").write_bytes(b"one\n\xff")
    for given, reason in [
        ([], "--context: expected a text for the questions"),
        (["--context", "a", "--context-file", "b"], "expected it or --context-file, got both"),
        (["--context-file", tmp_path / "context.txt"], "context.txt, line 2: is not UTF-8 (0xff)"),
    ]:
        done = call("answer", "Who?", "-m", models / "reader", *given)
        assert done.exit_code == 1 and reason in done.output


@pytest.mark.parametrize("kind", ["npy", "parquet", "arrow", "jsonl", "csv"])
def test_embed_writes_the_vectors_of_the_pipeline(kind: str, tmp_path: Path) -> None:
    from .test_cli_streams import read_output

    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    output = tmp_path / f"out.{kind}"
    options = ["embed", "-i", tmp_path / "in.txt", "-m", "electra-tiny-discriminator", "--normalize", "-o", output]
    assert call(*options).exit_code == 0
    embed = oxbert.pipeline(
        "feature-extraction", "electra-tiny-discriminator", return_tensors="np", pooling="mean", normalize=True
    )
    expected = np.stack(embed(TEXTS))
    found = np.load(output) if kind == "npy" else np.array([row["vector"] for row in read_output(output)], np.float32)
    assert found.dtype == np.float32 and np.array_equal(found, expected)
    # A file that was cut in the middle of a vector is completed, and refused for another model.
    if kind == "npy":
        with open(output, "r+b") as file:
            file.truncate(128 + 4 * 192 + 7)
        assert call(*options, "--resume").exit_code == 0
        assert np.array_equal(np.load(output), expected)
        done = call(*options[:-3], "-o", output, "--resume", "--pooling", "cls")
        assert done.exit_code == 1 and "is not what this command gives" in done.output


def test_rank_sorts_texts_by_a_cross_encoder_or_by_vectors(models: Path, tmp_path: Path) -> None:
    expected = oxbert.CrossEncoder.from_pretrained(models / "ranker").rank("a query", TEXTS, return_documents=True)
    found = rows("rank", "a query", *TEXTS, "-m", models / "ranker")
    assert [row["text"] for row in found] == [one["text"] for one in expected]
    assert [row["score"] for row in found] == pytest.approx([one["score"] for one in expected])
    embed = oxbert.pipeline(
        "feature-extraction", "electra-tiny-discriminator", return_tensors="np", pooling="mean", normalize=True
    )
    scores = np.stack(embed(TEXTS)) @ embed(TEXTS[1])
    (tmp_path / "in.txt").write_text("\n".join(TEXTS))
    options = ["rank", TEXTS[1], "-i", tmp_path / "in.txt", "-m", "electra-tiny-discriminator", "-k", 2]
    assert call(*options, "-o", tmp_path / "out.parquet").exit_code == 0
    best = np.argsort(-scores)[:2]
    found = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["text"] for row in found] == [TEXTS[place] for place in best] and found[0]["text"] == TEXTS[1]
    assert [row["score"] for row in found] == pytest.approx(scores[best])
    for more, reason in [
        (["-o", tmp_path / "out.parquet"], "out.parquet exists; expected --overwrite"),
        (["-o", tmp_path / "out.parquet", "--resume"], "--resume: expected an output of one row per text"),
    ]:
        done = call(*options, *more)
        assert done.exit_code == 1 and reason in done.output
    done = call("rank", "a", "b", "-m", models / "classifier")
    assert done.exit_code == 1 and "expected one label for ranking, got 3" in done.output


@pytest.mark.parametrize("name", ["classify", "tag", "embed", "rank"])
def test_a_task_without_a_bundled_model_asks_for_one(name: str) -> None:
    done = call(name, "a text", "another")
    assert done.exit_code == 1 and "model: expected" in done.output
