"""Test reading examples as batches, the command, and the snippets of the documentation."""

from __future__ import annotations

import pickle
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oxbert
from oxbert.errors import IdRangeError, InputError
from oxbert.training.data import ExampleDataset, collate, write_examples

from .pretrain_data_reference import VOCABULARY, content, corpus, rows, tokenizer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(corpus(400), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "out"
    write_examples(source, folder, tokenizer(), max_length=32, part_tokens=20_000, seed=7)
    return folder


def test_items_are_arrays_of_their_own(folder: Path) -> None:
    dataset = ExampleDataset(folder)
    row = dataset[len(dataset) // 2]
    assert row["input_ids"].dtype == np.int32 and type(row["first_segment"]) is int
    row["input_ids"][:] = 0  # rows have their own memory
    assert dataset[len(dataset) // 2]["input_ids"][0] == 2
    assert (dataset[-1]["input_ids"] == dataset[len(dataset) - 1]["input_ids"]).all()
    for index in (len(dataset), -len(dataset) - 1):
        with pytest.raises(IdRangeError, match="outside") as caught:
            dataset[index]
        assert caught.value.details == {"what": "example", "value": index, "position": None, "limit": len(dataset)}
    copied = pickle.loads(pickle.dumps(dataset))
    assert len(pickle.dumps(dataset)) < 20_000 and repr(copied) == repr(dataset)
    assert all((one["input_ids"] == two["input_ids"]).all() for one, two in zip(dataset, copied, strict=True))


def test_batches_are_a_function_of_the_step(folder: Path) -> None:
    dataset, other = ExampleDataset(folder), ExampleDataset(folder, verify=False)
    count, size = len(dataset), 37
    steps = 3 * count // size + 1
    all_batches = [dataset.batch_indices(step, size, seed=5) for step in range(steps)]
    assert all(len(batch) == size for batch in all_batches)
    # Steps in any order and from any process.
    for step in random.Random(0).sample(range(steps), 20):
        assert (other.batch_indices(step, size, seed=5) == all_batches[step]).all()
        shards = [other.batch_indices(step, size, seed=5, rank=rank, world=4) for rank in range(4)]
        assert sorted(np.concatenate(shards)) == sorted(all_batches[step])
        assert all((shard == all_batches[step][rank::4]).all() for rank, shard in enumerate(shards))
    assert next(iter(dataset.iter_batches(size, start=5, stop=2)), None) is None
    with pytest.raises(InputError, match=r"rank: expected 0 to world - 1 = 3, got 4"):
        dataset.batch_indices(0, size, rank=4, world=4)
    taken = np.concatenate(all_batches)
    epochs = [taken[epoch * count : (epoch + 1) * count] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert not (epochs[0] == epochs[1]).all()
    assert [(epochs[epoch] == dataset.order(epoch, 5)).all() for epoch in range(3)] == [True] * 3
    assert not (dataset.order(0, 6) == dataset.order(0, 5)).all()
    # A batch larger than the dataset.
    assert sorted(dataset.batch_indices(1, 2 * count)) == sorted([*range(count)] * 2)
    batches = list(dataset.iter_batches(size, seed=5, start=4, stop=6))
    for step, batch in zip((4, 5), batches, strict=True):
        for row, index in zip(batch["input_ids"], all_batches[step], strict=True):
            assert (row[: len(dataset[index]["input_ids"])] == dataset[index]["input_ids"]).all()


def test_the_order_of_examples_is_fixed(folder: Path) -> None:
    """Fix the order, because a resumed training would otherwise see some examples twice."""
    dataset = ExampleDataset(folder)
    dataset._begins = np.array([0, 8])
    assert dataset.order(0, seed=0).tolist() == [6, 3, 5, 0, 7, 2, 1, 4]
    assert dataset.order(3, seed=1).tolist() == [4, 7, 6, 5, 0, 3, 1, 2]


def test_models_and_data_loaders_take_batches(folder: Path) -> None:
    import torch

    dataset = ExampleDataset(folder)
    model = oxbert.ElectraForPreTraining(
        oxbert.ElectraConfig(
            vocab_size=dataset.manifest.vocabulary.size, embedding_size=4, hidden_size=4, num_hidden_layers=1,
            num_attention_heads=1, intermediate_size=4, max_position_embeddings=32,
        )
    )  # fmt: skip
    [batch] = dataset.iter_batches(3, stop=1, length=32)
    assert model(**batch).logits.shape == (3, 32)
    types = [np.repeat([0, 1, 0], [first, len(row) - first, 32 - len(row)]) for row, first in rows(folder)]
    index = dataset.batch_indices(0, 3)
    assert (batch["token_type_ids"] == np.stack([types[one] for one in index])).all()
    loader = torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=0, collate_fn=collate)
    assert next(iter(loader))["input_ids"].shape[0] == 4
    with pytest.raises(InputError, match="length"):
        collate([dataset[0]], length=2)


def test_batches_of_a_process_are_padded_with_the_id_of_the_vocabulary(folder: Path) -> None:
    dataset = ExampleDataset(folder)
    dataset.pad_token_id = 7
    for rank in range(3):
        [batch] = dataset.iter_batches(10, seed=2, start=1, stop=2, rank=rank, world=3, length=32)
        index = dataset.batch_indices(1, 10, seed=2)[rank::3]
        assert batch["input_ids"].shape == (len(index), 32)
        for row, example in zip(batch["input_ids"], dataset.take(index), strict=True):
            ids = example["input_ids"]
            assert (row[: len(ids)] == ids).all() and (row[len(ids) :] == 7).all()
    for what, arguments in [("epoch", (-1, 0)), ("seed", (0, -1))]:
        with pytest.raises(InputError, match=f"{what}: expected 0 or more, got -1"):
            dataset.order(*arguments)
    # The order is kept for the next batch.
    with pytest.raises(ValueError, match="read-only"):
        dataset.order(0)[0] = 1


# The command.


def command(*arguments: object) -> Any:
    import typer
    from typer.testing import CliRunner

    from oxbert.cli.pretrain_data import pretrain_data

    app = typer.Typer()
    app.command()(pretrain_data)
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_command_writes_the_same_examples(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command(source, "-o", tmp_path / "one", "--vocab", VOCABULARY, "--max-length", 32, "--held-out", 0.1,
                   "--short", 0.5, "--single-segment", 0.3)  # fmt: skip
    assert done.exit_code == 0 and "400 documents" in done.output and "of 400 documents (" in done.output
    write_examples(source, tmp_path / "two", tokenizer(), max_length=32, held_out=0.1, short=0.5, single_segment=0.3)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    done = command(source, "-o", tmp_path / "three", "--vocab-size", 60, "--quiet", "--no-lower-case", "--exact")
    assert done.exit_code == 0 and not done.output and ExampleDataset(tmp_path / "three").manifest.options["exact"]
    done = command(tmp_path / "none.txt", "-o", tmp_path / "four", "--vocab", VOCABULARY)
    assert done.exit_code == 1 and "none.txt: there is no such file" in done.output
    assert command(source, "-o", tmp_path / "four").exit_code == 2

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("oxbert.training.data.write_examples", stop)
    done = command(source, "-o", tmp_path / "four", "--vocab", "electra-tiny-generator")
    assert done.exit_code == 130 and "the same command continues" in done.output


@pytest.mark.parametrize("share", [0.2, 1e-9])
def test_each_folder_counts_its_own_documents(share: float, source: Path, tmp_path: Path) -> None:
    done = command(source, "-o", tmp_path / "out", "--vocab", VOCABULARY, "--held-out", share)
    kept, held = (ExampleDataset(tmp_path / "out" / name).manifest for name in (".", "held_out"))
    assert kept.documents + held.documents == 400 and (held.documents > 0) == (share == 0.2)
    assert f"held out {held.documents} of 400 documents ({held.documents / 400:.2%})" in done.output
    assert f"{held.examples} examples, {held.tokens} tokens, in {tmp_path / 'out' / 'held_out'}" in done.output
    assert ("nothing is held out" in done.output) == (share != 0.2)


def test_the_snippets_of_the_document_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    document = (ROOT / "docs/pretraining-data.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    assert blocks
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/pretraining-data.md, block {number + 1}", "exec"), names)
