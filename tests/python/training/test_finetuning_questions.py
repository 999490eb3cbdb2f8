"""Check how questions, contexts and answers are read from the files of SQuAD and MRQA and from rows."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from oxbert._rows import RowReader, refuse
from oxbert.errors import DataError
from oxbert.training.finetuning.data.squad import read_mrqa, read_rows, read_squad
from oxbert.training.finetuning.data.tables import read_table

CONTEXT = "The Normans 🏰 were in Zürich — 日本 too."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Normans",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "one",
                            "question": "Who?",
                            "answers": [{"text": "Normans 🏰", "answer_start": 4}, {"text": "The", "answer_start": 0}],
                            "is_impossible": False,
                        },
                        {"id": "two", "question": "Why?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}
MRQA = [
    {"header": {"dataset": "NewsQA", "split": "train"}},
    {
        "context": CONTEXT,
        "qas": [
            {
                "qid": "three",
                "question": "Where?",
                "answers": ["Zürich", "in Zürich"],
                "detected_answers": [{"text": "zürich", "char_spans": [[22, 27]], "token_spans": [[5, 5]]}],
            }
        ],
    },
]


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, as gzip if its name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def lines(*records: Any) -> str:
    """Return JSON lines."""
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


@pytest.mark.parametrize("name", ["train.json", "train.json.gz"])
def test_squad_is_read(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, json.dumps(SQUAD))
    one, two = read_squad(path, refuse, is_training=True)
    assert (one.id, one.question, one.context, one.answers) == ("one", "Who?", CONTEXT, ("Normans 🏰", "The"))
    assert one.span == (4, 13) and CONTEXT[4:13] == "Normans 🏰" and not one.is_impossible
    assert (two.id, two.answers, two.span, two.is_impossible) == ("two", (), None, True)
    assert two.place == f"{path}, data[0].paragraphs[0].qas[1]"


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz"])
def test_mrqa_is_read(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, lines(*MRQA))
    (three,) = read_mrqa(path, refuse, is_training=True)
    assert (three.id, three.answers, three.span) == ("three", ("Zürich", "in Zürich"), (22, 28))
    assert CONTEXT[slice(*three.span)] == "Zürich" and three.place == f"{path}, line 2"
    # The answers of a test file are not known.
    bare = copy.deepcopy(MRQA)
    bare[1]["qas"] = [{"qid": "three", "question": "Where?"}]
    (three,) = read_mrqa(write(tmp_path / name, lines(*bare)), refuse, is_training=False)
    assert (three.answers, three.span) == ((), None)


ROW = {"question": "Who?", "context": CONTEXT}
COLUMNS = ("id", "question", "context", "answer", "answer_start", "is_impossible")


def from_rows(rows: Any, *, is_training: bool = True, on_bad: Any = refuse) -> list[Any]:
    """Read rows whose columns have the names of the values."""
    table = read_table(rows, COLUMNS, COLUMNS, on_bad, "train")
    return list(read_rows(table, COLUMNS, on_bad, is_training=is_training))


@pytest.mark.parametrize(
    ("values", "answers", "span", "is_impossible"),
    [
        ({"answer": "日本"}, ("日本",), (31, 33), False),
        ({"answer": "o", "answer_start": 35}, ("o",), (35, 36), False),
        ({"answer": ["The", "Normans"]}, ("The", "Normans"), (0, 3), False),
        ({"answer": {"text": ["too", "The"], "answer_start": [34, 0]}}, ("too", "The"), (34, 37), False),
        ({"answer": {"text": [], "answer_start": []}}, (), None, True),
        ({"answer": []}, (), None, True),
        ({"answer": None}, (), None, True),
        ({"answer": "", "is_impossible": True}, (), None, True),
        ({"answer": "The", "is_impossible": "False"}, ("The",), (0, 3), False),
    ],
)
def test_rows_are_read(values: Any, answers: Any, span: Any, is_impossible: bool) -> None:
    (example,) = from_rows([ROW | values])
    assert (example.answers, example.span, example.is_impossible) == (answers, span, is_impossible)
    assert (example.id, example.place) == ("1", "train, row 1")


def test_rows_of_files_and_of_datasets_are_read(tmp_path: Path) -> None:
    table = "id,question,context,answer,answer_start\nx,Who?,The cat. The cat!,cat,13\ny,Who?,a dog,dog,\n"
    path = write(tmp_path / "train.csv", table)
    columns = ("id", "question", "context", "answer", "answer_start")
    one, two = read_rows(RowReader(str(path), columns, texts=False), columns, refuse, is_training=True)
    assert (one.id, one.span, one.place) == ("x", (13, 16), f"{path}, line 2")
    assert (two.id, two.span) == ("y", (2, 5))
    rows = [{"id": "z", **ROW, "answers": {"text": ["Normans"], "answer_start": [4]}}]
    columns = ("id", "question", "context", "answers")
    read = read_table(datasets.Dataset.from_list(rows), columns, (), refuse, "train")
    (three,) = read_rows(read, ("id", "question", "context", "answer"), refuse, is_training=True)
    assert (three.id, three.span, three.answers) == ("z", (4, 11), ("Normans",))


def test_what_is_not_known_is_not_needed_outside_training() -> None:
    (example,) = from_rows([ROW | {"answer": None}], is_training=False)
    assert (example.answers, example.span, example.is_impossible) == ((), None, False)
    # Scorers compare texts, wherever they stand.
    (example,) = from_rows([ROW | {"answer": "Vikings"}], is_training=False)
    assert (example.answers, example.span) == (("Vikings",), None)


def squad(**changes: Any) -> str:
    """Return a file of SQuAD whose first question has other values; those of None are left out."""
    content = copy.deepcopy(SQUAD)
    paragraph: Any = content["data"][0]["paragraphs"][0]  # type: ignore[index]
    if "context" in changes:
        paragraph["context"] = changes.pop("context")
    entry = paragraph["qas"][0]
    entry.update(changes)
    paragraph["qas"][0] = {name: value for name, value in entry.items() if value is not None}
    return json.dumps(content)


def mrqa(**changes: Any) -> str:
    """Return a file of MRQA whose question has other values."""
    content: Any = copy.deepcopy(MRQA)
    entry = content[1]["qas"][0]
    content[1]["qas"][0] = {name: value for name, value in (entry | changes).items() if value is not None}
    return lines(*content)


def detected(*spans: Any, text: str = "zürich") -> list[Any]:
    """Return a list of detected answers."""
    return [{"text": text, "char_spans": list(spans)}]


BAD_SQUAD = {
    "no question": (squad(question=None), r"qas\[0\]: expected 'question'"),
    "empty question": (squad(question=" "), "got an empty one"),
    "empty context": (squad(context=""), "a text in 'context', got an empty one"),
    "a number as question": (squad(question=3), "expected a text in 'question', got int"),
    "half a pair": (squad(question="\ud800"), "half of a surrogate pair"),
    "a list as id": (squad(id=["x"]), "expected a text in 'id'"),
    "the id of another": (squad(id="two"), "the id 'two' is that of another question"),
    "no answer": (squad(answers=[], is_impossible=False), "expected an answer, got none"),
    "answers to the impossible": (squad(is_impossible=True), "no answer to an impossible question, got 'Normans"),
    "an unclear truth": (squad(is_impossible="perhaps"), "expected true or false in 'is_impossible'"),
    "answers of no list": (squad(answers="x"), "a list in 'answers'"),
    "an answer of no object": (squad(answers=["x"]), "expected an object with 'text', got str"),
    "an empty answer": (squad(answers=[{"text": "", "answer_start": 0}]), "got an empty one"),
    "another place": (squad(answers=[{"text": "Normans", "answer_start": 5}]), "at character 5, got 'ormans '"),
    "a place outside": (squad(answers=[{"text": "too.", "answer_start": 400}]), "at character 400, got ''"),
    "a place before": (squad(answers=[{"text": "too.", "answer_start": -4}]), "at character -4, got ''"),
    "a text as place": (squad(answers=[{"text": "too.", "answer_start": "x"}]), "an integer in 'answer_start'"),
    "no place, not in the context": (squad(answers=[{"text": "Vikings"}]), "does not contain 'Vikings'"),
}
BAD_MRQA = {
    "no JSON": (lines(MRQA[0]) + "{\n", "expected JSON"),
    "no object": (lines(MRQA[0], [1]), "expected a JSON object, got list"),
    "no questions": (lines(MRQA[0], {"context": "x"}), "a list in 'qas'"),
    "a name twice": (lines(MRQA[0]) + '{"qas": [], "qas": []}\n', "'qas' comes twice"),
    "no place": (mrqa(detected_answers=[]), "expected a place in detected_answers"),
    "no span": (mrqa(detected_answers=detected()), "got None"),
    "half a span": (mrqa(detected_answers=detected([22])), r"got \[22\]"),
    "a span of texts": (mrqa(detected_answers=detected(["22", "27"])), "first and the last character"),
    "another place": (mrqa(detected_answers=detected([21, 26])), "at character 21"),
    "a span that ends before": (mrqa(detected_answers=detected([27, 22])), "got ''"),
    "no id": (mrqa(qid=None), "expected 'qid'"),
    "answers of no list": (mrqa(answers="x"), "a list in 'answers', got str"),
    "not UTF-8": (lines(MRQA[0]).encode() + b"\xff\n", "not UTF-8"),
}


@pytest.mark.parametrize(
    ("read", "content", "reason"),
    [
        *(pytest.param(read_squad, *case, id=f"squad: {name}") for name, case in BAD_SQUAD.items()),
        *(pytest.param(read_mrqa, *case, id=f"mrqa: {name}") for name, case in BAD_MRQA.items()),
    ],
)
def test_a_bad_question_is_an_error_or_left_out(
    read: Callable[..., Any], content: str | bytes, reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "train", content)
    with pytest.raises(DataError, match=reason) as caught:
        list(read(path, refuse, is_training=True))
    assert caught.value.path == str(path)
    assert str(caught.value).startswith(f"{path}, {'record' if read is read_squad else 'line 2'}")
    errors: list[DataError] = []
    # What is wrong with a context is wrong with each of its questions.
    left = 1 if read is read_squad and "'context'" not in str(caught.value) else 0
    assert len(list(read(path, errors.append, is_training=True))) == left
    assert str(errors[0]) == str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "line 1: expected JSON"),
        ("[]", "expected an object with a list in 'data'"),
        ('{"data": 3}', "the file: expected an object with a list in 'data'"),
        ('{"data": [{"paragraphs": [{"context": "x"}]}]}', r"data\[0\].paragraphs\[0\]: .* list in 'qas'"),
        (b'{"data":\n"\xff"}', "line 2: byte 0xff is not UTF-8"),
        ("[" * 100_000, "expected JSON"),
    ],
)
def test_a_file_that_is_no_squad_is_an_error_whatever_is_done_about_bad_questions(
    content: str | bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=reason):
        list(read_squad(write(tmp_path / "dev.json", content), lambda error: None, is_training=False))


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(lines(*MRQA).encode())
    for name, read in (("train.jsonl.gz", read_mrqa), ("train.json.gz", read_squad)):
        (tmp_path / name).write_bytes(whole[:-9])
        with pytest.raises(DataError, match="gzip"):
            list(read(tmp_path / name, refuse, is_training=True))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"answer": "Vikings"}, "does not contain 'Vikings'"),
        ({"answer": " "}, "got an empty one"),
        ({"answer": 3}, "expected a list in 'answers', got int"),
        ({"answer": "The", "is_impossible": True}, "no answer to an impossible question"),
        ({"answer": {"text": ["The"], "answer_start": []}}, "as many answer_start as answers, got 0 and 1"),
        ({"answer": "The", "answer_start": True}, "an integer in 'answer_start', got True"),
        ({"answer": "The", "question": None}, "expected a text in 'question', got none"),
    ],
)
def test_a_bad_row_is_an_error_or_left_out(values: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        from_rows([ROW | values])
    assert str(caught.value).startswith("train, record 1: ")
    errors: list[DataError] = []
    good = from_rows([ROW | values, ROW | {"answer": "The"}], on_bad=errors.append)
    assert [example.id for example in good] == ["2"] and len(errors) == 1
