"""Read small files of each task's real format, bad rows of each kind, and compare features with a transcription."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxbert.errors import ConfigError, DataError, InputError, MissingFileError
from oxbert.training import TASKS, FineTuningConfig
from oxbert.training.finetuning.run import configure
from oxbert.training.finetuning.sources import read_splits
from oxbert.training.finetuning.tasks.classification import in_order
from oxbert.training.finetuning.tasks.registry import find_task
from oxbert.training.finetuning.tasks.tagging import Tagging
from oxbert.training.finetuning.tasks.task import TaggedExample, TextExample

from .runs import TOKENIZER, write_model

MNLI = "index\tpromptID\tpairID\tgenre\tb1\tb2\tp1\tp2\tsentence1\tsentence2"
# Lines of the files of GLUE, and the examples that they hold: the first text, the second one, the label, the number.
FILES: dict[str, dict[str, tuple[str, list[tuple[str, str | None, Any, str | None]]]]] = {
    "cola": {
        "train": ('gj04\t1\t\tHe said "no".\nbc01\t0\t*\tHim go.\n', [('He said "no".', None, "1", None), ("Him go.", None, "0", None)]),
        "test": ("index\tsentence\n0\tBill ran.\n", [("Bill ran.", None, None, "0")]),
    },
    "mrpc": {
        "train": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tOne .\tTwo .\r\n", [("One .", "Two .", "1", None)]),
        "test": ("index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\tOne .\tTwo .\n", [("One .", "Two .", None, "0")]),
    },
    "mnli": {
        "train": (f"{MNLI}\tlabel1\tgold_label\n0\ta\tb\tc\td\te\tf\tg\tOne.\tTwo.\tneutral\tneutral\n", [("One.", "Two.", "neutral", None)]),
        "dev": (f"{MNLI}\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n0\ta\tb\tc\td\te\tf\tg\tOne.\tTwo.\tn\tn\tn\tn\tn\tentailment\n", [("One.", "Two.", "entailment", None)]),
        "test": (f"{MNLI}\n3\ta\tb\tc\td\te\tf\tg\tOne.\tTwo.\n", [("One.", "Two.", None, "3")]),
        "diagnostic": ("index\tsentence1\tsentence2\n0\tOne.\tTwo.\n", [("One.", "Two.", None, "0")]),
    },
    "sst": {
        "train": ("sentence\tlabel\nnice \t1\n", [("nice ", None, "1", None)]),
        "test": ("index\tsentence\n0\tnice\n", [("nice", None, None, "0")]),
    },
    "qqp": {
        "train": ("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tWhy?\tHow?\t0\n4\t5\t6\tWhy?\n7\t8\t9\tWhy?\t\t1\n", [("Why?", "How?", "0", None), ("Why?", None, "1", None)]),
        "test": ("id\tquestion1\tquestion2\n0\tWhy?\tHow?\n", [("Why?", "How?", None, "0")]),
    },
    "rte": {
        "train": ("index\tsentence1\tsentence2\tlabel\n0\tOne.\tTwo.\tnot_entailment\n", [("One.", "Two.", "not_entailment", None)]),
        "test": ("index\tsentence1\tsentence2\n0\tOne.\tTwo.\n", [("One.", "Two.", None, "0")]),
    },
    "qnli": {
        "train": ("index\tquestion\tsentence\tlabel\n0\tWhy?\tTwo.\tentailment\n", [("Why?", "Two.", "entailment", None)]),
        "test": ("index\tquestion\tsentence\n0\tWhy?\tTwo.\n", [("Why?", "Two.", None, "0")]),
    },
    "sts": {
        "train": ("index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\ta\tb\tc\td\te\tf\tOne.\tTwo.\t3.200\n", [("One.", "Two.", 3.2, None)]),
        "test": ("index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n0\ta\tb\tc\td\te\tf\tOne.\tTwo.\n", [("One.", "Two.", None, "0")]),
    },
    "wnli": {
        "train": ("index\tsentence1\tsentence2\tlabel\n0\tOne.\tTwo.\t1\n", [("One.", "Two.", "1", None)]),
        "test": ("index\tsentence1\tsentence2\n0\tOne.\tTwo.\n", [("One.", "Two.", None, "0")]),
    },
}  # fmt: skip
LABELS = {"mnli": ["contradiction", "entailment", "neutral"], "rte": ["entailment", "not_entailment"], "sts": ["value"]}
SUBMISSIONS = {
    "cola": {"test": "CoLA"}, "mrpc": {"test": "MRPC"}, "sst": {"test": "SST-2"}, "qqp": {"test": "QQP"},
    "mnli": {"test": "MNLI-m", "diagnostic": "AX"}, "rte": {"test": "RTE"}, "qnli": {"test": "QNLI"},
    "sts": {"test": "STS-B"}, "wnli": {"test": "WNLI"},
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_of_glue(name: str, tmp_path: Path) -> None:
    task = TASKS[name]
    for split, (text, _) in FILES[name].items():
        (tmp_path / task.splits()[split][0]).write_bytes(text.encode())
    found = read_splits(task, tmp_path, task.defaults.get("bad_rows", "error"))
    for split, (_, expected) in FILES[name].items():
        assert [(one.first, one.second, one.label, one.id) for one in found.examples[split]] == expected
        assert task.has_labels(found.examples[split]) == (split in ("train", "dev"))
    assert found.skipped == (name == "qqp") and (name != "qqp" or "train.tsv, line 3" in found.first_skipped)
    assert task.labels([]) == LABELS.get(name, LABELS["rte"] if name == "qnli" else ["0", "1"])
    # The order of a pair has no meaning in two of the tasks.
    rows = task.features(found.examples["train"], TOKENIZER, task.labels([]), FineTuningConfig(), train=True)
    plain = task.features(found.examples["train"], TOKENIZER, task.labels([]), FineTuningConfig(), train=False)
    is_double = name in ("mrpc", "sts")
    assert len(rows) == len(plain) * (1 + is_double) and rows[: len(plain)] == plain
    if is_double:
        [row] = rows[1:]
        assert (
            list(row.input_ids)
            == TOKENIZER("Two ." if name == "mrpc" else "Two.", "One ." if name == "mrpc" else "One.")["input_ids"]
        )
        assert row.labels == plain[0].labels == ({"mrpc": 1}.get(name, pytest.approx(0.64)))
    for split, submission in SUBMISSIONS[name].items():
        answer = {"value": 7.5} if name == "sts" else {"label": task.labels([])[0]}
        [path] = task.write([answer], found.examples[split], tmp_path, split)
        number = FILES[name][split][1][0][3]
        said = "5.000" if name == "sts" else task.labels([])[0]
        assert path.name == f"{submission}.tsv" and path.read_text() == f"index\tprediction\n{number}\t{said}\n"


def test_data_sets_of_the_hub_have_other_names_of_labels() -> None:
    names = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])
    features = datasets.Features(
        {"premise": datasets.Value("string"), "hypothesis": datasets.Value("string"), "label": names}
    )
    rows = datasets.Dataset.from_dict(
        {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [2, 0]}, features=features
    )
    found = read_splits(TASKS["mnli"], {"train": rows, "validation": rows}, "error").examples
    assert [one.label for one in found["dev"]] == ["contradiction", "entailment"] and found["train"][0].second == "c"
    rows = [{"sentence": "a", "label": "acceptable"}, {"sentence": "b", "label": 0}]
    assert [one.label for one in read_splits(TASKS["cola"], {"train": rows}, "error").examples["train"]] == ["1", "0"]


def columns_in_every_form(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Write rows in every format, and return what is read."""
    table, names = pa.Table.from_pylist(rows), list(rows[0])
    pq.write_table(table, folder / "rows.parquet")
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with gzip.open(folder / "rows.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n\n" for row in rows))
    for ending, delimiter in (("csv", ","), ("tsv", "\t")):
        lines = [names, *[[str(value) for value in row.values()] for row in rows]]
        quoted = "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)
        (folder / f"rows.{ending}").write_bytes(b"\xef\xbb\xbf" + quoted.encode())
    files = {path.name: path for path in folder.glob("rows.*")}
    return {**files, "list": rows, "datasets": datasets.Dataset.from_list(rows)}


def test_rows_in_every_form_are_the_same(tmp_path: Path) -> None:
    rows = [
        {"body": "caf\u00e9, \U0001f600", "title": "a b", "stars": 5},
        {"body": "line\none", "title": "c", "stars": 1},
    ]
    task = find_task("classification", {"text": "body", "text_pair": "title", "label": "stars"})
    expected = [("caf\u00e9, \U0001f600", "a b", "5"), ("line\none", "c", "1")]
    for name, source in columns_in_every_form(tmp_path, rows).items():
        found = read_splits(task, {"train": source}, "error").examples["train"]
        assert [(one.first, one.second, one.label) for one in found] == expected, name
        assert task.labels(found) == ["1", "5"]
    numbers = find_task("regression", {"text": "body", "label": "stars"})
    assert [one.label for one in read_splits(numbers, {"train": tmp_path / "rows.csv"}, "error").examples["train"]] == [
        5,
        1,
    ]


# A bad row of a file of the name, between two good ones, and a part of the message.
GOOD = {
    "csv": "text,label\nfine,a\n{}\ngood,b\n",
    "jsonl": '{{"text": "fine", "label": "a"}}\n{}\n{{"text": "good", "label": "b"}}\n',
}
BAD = {
    "too few values": ("csv", b"bad", "expected 2 values, got 1"),
    "too many values": ("csv", b"bad,a,b", "expected 2 values, got 3"),
    "an empty text": ("csv", b" ,a", "expected a text in 'text', got an empty one"),
    "an empty label": ("csv", b"bad,", "expected the name of a label in 'label'"),
    "a quote inside": ("csv", b'"bad"x,a', "expected comma-separated values"),
    "not UTF-8": ("csv", b"b\xe9d,a", "byte 2 of the line is not UTF-8 (0xe9)"),
    "not UTF-8 in JSON": ("jsonl", b'{"text": "\xff", "label": "a"}', "is not UTF-8"),
    "no JSON": ("jsonl", b'{"text": ', "expected JSON"),
    "no object": ("jsonl", b"[1]", "expected a JSON object"),
    "no text": ("jsonl", b'{"label": "a"}', "expected a column 'text', found label"),
    "no label": ("jsonl", b'{"text": "x"}', "expected a column 'label', found text"),
    "a name twice": ("jsonl", b'{"text": "x", "text": "y", "label": "a"}', "'text' comes twice"),
    "another type": ("jsonl", b'{"text": 3, "label": "a"}', "expected a text in 'text', got int"),
    "a label of another type": ("jsonl", b'{"text": "x", "label": [1]}', "expected the name of a label"),
    "a null label": ("jsonl", b'{"text": "x", "label": null}', "expected a label in 'label', got none"),
    "half of a surrogate pair": ("jsonl", b'{"text": "\\ud800", "label": "a"}', "half of a surrogate pair"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_an_error_or_is_left_out(kind: str, tmp_path: Path) -> None:
    ending, line, message = BAD[kind]
    path = tmp_path / f"train.{ending}"
    before, after = (part.replace("{{", "{").replace("}}", "}").encode() for part in GOOD[ending].split("\n{}\n"))
    path.write_bytes(before + b"\n" + line + b"\n" + after)
    place = before.count(b"\n") + 2
    with pytest.raises(DataError) as caught:
        read_splits(TASKS["classification"], tmp_path, "error")
    assert message in str(caught.value) and f"train.{ending}, line {place}" in str(caught.value)
    assert caught.value.path == str(path) and caught.value.line == place
    found = read_splits(TASKS["classification"], tmp_path, "skip")
    assert [one.first for one in found.examples["train"]] == ["fine", "good"] and found.skipped == 1
    assert found.first_skipped == str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.csv", b"text,text,label\na,b,c\n", "line 1: expected one column 'text', found 2"),
        ("train.csv", b"a,label\na,b\n", "line 1: expected a column 'text', found a, label; name another one"),
        ("train.csv", b"", "expected examples, found none"),
        ("train.csv", b"text,label\n,a\n", "expected examples, found none; 1 bad rows were left out"),
        ("train.parquet", b"no parquet", "cannot be read"),
        ("train.jsonl.gz", b"no gzip", "train.jsonl.gz"),
    ],
)
def test_a_bad_file_is_an_error_even_if_rows_are_skipped(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        read_splits(TASKS["classification"], tmp_path, "skip")


@pytest.mark.parametrize("header", [b"te\xffxt,label", b"\xff\xfet\0e\0x\0t\0"])
def test_a_bad_header_is_an_error_whatever_the_rule(header: bytes, tmp_path: Path) -> None:
    """In its place the next row would name the columns."""
    (tmp_path / "train.csv").write_bytes(header + b"\ntext,label\na,b\n")
    for rule in ("error", "skip"):
        with pytest.raises(DataError, match=r"train.csv, line 1: (byte . of the line is not|expected) UTF-8") as caught:
            read_splits(TASKS["classification"], tmp_path, rule)  # type: ignore[arg-type]
        assert caught.value.line == 1


@pytest.mark.parametrize(
    ("task", "row", "bare"),
    [
        ("classification", {"text": "a", "label": "x"}, {"text": "b"}),
        ("multi-label", {"text": "a", "labels": []}, {"text": "b", "labels": None}),
        ("tagging", {"words": ["a"], "tags": ["O"]}, {"words": ["b"], "tags": None}),
    ],
)
def test_a_split_has_all_labels_or_none(task: str, row: dict[str, Any], bare: dict[str, Any], tmp_path: Path) -> None:
    """Otherwise one lost label would leave a split without figures."""
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(bare) + "\n")
    data: dict[str, Any] = {"train": [row], "dev": tmp_path / "dev.jsonl"}
    with pytest.raises(DataError, match=r"dev.jsonl, line 2: expected a label, which other rows of dev have, got none"):
        read_splits(TASKS[task], data, "error")
    found = read_splits(TASKS[task], data, "skip")
    assert len(found.examples["dev"]) == 1 and found.skipped == 1
    assert len(read_splits(TASKS[task], {"train": [row], "test": [bare, bare]}, "error").examples["test"]) == 2


@pytest.mark.parametrize(
    ("task", "name", "text"),
    [
        ("cola", "train.tsv", "gj04\t1\t\tHe ran.\n"),
        ("ner", "words.txt", "He PRP O\nran VBD O\n"),
        ("pos", "words.conllu", "1\tHe\the\tPRON\n2\tran\trun\tVERB\n"),
    ],
)
def test_compressed_files_of_benchmarks(task: str, name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    one, other = (
        read_splits(TASKS[task], {"train": tmp_path / f"{name}{end}"}, "error").examples["train"] for end in ("", ".gz")
    )
    assert [replace(example, place="") for example in one] == [replace(example, place="") for example in other]
    assert other[0].place == f"{tmp_path / name}.gz, line 1"


@given(st.sets(st.from_regex(r"-{0,2}\d{1,30}|[a-c-]{1,2}|9{5000}", fullmatch=True)))
def test_names_of_classes_have_an_order(names: set[str]) -> None:
    found = in_order(names)
    assert sorted(found) == sorted(names)
    numbers = [name.removeprefix("-") for name in names]
    if all(one.isdecimal() and len(one) <= 18 for one in numbers):
        assert [int(name) for name in found] == sorted(map(int, names))


def test_columns_of_one_name_in_a_table(tmp_path: Path) -> None:
    column = pa.array(["a"])
    pq.write_table(
        pa.Table.from_arrays([column, column, column], ["text", "text", "label"]), tmp_path / "train.parquet"
    )
    with pytest.raises(DataError, match="expected one column 'text', found 2"):
        read_splits(TASKS["classification"], tmp_path, "skip")


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("sts", {"sentence1": "a", "sentence2": "b", "label": 5.5}, "expected a number from 0 to 5"),
        ("regression", {"text": "a", "label": "x"}, "expected a number in 'label', got 'x'"),
        ("regression", {"text": "a", "label": float("nan")}, "expected a number"),
        ("regression", {"text": "a", "label": True}, "expected a number"),
        ("regression", {"text": "a", "label": 3.5e38}, "expected a number"),
        ("multi-label", {"text": "a", "labels": ["x", "x"]}, "expected each label once"),
        ("multi-label", {"text": "a", "labels": 3}, "expected a list of labels"),
        ("mnli", {"premise": "a", "hypothesis": "b", "label": 1}, "expected one of the labels contradiction"),
        ("pairs", {"text": "a", "text_pair": "", "label": "x"}, "expected a text in 'text_pair', got an empty one"),
        ("tagging", {"words": ["a", "b"], "tags": ["X"]}, "expected as many tags as words, got 1 tags for 2 words"),
        ("tagging", {"words": [], "tags": []}, "expected words in 'words', got none"),
        ("tagging", {"words": ["a", ""], "tags": ["X", "Y"]}, "got '' in it"),
        ("chunk", {"words": ["a"], "tags": ["NP"]}, "expected tags such as B-NP, or O, got 'NP'"),
    ],
)
def test_a_bad_value_is_an_error_with_its_row(task: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match="train, record 1: ") as caught:
        read_splits(TASKS[task], {"train": [row]}, "error")
    assert message in str(caught.value) and caught.value.record == 1


CONLL = "-DOCSTART- -X- -X- O\n\nHe PRP B-NP\nwill MD B-VP\nrun VB I-VP\n. . O\n\n\nYes UH B-INTJ"


def test_files_of_conll(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(CONLL)
    (tmp_path / "dev.txt").write_text("on IN B-PP\nit PRP B-NP\n")
    found = read_splits(TASKS["chunk"], tmp_path, "error").examples
    words, tags = ("He", "will", "run", "."), ("S-NP", "B-VP", "E-VP", "O")
    assert [(one.words, one.tags) for one in found["train"]] == [(words, tags), (("Yes",), ("S-INTJ",))]
    assert found["train"][0].place.endswith("train.txt, line 3")
    # The tags are those of all splits.
    every = [one for part in found.values() for one in part]
    assert TASKS["chunk"].labels(every) == ["B-VP", "E-VP", "O", "S-INTJ", "S-NP", "S-PP"]
    for task in (TASKS["pos"], find_task("ner", {"tags": "1"})):
        assert read_splits(task, tmp_path, "error").examples["train"][0].tags == ("PRP", "MD", "VB", ".")
    assert read_splits(TASKS["ner"], tmp_path, "error").examples["train"][0].tags == ("B-NP", "B-VP", "I-VP", "O")


def test_files_of_universal_dependencies(tmp_path: Path) -> None:
    lines = ["# text = Du vin", "1-2\tdu\t_\t_", "1\tde\tde\tADP", "2\tle vin\tle\tNOUN", "2.1\t_\t_\t_", "", ""]
    (tmp_path / "train.conllu").write_text("\n".join(lines))
    [one] = read_splits(TASKS["pos"], tmp_path, "error").examples["train"]
    assert (one.words, one.tags) == (("de", "le vin"), ("ADP", "NOUN"))


def test_a_bad_sentence_is_left_out_whole(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"a X\nb\nc Z\n\nd X\n\ne X\n\xff X\n\nf Y\n")
    found = read_splits(TASKS["pos"], tmp_path, "skip")
    assert [one.words for one in found.examples["train"]] == [("d",), ("f",)] and found.skipped == 2
    with pytest.raises(DataError, match=r"train.txt, line 2: expected a word and its tags, found 1 columns"):
        read_splits(TASKS["pos"], tmp_path, "error")


WORDS = st.sampled_from("return the tokenizer's nodes un-happiness Caf\u00e9 \u4e2d\u6587 e\u0301 \U0001f600 x".split())


@given(st.lists(WORDS, min_size=1, max_size=14), st.lists(WORDS, max_size=14), st.integers(4, 24))
def test_pairs_are_cut_as_in_the_original(one: list[str], other: list[str], length: int) -> None:
    first, second = TOKENIZER.tokenize(" ".join(one)), TOKENIZER.tokenize(" ".join(other))
    while len(first) + len(second) > length - (3 if other else 2):
        (first if len(first) > len(second) else second).pop()
    tokens = ["[CLS]", *first, "[SEP]", *([*second, "[SEP]"] if other else [])]
    types = [0] * (len(first) + 2) + [1] * (len(tokens) - len(first) - 2)
    example = TextExample("", " ".join(one), " ".join(other) if other else None, "a")
    config = FineTuningConfig(max_length=length)
    [row] = TASKS["pairs"].features([example], TOKENIZER, ["a"], config, train=False)
    assert TOKENIZER.convert_ids_to_tokens(row.input_ids) == tokens and list(row.token_type_ids) == types


@given(st.lists(WORDS, min_size=1, max_size=20), st.integers(6, 40))
def test_words_are_tagged_at_their_first_token(words: list[str], length: int) -> None:
    tags = tuple("AB"[number % 2] for number in range(len(words)))
    example = TaggedExample("", tuple(words), tags)
    rows = Tagging().features([example], TOKENIZER, ["A", "B"], FineTuningConfig(max_length=length), train=True)
    pieces = [TOKENIZER.tokenize(word) for word in words]
    tokens, labels = [], []
    for row in rows:
        assert len(row.input_ids) <= length and row.weight == len(row.places)
        found = TOKENIZER.convert_ids_to_tokens(row.input_ids)
        assert found[0] == "[CLS]" and found[-1] == "[SEP]" and row.labels[0] == row.labels[-1] == -100
        tokens, labels = tokens + found[1:-1], labels + row.labels[1:-1]
    assert tokens == [piece for word in pieces for piece in word]
    assert labels == [
        one for word, tag in zip(pieces, tags, strict=True) for one in ["AB".index(tag), *[-100] * (len(word) - 1)]
    ]
    # A row ends only where the next word has no room.
    starts = [place for place, one in enumerate(labels) if one != -100]
    assert len(rows) == 1 or len(tokens) > length - 2 and starts


def test_a_word_without_tokens_has_a_tag() -> None:
    example = TaggedExample("", ("a", "\u200b", "b"), ("X", "Y", "X"))
    [row] = Tagging().features([example], TOKENIZER, ["X", "Y"], FineTuningConfig(), train=True)
    assert list(row.places) == [1, 2, 3] and row.input_ids[2] == TOKENIZER.unk_token_id and row.weight == 3


def test_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="is no folder"):
        read_splits(TASKS["cola"], tmp_path / "nowhere", "error")
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(
        MissingFileError, match=r"has no file for train of the task cola: expected train.tsv; found x.txt"
    ):
        read_splits(TASKS["cola"], tmp_path, "error")
    for data, message in [
        ({"trian": []}, "expected the splits train, dev, test, got 'trian'"),
        ({"dev": [{"text": "a", "label": "b"}]}, "expected data for train, got dev"),
        ([1], "expected a folder, or a mapping"),
        ({"train": [3]}, "expected dictionaries, got int"),
    ]:
        with pytest.raises(InputError, match=message):
            read_splits(TASKS["classification"], data, "error")


def test_tasks_and_fields_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean mnli"):
        find_task("mlni")
    with pytest.raises(InputError, match="expected columns of the task pos: words, tags, got 'text'"):
        find_task("pos", {"text": "a"})
    model = write_model(tmp_path / "model")
    with pytest.raises(ConfigError, match="the task cola does not use it"):
        configure(TASKS["cola"], model, None, {"double_unordered": False})
    # The model has 64 positions; the layers of a large model learn at other rates.
    config = configure(TASKS["rte"], model, None, {})
    assert (config.epochs, config.max_length, config.learning_rate, config.layerwise_decay) == (10.0, 64, 1e-4, 0.8)
    (tmp_path / "file.yaml").write_text("epochs: 4\nbatch_size: 8\n")
    config = configure(TASKS["rte"], model, tmp_path / "file.yaml", {"batch_size": 2})
    assert (config.epochs, config.batch_size) == (4.0, 2)
    assert replace(config, train_steps=5).for_examples(100).train_steps == 5
