"""Test TFRecord files of google-research/electra: reading and writing like TensorFlow, and damage."""

from __future__ import annotations

import pickle
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oxbert._native import _TFRecordFile
from oxbert.errors import DataError, FileError, IdRangeError, InputError
from oxbert.training.data import TFRecordDataset

from .pretrain_data_reference import Original, Row, corpus, ids, unpadded

LENGTH = 24


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Write twelve files in turn, like the original, and return the folder and the examples in file order."""
    tf = pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("tfrecords")
    made = list(Original(LENGTH, random.Random(0), ids).files({"a": corpus(40)}, True))
    files: list[list[Row]] = [[] for _ in range(12)]
    writers = [tf.io.TFRecordWriter(str(folder / f"pretrain_data.tfrecord-{number}-of-12")) for number in range(12)]
    for number, example in enumerate(made):
        features = {
            name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
            for name, values in zip(("input_ids", "input_mask", "segment_ids"), example, strict=True)
        }
        # The last file stays empty, as files of a small corpus do.
        place = number % 11
        writers[place].write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        files[place].append(unpadded(example))
    for writer in writers:
        writer.close()
    return folder, [row for file in files for row in file]


def test_files_of_tensorflow_are_read(written: tuple[Path, list[Row]]) -> None:
    folder, expected = written
    dataset = TFRecordDataset(folder, vocab_size=2000)
    assert len(dataset) == len(expected) > 200 and dataset.max_length == LENGTH
    # Files are sorted by number, so 2 comes before 10.
    assert [path.name.split("-")[1] for path in dataset.paths] == [str(number) for number in range(12)]
    assert [(tuple(row["input_ids"].tolist()), row["first_segment"]) for row in dataset] == expected
    assert dataset[5]["input_ids"].dtype == np.int32
    some = TFRecordDataset([folder / "pretrain_data.tfrecord-3-of-12", str(folder / "*-1-of-12")])
    assert len(some) == sum(len(TFRecordDataset(path)) for path in some.paths)
    copied = pickle.loads(pickle.dumps(dataset))
    assert (copied[-1]["input_ids"] == dataset[-1]["input_ids"]).all()
    batch = next(dataset.iter_batches(8, seed=1, length=LENGTH))
    index = dataset.batch_indices(0, 8, seed=1)
    assert [tuple(row[row != 0].tolist()) for row in batch["input_ids"]] == [expected[one][0] for one in index]


def test_tensorflow_reads_files_of_oxbert(written: tuple[Path, list[Row]], tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / "ours.tfrecord"
    _, examples = written
    _TFRecordFile.write(path, [(list(ids), first) for ids, first in examples], LENGTH)
    names = ("input_ids", "input_mask", "segment_ids")
    features = {name: tf.io.FixedLenFeature([LENGTH], tf.int64) for name in names}
    records = tf.data.TFRecordDataset(str(path)).map(lambda record: tf.io.parse_single_example(record, features))
    found = [tuple(tuple(record[name].tolist()) for name in names) for record in records.as_numpy_iterator()]
    assert [unpadded(record) for record in found] == examples
    assert all(len(column) == LENGTH for record in found for column in record)
    dataset = TFRecordDataset(path)
    assert [(tuple(row["input_ids"].tolist()), row["first_segment"]) for row in dataset] == examples
    file, content = _TFRecordFile(path), path.read_bytes()
    places, lengths = file.places()
    assert [content[place : place + length] for place, length in zip(places, lengths, strict=True)] == cut(content)
    with pytest.raises(IdRangeError, match="record"):
        file.read(len(file))
    for example, what in [
        (([2] * (LENGTH + 1), 2), "max_length"),
        (([2, 3], 1), "first_segment"),
        (([2, -1], 2), "ids"),
    ]:
        with pytest.raises(InputError, match=what):
            _TFRecordFile.write(path, [example], LENGTH)
    assert path.read_bytes() == content
    with pytest.raises(FileError):
        _TFRecordFile.write(tmp_path / "none" / "x.tfrecord", [], LENGTH)
    (tmp_path / "folder.tfrecord").mkdir()
    with pytest.raises(FileError, match="expected a regular file, got a folder"):
        TFRecordDataset(tmp_path)


def test_every_changed_byte_is_detected(written: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, _ = written
    data = (folder / "pretrain_data.tfrecord-0-of-12").read_bytes()
    records = cut(data)[:3]
    whole = b"".join(map(frame, records))
    path = tmp_path / "damaged.tfrecord"
    chance = random.Random(0)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(DataError) as caught:
            list(TFRecordDataset(path))
        assert caught.value.path == str(path)  # type: ignore[attr-defined]
        ends = np.cumsum([len(frame(record)) for record in records])
        record = int(np.searchsorted(ends, place, side="right"))
        assert caught.value.record == record  # type: ignore[attr-defined]
        assert caught.value.byte == [0, *ends][record]  # type: ignore[attr-defined]
        assert f"{path}, record {record}: " in str(caught.value) and "checksum" in caught.value.reason  # type: ignore[attr-defined]
    starts = {0, *np.cumsum([len(frame(record)) for record in records]).tolist()}
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length in starts:
            assert len(TFRecordDataset(path)) == sorted(starts).index(length)
            continue
        with pytest.raises(DataError, match=f"record {sum(start <= length for start in starts) - 1}: the file ends"):
            TFRecordDataset(path)


def test_changed_records_give_an_example_or_a_data_error(written: tuple[Path, list[Row]], tmp_path: Path) -> None:
    """Change the content of records, and make the checksums match."""
    [record] = cut((written[0] / "pretrain_data.tfrecord-0-of-12").read_bytes())[:1]
    path = tmp_path / "strange.tfrecord"
    chance = random.Random(1)
    for number in range(400):
        changed = bytearray(record)
        for _ in range(1 + number % 3):
            changed[chance.randrange(len(changed))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        changed = changed[: chance.choice([len(changed), chance.randrange(len(changed))])]
        path.write_bytes(frame(bytes(changed)))
        try:
            [row] = TFRecordDataset(path)
        except DataError as error:
            assert error.record == 0 and "\n" not in str(error)  # type: ignore[attr-defined]
        else:
            assert 2 <= row["first_segment"] <= len(row["input_ids"])


def feature(name: str, values: list[int], *, is_packed: bool = True, kind: int = 3) -> bytes:
    numbers = b"".join(b"" if is_packed else b"\x08" + varint(value) for value in values)
    packed = b"".join(varint(value) for value in values)
    inner = field(1, packed) if is_packed else numbers
    return field(1, field(1, name.encode()) + field(2, field(kind, inner)))


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def frame(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def masked(data: bytes) -> bytes:
    """Return the masked checksum of some bytes by the definition of CRC-32C."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ 0x82F63B78 * (state & 1)
    state ^= 0xFFFFFFFF
    return struct.pack("<I", ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def cut(data: bytes) -> list[bytes]:
    found = []
    while data:
        (length,) = struct.unpack_from("<Q", data)
        found.append(data[12 : 12 + length])
        data = data[16 + length :]
    return found


def test_hand_written_records_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.tfrecord"

    def read(**options: Any) -> Any:
        lists = {"input_ids": [2, 7, 3, 300, 3, 0], "input_mask": [1, 1, 1, 1, 1, 0], "segment_ids": [0, 0, 0, 1, 1, 0]}
        settings = {name: options.pop(name) for name in ("is_packed", "kind") if name in options}
        vocab_size = options.pop("vocab_size", None)
        entries = [
            feature(name, values, **settings) for name, values in (lists | options).items() if values is not None
        ]
        path.write_bytes(frame(field(1, b"".join(entries))))
        return TFRecordDataset(path, vocab_size=vocab_size)[0]

    for is_packed in (True, False):
        row = read(is_packed=is_packed)
        assert (row["input_ids"].tolist(), row["first_segment"]) == ([2, 7, 3, 300, 3], 3)
    # The shortest valid first segment is [CLS] [SEP].
    for mask_, segments, first in [([1, 1, 0, 0, 0, 0], [0] * 6, 2), ([1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0], 2)]:
        row = read(input_mask=mask_, segment_ids=segments)
        assert (row["input_ids"].tolist(), row["first_segment"]) == ([2, 7, 3, 300, 3][: sum(mask_)], first)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"segment_ids": None}, "has no segment_ids"), ({"kind": 2}, "is not a list of integers"),
        ({"input_ids": [2, 3]}, "different lengths: 2, 6, 6"), ({"input_ids": [-2, 7, 3, 3, 3, 0]}, "outside 0 to"),
        ({"input_ids": [1 << 31, 7, 3, 3, 3, 0]}, "outside 0 to"), ({"vocab_size": 300}, "outside 0 to 299"),
        ({"input_mask": [1, 1, 0, 1, 1, 1]}, "one or two segments"), ({"input_mask": [0] * 6}, "one or two segments"),
        ({"input_mask": [2, 1, 1, 1, 0, 0]}, "one or two segments"),
        ({"segment_ids": [1] * 6}, "one or two segments"), ({"segment_ids": [1, 1, 1, 1, 1, 0]}, "one or two segments"),
        ({"segment_ids": [0, 1, 1, 1, 1, 0]}, "one or two segments"),
        ({"input_mask": [1, 0, 0, 0, 0, 0], "segment_ids": [0] * 6}, "one or two segments"), ({"segment_ids": [0, 0, 0, 1, 0, 1]}, "one or two segments"),
        ({"input_ids": [], "input_mask": [], "segment_ids": []}, "empty list"),
    ]  # fmt: skip
    for options, reason in cases:
        with pytest.raises(DataError, match=reason):
            read(**options)
    path.write_bytes(frame(b""))
    with pytest.raises(DataError, match="has no input_ids, input_mask, segment_ids"):
        TFRecordDataset(path)
    # A huge length with a matching checksum.
    length = struct.pack("<Q", 1 << 60)
    path.write_bytes(length + frame(length)[-4:] + b"x" * 100)
    with pytest.raises(DataError, match=r"the file ends .* expected 1152921504606846976 bytes of data"):
        TFRecordDataset(path)
    with pytest.raises(InputError, match="found none"):
        TFRecordDataset(tmp_path / "*.none" if (tmp_path / "empty").mkdir() else tmp_path / "empty")
    path.write_bytes(b"")
    assert len(TFRecordDataset(path)) == 0


def test_a_fingerprint_identifies_the_records(written: tuple[Path, list[Row]], tmp_path: Path) -> None:
    _, examples = written
    found = []
    for name, rows in {"all": examples, "again": examples, "fewer": examples[1:]}.items():
        (tmp_path / name).mkdir()
        _TFRecordFile.write(tmp_path / name / "a.tfrecord", [(list(ids), first) for ids, first in rows], LENGTH)
        found.append(TFRecordDataset(tmp_path / name).fingerprint)
    assert found[0] == found[1] != found[2]
