"""Test `oxbert.ray`: batches of every kind, parts that are complete or absent, and a cluster whose processes die."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oxbert
from oxbert import errors
from oxbert.ray import Predictor, predict_parquet

from . import processes

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pd = pytest.importorskip("pandas")
ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONWARNINGS": "ignore"}
# Ray's own modules warn about deprecations and leave sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore")

CLUSTER = """
import sys, ray
context = ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False,
                   logging_level="ERROR", _temp_dir=sys.argv[1])
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""
DRIVER = """
import json, sys, ray
from oxbert.ray import predict_parquet
ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
predict_parquet(**json.loads(sys.argv[2]))
"""
SIZES = {
    "vocab_size": 8192, "hidden_size": 32, "embedding_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
    "intermediate_size": 32, "max_position_embeddings": 128, "initializer_range": 1.0,
}  # fmt: skip
TEXTS = [f"Return the {word} [MASK] of {n} nodes." for n, word in enumerate(["first", "last", "one", "least"] * 3)]
LONG = "Return the value of the node, or None if there is no such node. " * 2


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model of random weights for each head that no bundled model has."""
    folder = tmp_path_factory.mktemp("models")
    labels = {0: "contradiction", 1: "neutral", 2: "entailment"}
    for name, kind, more in [
        ("classes", oxbert.ElectraForSequenceClassification, {"id2label": labels}),
        ("score", oxbert.ElectraForSequenceClassification, {"num_labels": 1}),
        ("tags", oxbert.ElectraForTokenClassification, {"id2label": {0: "O", 1: "B-A", 2: "I-A"}}),
        ("answers", oxbert.ElectraForQuestionAnswering, {}),
        ("sentences", oxbert.ElectraModel, {}),
    ]:
        kind(oxbert.ElectraConfig(**SIZES, **more), seed=3).save_pretrained(folder / name)
        oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained(folder / name)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "sentences" / "modules.json").write_text(json.dumps(modules))
    (folder / "sentences" / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "sentences" / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def cases(models: Path) -> dict[str, tuple[dict[str, Any], Callable[[list[str]], list[dict[str, Any]]]]]:
    """Return for every task the arguments of a predictor, and what its pipeline gives for texts, as rows."""
    tiny = "electra-tiny-discriminator"

    def ask(*arguments: Any, **options: Any) -> Any:
        return oxbert.pipeline(*arguments, **options)

    def vectors(texts: list[str]) -> list[Any]:
        return list(oxbert.SentenceEncoder.from_pretrained(models / "sentences").encode(texts, normalize=True))

    def ranks(texts: list[str]) -> list[Any]:
        return list(oxbert.CrossEncoder.from_pretrained(models / "score").predict([(text, text) for text in texts]))

    def answers(texts: list[str]) -> list[Any]:
        return ask("question-answering", models / "answers")([{"question": t, "context": t} for t in texts])

    def zero(texts: list[str]) -> list[Any]:
        found = ask("zero-shot-classification", models / "classes", candidate_labels=["a", "the b"])(texts)
        pairs = [[{"label": a, "score": b} for a, b in zip(o["labels"], o["scores"], strict=True)] for o in found]
        return [{**labels[0], "labels": labels} for labels in pairs]

    model = {name: str(models / name) for name in ("classes", "score", "tags", "answers", "sentences")}
    two = {"columns": ["text", "text"]}
    return {
        "fill-mask": (
            {"top_k": 2},
            lambda t: [{"masks": [{"candidates": one}]} for one in ask("fill-mask", top_k=2)(t)],
        ),
        "replaced-token-detection": (
            {"generator": "electra-tiny-generator", "threshold": 0.1, "top_k": 2},
            lambda t: [
                {"words": one}
                for one in ask(
                    "replaced-token-detection", generator="electra-tiny-generator", threshold=0.1, top_k=2
                )(t)
            ],
        ),
        "feature-extraction": (
            {"model": tiny, "pooling": "cls", "normalize": True},
            lambda t: [
                {"vector": one}
                for one in ask("feature-extraction", tiny, pooling="cls", normalize=True, return_tensors="np")(t)
            ],
        ),
        "sentiment-analysis": (
            {"model": model["classes"]},
            lambda t: ask("text-classification", models / "classes")(t),
        ),
        "text-classification": (
            {"model": model["classes"], "top_k": None, **two},
            lambda t: [
                {**one[0], "labels": one}
                for one in ask("text-classification", models / "classes", top_k=None)(
                    [{"text": x, "text_pair": x} for x in t]
                )
            ],
        ),
        "zero-shot-classification": ({"model": model["classes"], "candidate_labels": ["a", "the b"]}, zero),
        "ner": (
            {"model": model["tags"], "aggregation_strategy": "first"},
            lambda t: [{"entities": one} for one in ask("ner", models / "tags", aggregation_strategy="first")(t)],
        ),
        "token-classification": (
            {"model": model["tags"]},
            lambda t: [{"entities": one} for one in ask("ner", models / "tags")(t)],
        ),
        "question-answering": ({"model": model["answers"], **two}, answers),
        "sentence-similarity": (
            {"model": model["sentences"], "normalize": True},
            lambda t: [{"vector": one} for one in vectors(t)],
        ),
        "text-ranking": ({"model": model["score"], **two}, lambda t: [{"score": float(one)} for one in ranks(t)]),
    }  # fmt: skip


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as Arrow reads them back: vectors as lists."""
    return [
        {name: value.tolist() if hasattr(value, "tolist") else value for name, value in row.items()} for row in rows
    ]


# Without a cluster.


def test_every_task_answers_batches_of_every_kind_as_its_pipeline(models: Path) -> None:
    known = cases(models)
    named = {"ner": "token-classification", "sentiment-analysis": "text-classification"}
    assert {named.get(task, task) for task in known} == set(oxbert.pipelines.TASKS) - set(named) | {
        "sentence-similarity",
        "text-ranking",
    }
    table = pa.table({"id": range(len(TEXTS)), "text": TEXTS})
    for task, (arguments, direct) in known.items():
        predict = Predictor(task, **arguments)
        expected = plain(direct(TEXTS))
        found = predict(table)
        assert found.schema == pa.schema([*table.schema, *predict.schema])
        assert found.select(predict.new_columns).to_pylist() == expected, task
        assert predict(table.to_batches()[0]).equals(found)
        assert predict(table.slice(0, 0)).schema == found.schema
        # As pandas and numpy hold them.
        frame = predict(table.to_pandas().set_index("id"))
        assert list(frame.index) == list(range(len(TEXTS)))
        arrays = predict({"text": np.array(TEXTS, object)})
        for name in predict.new_columns:
            for one, other, row in zip(frame[name], arrays[name], expected, strict=True):
                assert same(one, row[name])
                assert same(other, row[name])


def same(found: Any, expected: Any) -> bool:
    """Return whether a value of pandas or numpy is that of a row."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[name], expected[name]) for name in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


def test_rows_without_an_answer_are_errors_or_null() -> None:
    texts = ["a [MASK].", None, "no mask", "[MASK] " * 200, "the [MASK]"]
    table = pa.table({"text": texts})
    with pytest.raises(
        errors.InputError, match=r"^row 1 of the batch: column text: expected a text, got null; pass bad_rows"
    ):
        Predictor("fill-mask")(table)
    predict = Predictor("fill-mask", bad_rows="null", prefix="p_")
    found = predict(table)
    assert found.column_names == ["text", "p_masks", "p_error"]
    assert [one.is_valid for one in found["p_masks"]] == [True, False, False, False, True]
    assert [one is None for one in found["p_error"].to_pylist()] == [True, False, False, False, True]
    expected = oxbert.pipeline("fill-mask")([texts[0], texts[4]])
    masks = [row[0]["candidates"] for row in found["p_masks"].to_pylist() if row is not None]
    assert masks == expected
    # The same of pandas, where a missing value has several forms, and values may be of any type.
    frame = pd.DataFrame({"text": pd.Series(["a [MASK].", None, float("nan"), 3, b"a", pd.NA], dtype=object)})
    assert [isinstance(one, str) for one in predict(frame)["p_error"]] == [False, True, True, True, True, True]
    vectors = Predictor("feature-extraction", "electra-tiny-discriminator", pooling="mean", bad_rows="null")
    arrays = vectors({"text": np.array(["a", None], object)})
    assert arrays["vector"].shape == (2, 192) and np.isnan(arrays["vector"]).all(1).tolist() == [False, True]


def test_invalid_utf8_of_a_file_is_a_bad_row() -> None:
    broken = pa.array([b"fine [MASK]", b"\xff\xfe"], pa.binary()).view(pa.string())
    found = Predictor("fill-mask", bad_rows="null")(pa.table({"text": broken}))
    assert found["error"].to_pylist() == [None, "column text: is not UTF-8 (0xff)"]


def test_a_predictor_pickles_by_its_arguments() -> None:
    import pickle

    predict = Predictor("fill-mask", columns="doc", top_k=1)
    packed = pickle.dumps(predict)
    assert len(packed) < 1000
    table = pa.table({"doc": ["a [MASK]"]})
    assert pickle.loads(packed)(table).equals(predict(table))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "translation"}, "task: expected one of"),
        ({"task": "fill-mask", "top_k": 0}, "top_k"),
        ({"task": "fill-mask", "columns": ["a", "b"]}, r"columns: expected 1 \(text\), got 2"),
        ({"task": "fill-mask", "bad_rows": "skip"}, "bad_rows: expected error or null, got 'skip'"),
        ({"task": "sentence-similarity"}, "model: expected a folder of sentence-transformers, got None"),
        ({"task": "feature-extraction", "model": "electra-tiny-generator", "return_tensors": "np"}, "return_tensors"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.InputError, match=message):
        Predictor(**arguments)


def test_unknown_options_loaded_models_and_missing_columns_are_refused() -> None:
    with pytest.raises(TypeError, match="fill-mask has no option 'beams'"):
        Predictor("fill-mask", beams=3)
    with pytest.raises(errors.DtypeError, match="every process can load"):
        Predictor("fill-mask", oxbert.ElectraForMaskedLM(oxbert.ElectraConfig(**SIZES), seed=0))
    predict = Predictor("fill-mask")
    with pytest.raises(errors.InputError, match="expected a column text in the batch, found a, b"):
        predict(pa.table({"a": ["x"], "b": ["y"]}))
    with pytest.raises(errors.InputError, match="expected a column text in the batch, found 2 of this name"):
        predict(pa.table([["a [MASK]"], ["b [MASK]"]], names=["text", "text"]))
    with pytest.raises(errors.InputError, match="the batch has a column masks already"):
        predict(pa.table({"text": ["a [MASK]"], "masks": [1]}))
    with pytest.raises(errors.DtypeError, match="batch: expected a table of Arrow"):
        predict(["a [MASK]"])


def write(folder: Path, files: int, rows: int, text: str = "a [MASK] %d") -> list[str]:
    """Write files of texts, and return the texts in order."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [text.replace("%d", str(number)) for number in range(files * rows)]
    for number in range(files):
        own = texts[number * rows : (number + 1) * rows]
        table = pa.table({"id": range(number * rows, (number + 1) * rows), "text": own})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=7)
    return texts


def test_inputs_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    write(tmp_path / "in", 1, 3)
    out = tmp_path / "out"
    data = tmp_path / "in"
    for arguments, kind, message in [
        ({"inputs": tmp_path / "nothing"}, errors.InputError, "there is no file or folder"),
        ({"inputs": []}, errors.InputError, "expected Parquet files, found none"),
        ({"inputs": "s4://x/y"}, errors.InputError, "expected a path or a uri of a known kind"),
        ({"inputs": __file__}, errors.DataError, "expected Parquet"),
        ({"columns": "doc"}, errors.DataError, "expected a column doc, found id, text"),
        ({"keep": ["doc"]}, errors.DataError, "expected a column doc, found id, text"),
        ({"output": data.parent}, errors.InputError, "output: expected a folder without the input"),
        ({"output": data}, errors.InputError, "output: expected a folder without the input"),
        ({"rows_per_part": 0}, errors.InputError, "rows_per_part: expected a number of at least 1"),
        ({"num_cpus": 1.5}, errors.InputError, "num_cpus"),
        ({"top_k": 0}, errors.InputError, "top_k"),
    ]:
        with pytest.raises(kind, match=message):
            predict_parquet(**{"inputs": data, "output": out, "task": "fill-mask", **arguments})
    pq.write_table(pa.table({"text": ["a [MASK]"], "masks": [1]}), tmp_path / "clash.parquet")
    with pytest.raises(errors.InputError, match="prefix: expected one that gives new names, or keep without masks"):
        predict_parquet(tmp_path / "clash.parquet", out, "fill-mask")
    pq.write_table(pa.table([["a [MASK]"], ["b"]], names=["text", "text"]), tmp_path / "twice.parquet")
    with pytest.raises(errors.DataError, match="expected one column text, found 2"):
        predict_parquet(tmp_path / "twice.parquet", out, "fill-mask")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("")
    with pytest.raises(errors.InputError, match=r"output: expected a new folder, found notes.txt"):
        predict_parquet(data, tmp_path / "other", "fill-mask")
    assert not out.exists()


# With a cluster.


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a cluster of two CPUs, and join it."""
    # The paths of Ray's sockets must be short.
    folder = tempfile.mkdtemp(prefix="ray")
    pipes = {"stdin": processes.subprocess.PIPE, "stdout": processes.subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", CLUSTER, folder]
    with processes.start(command, env=ENVIRONMENT, cwd=ROOT, **pipes) as process:
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        ray.init(found, log_to_driver=False, logging_level="ERROR")
        ray.data.DataContext.get_current().enable_progress_bars = False
        try:
            yield found
        finally:
            ray.shutdown()
            workers = descendants(process.pid)
    # Workers lead groups of their own, and end when they miss their parent.
    deadline = time.monotonic() + 20
    while (left := [pid for pid in workers if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def descendants(pid: int, name: str = "") -> list[int]:
    """Return the processes below a process, those whose command begins with a name."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            below.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    for one in queue:
        queue += below.get(one, [])
        try:
            if one != pid and Path(f"/proc/{one}/cmdline").read_bytes().decode().startswith(name):
                found.append(one)
        except OSError:
            continue
    return found


class Everything:
    """Answer every task in one actor."""

    def __init__(self, jobs: dict[str, dict[str, Any]]) -> None:
        self.predictors = [Predictor(task, prefix=f"{task} ", **job) for task, job in jobs.items()]

    def __call__(self, table: Any) -> Any:
        for predict in self.predictors:
            table = predict(table)
        threads = [oxbert._native._threads()] * table.num_rows
        return table.append_column("threads", pa.array(threads)).append_column(
            "pid", pa.array([os.getpid()] * len(table))
        )


@pytest.mark.slow
def test_actors_answer_every_task_as_its_pipeline(address: str, models: Path, tmp_path: Path) -> None:
    known = cases(models)
    for number in range(4):
        table = pa.table({"id": range(number * 3, number * 3 + 3), "text": TEXTS[number * 3 : number * 3 + 3]})
        pq.write_table(table, tmp_path / f"{number}.parquet")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        made = ray.data.read_parquet(str(tmp_path)).map_batches(
            Everything,
            fn_constructor_args=[{task: arguments for task, (arguments, _) in known.items()}],
            batch_format="pyarrow",
            num_cpus=0.5,
            compute=ray.data.ActorPoolStrategy(size=2),
        )
        rows = sorted(made.take_all(), key=lambda row: row["id"])
    finally:
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert [row["id"] for row in rows] == list(range(len(TEXTS)))
    assert {row["threads"] for row in rows} == {1}
    for task, (_, direct) in known.items():
        start = f"{task} "
        found = [{name.removeprefix(start): row[name] for name in row if name.startswith(start)} for row in rows]
        for one, expected in zip(found, plain(direct(TEXTS)), strict=True):
            assert same(one, expected), task


@pytest.mark.slow
def test_parts_are_complete_and_a_second_call_has_nothing_to_do(address: str, tmp_path: Path) -> None:
    data, out = tmp_path / "in", tmp_path / "out"
    texts = write(data, 2, 20)
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "text": pa.array([], pa.string())}), data / "9.parquet")
    pq.write_table(pa.table({"text": ["[MASK] " * 200, None], "id": [40, 41]}), data / "3.parquet")
    arguments: dict[str, Any] = {
        "inputs": data, "output": out.as_uri(), "task": "fill-mask", "bad_rows": "null", "keep": ["id"], "top_k": 1,
        "rows_per_part": 8, "batch_size": 3, "num_cpus": 2,
    }  # fmt: skip
    # A bad row stops a run that does not count them, and what was written stays.
    with pytest.raises(errors.DataError, match=r"3.parquet, record 1: .*; pass bad_rows"):
        predict_parquet(**{**arguments, "bad_rows": "error"})
    assert (out / "_oxbert.json").exists() and len(list(out.glob("part-*"))) < 8
    assert not list(out.glob(".part-*"))

    with pytest.raises(errors.InputError, match="was written with bad_rows = 'error', got 'null'"):
        predict_parquet(**arguments)
    (out / ".part-left.new").write_bytes(b"half")
    report = predict_parquet(**arguments, overwrite=True)
    assert (report.rows, report.bad_rows, report.parts, report.found) == (42, 2, 8, 0)
    assert not list(out.glob(".part-*"))
    table = pq.read_table(out)
    assert table.column_names == ["id", "masks", "error"]
    assert table["id"].to_pylist() == list(range(42))
    expected = oxbert.pipeline("fill-mask", top_k=1)(texts)
    assert [row[0]["candidates"] for row in table["masks"].to_pylist()[:40]] == expected
    assert sum(one is not None for one in table["error"].to_pylist()) == 2
    report = predict_parquet(**arguments)
    assert (report.rows, report.bad_rows, report.parts, report.found) == (42, 2, 8, 8)

    # What the parts were made of may not change.
    for change, message in [
        ({"top_k": 2}, "was written with top_k = 1, got 2"),
        ({"precision": "int8"}, "was written with precision"),
        ({"rows_per_part": 9}, "was written with rows_per_part = 8, got 9"),
        ({"model": "electra-tiny-generator"}, "was written with model = None"),
    ]:
        with pytest.raises(errors.InputError, match=message):
            predict_parquet(**{**arguments, **change})
    pq.write_table(pa.table({"id": [1], "text": ["a [MASK]"]}), data / "4.parquet")
    with pytest.raises(errors.InputError, match=r"has a new or changed file .*4.parquet"):
        predict_parquet(**arguments)
    (data / "4.parquet").unlink()
    (sorted(out.glob("part-*"))[0]).write_bytes(b"")
    with pytest.raises(errors.DataError, match=r"part-000000-000000.parquet: expected Parquet"):
        predict_parquet(**arguments)


def wait_for_parts(folder: Path, count: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = len(list(folder.glob("part-*.parquet")))
        if found >= count:
            return found
        time.sleep(0.002)
    raise AssertionError(f"{folder} has fewer than {count} parts")


def check(folder: Path, texts: list[str]) -> None:
    """Check that an output has every row once, in order, with the vectors of a pipeline."""
    table = pq.read_table(folder)
    assert table["id"].to_pylist() == list(range(len(texts)))
    sample = range(0, len(texts), 97)
    embed = oxbert.pipeline("feature-extraction", "electra-tiny-discriminator", return_tensors="np", pooling="mean")
    found = np.stack(table["vector"].combine_chunks().to_numpy(zero_copy_only=False))
    assert np.array_equal(found[list(sample)], np.stack(embed([texts[row] for row in sample])))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """Write the input of a run of 60 parts, which is long enough to be stopped half-way."""
    folder = tmp_path_factory.mktemp("many")
    texts = write(folder, 3, 160, f"{LONG} %d")
    arguments = {
        "inputs": str(folder), "task": "feature-extraction", "model": "electra-tiny-discriminator", "pooling": "mean",
        "rows_per_part": 8, "keep": ["id"],
    }  # fmt: skip
    return arguments, texts


@pytest.mark.slow
def test_the_loss_of_a_worker_loses_and_repeats_nothing(
    address: str, many: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    arguments, texts = many
    killed: list[tuple[int, int]] = []

    def kill() -> None:
        found = wait_for_parts(tmp_path, 10)
        raylet = next(int(e.name) for e in Path("/proc").iterdir() if e.name.isdigit() and is_raylet(e, address))
        worker = descendants(raylet, "ray::MapWorker")[0]
        os.kill(worker, signal.SIGKILL)
        killed.append((worker, found))

    thread = threading.Thread(target=kill)
    thread.start()
    report = predict_parquet(output=tmp_path, **arguments)
    thread.join()
    [(_, found)] = killed
    assert 10 <= found < report.parts == 60
    assert report.rows == len(texts) and report.found == 0
    assert not list(tmp_path.glob(".part-*"))
    check(tmp_path, texts)


def is_raylet(entry: Path, address: str) -> bool:
    try:
        command = (entry / "cmdline").read_bytes().decode()
    except OSError:
        return False
    return "raylet/raylet" in command and f"={address}\0" in command


@pytest.mark.slow
def test_a_second_call_completes_what_a_killed_driver_has_left(
    address: str, many: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    arguments, texts = many
    words = json.dumps({**arguments, "output": str(tmp_path)})
    quiet = {"stdout": processes.subprocess.DEVNULL, "stderr": processes.subprocess.DEVNULL}
    with processes.start([sys.executable, "-c", DRIVER, address, words], env=ENVIRONMENT, cwd=ROOT, **quiet):
        wait_for_parts(tmp_path, 10)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    report = predict_parquet(output=tmp_path, **arguments)
    assert 10 <= report.found < report.parts == 60
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    assert all(after[name] == stamp for name, stamp in before.items())
    check(tmp_path, texts)


@pytest.mark.slow
def test_pre_training_under_ray_train_computes_the_steps_of_one_process(address: str, tmp_path: Path) -> None:
    """Run examples/ray_train.py on two workers."""
    from oxbert.training import pretrain

    (tmp_path / "text").write_text("\n".join(f"Return the {word} of node {n}." for n in range(60) for word in "abcd"))
    command = [sys.executable, ROOT / "examples" / "ray_train.py", tmp_path / "text", tmp_path / "out", "--steps", 4]
    done = processes.run(command, env=ENVIRONMENT | {"RAY_ADDRESS": address}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"^step 4, loss \d+\.\d\d, 2 workers, in ", done.stdout, re.MULTILINE), done.stdout
    pretrain(
        tmp_path / "out" / "examples", tmp_path / "alone", "tiny", discriminator="electra-tiny-discriminator",
        generator="electra-tiny-generator", untied_generator=True, generator_steps=0, short_steps=0, train_steps=4, warmup_steps=0,
        batch_size=8, save_every=5, max_length=128,
        progress=False,
    )  # fmt: skip
    losses = [
        [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (tmp_path / "out" / "run", tmp_path / "alone")
    ]
    assert len(losses[0]) == 4
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
