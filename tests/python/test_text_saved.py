"""Test that saved, pickled and copied tokenizers are equal, for oxbert and for transformers."""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

import oxbert
from oxbert.errors import ConfigError, FileError, InputError, OxbertError, TokenizerError

from .test_text_added import FLAGS, flags
from .text_reference import VOCABULARY, WORDS, compare, fresh

ADDED = [
    ("<x>", False, True, False, False, True),
    ("newtok", True, False, False, True, False),
    ("Caf\xe9", False, False, True, True, True),
    ("word", False, False, False, False, False),
    ("\U0001f600 \u4e2d", False, True, True, False, False),
]
TEXTS = [
    "a <x> newtok Caf\xe9 b word <s1>",
    "NEWTOK cafe\u0301 [MASK] the Words",
    "\U0001f600 \u4e2d<x>",
    "x" * 200,
    "",
]
SIDES = {"padding_side": "left", "truncation_side": "left", "model_max_length": 20}


def made(**settings: Any) -> tuple[Any, Any]:
    ours, theirs = fresh(**settings)
    for tokenizer in (ours, theirs):
        tokens = [
            transformers.AddedToken(content, **dict(zip(FLAGS, values, strict=True))) for content, *values in ADDED
        ]
        assert tokenizer.add_tokens(tokens) == len(ADDED)
        assert tokenizer.add_special_tokens({"additional_special_tokens": ["<s1>"]}) == 1
    return ours, theirs


def assert_same(one: Any, other: Any, settings: bool = True) -> None:
    """Check that two tokenizers give the assert_same encodings and have the assert_same tokens and settings."""
    for text in (TEXTS, TEXTS[0]):
        assert dict(one(text, padding=True)) == dict(other(text, padding=True))
    assert {id: flags(token) for id, token in one.added_tokens_decoder.items()} == {
        id: flags(token) for id, token in other.added_tokens_decoder.items()
    }
    assert (len(one), one.vocab_size) == (len(other), other.vocab_size)
    ids = sorted(one.get_added_vocab().values()) + list(range(min(8, len(one))))
    assert one.convert_ids_to_tokens(ids) == other.convert_ids_to_tokens(ids)
    assert one.decode(ids, skip_special_tokens=True) == other.decode(ids, skip_special_tokens=True)
    if settings:
        assert one.do_lower_case == other.do_lower_case
        for name in SIDES:
            assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("sides", [SIDES, {"model_max_length": 7}])
def test_oxbert_and_transformers_read_saved_tokenizers(lower: bool, sides: dict[str, Any], tmp_path: Path) -> None:
    options = {"do_lower_case": lower, "strip_accents": not lower, "tokenize_chinese_chars": lower}
    ours, theirs = made(**options, **sides)
    paths = ours.save_pretrained(tmp_path / "new" / "folder")
    assert [Path(path).name for path in paths] == ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]
    assert all(Path(path).is_file() for path in paths)
    folder = tmp_path / "new" / "folder"
    assert_same(oxbert.ElectraTokenizer.from_pretrained(folder), ours)
    assert_same(transformers.BertTokenizer.from_pretrained(folder), ours)
    assert_same(transformers.AutoTokenizer.from_pretrained(folder), ours)
    assert_same(ours, theirs)
    compare(
        oxbert.ElectraTokenizer.from_pretrained(str(folder)), transformers.BertTokenizer.from_pretrained(folder), TEXTS
    )
    # Saving again changes nothing.
    oxbert.ElectraTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for path in paths:
        assert Path(path).read_bytes() == (tmp_path / "again" / Path(path).name).read_bytes()


@pytest.mark.parametrize("lower", [True, False])
def test_tokenizers_saved_by_transformers_load(lower: bool, tmp_path: Path) -> None:
    options = {"do_lower_case": lower, "strip_accents": not lower, "tokenize_chinese_chars": lower}
    _, theirs = made(**options, **SIDES)
    theirs.save_pretrained(tmp_path)
    # transformers 5 does not save vocab.txt.
    assert {path.name for path in tmp_path.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    ours = oxbert.ElectraTokenizer.from_pretrained(tmp_path)
    assert_same(ours, theirs)
    compare(ours, theirs, TEXTS)
    ours.save_pretrained(tmp_path / "back")
    assert_same(transformers.BertTokenizer.from_pretrained(tmp_path / "back"), theirs)
    # tokenizer.json repeats the settings.
    (tmp_path / "tokenizer_config.json").unlink()
    alone = oxbert.ElectraTokenizer.from_pretrained(tmp_path)
    alone.padding_side, alone.truncation_side, alone.model_max_length = "left", "left", 20
    assert_same(alone, theirs)


def test_the_other_family_reads_the_same_folder(tmp_path: Path) -> None:
    ours, _ = made(do_lower_case=False)
    ours.save_pretrained(tmp_path)
    mine, theirs = (library.DistilBertTokenizer.from_pretrained(tmp_path) for library in (oxbert, transformers))
    assert mine.model_input_names == theirs.model_input_names == ["input_ids", "attention_mask"]
    assert list(mine("the <x>")) == list(theirs("the <x>")) == ["input_ids", "attention_mask"]
    assert_same(mine, theirs, settings=False)


def test_duplicate_and_empty_lines_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*WORDS[:8], "the", "twice", "", "twice", "last", "  ", "word"]), "utf-8")
    ours = oxbert.ElectraTokenizer(path)
    ours.save_pretrained(tmp_path / "saved")
    again = oxbert.ElectraTokenizer.from_pretrained(tmp_path / "saved")
    assert again.get_vocab() == ours.get_vocab()
    assert pickle.loads(pickle.dumps(ours)).get_vocab() == ours.get_vocab()
    assert_same(transformers.BertTokenizer.from_pretrained(tmp_path / "saved"), again, settings=False)


@pytest.mark.parametrize("family", ["Electra", "DistilBert"])
@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "deepcopy", "pickle"]
)
def test_copies_are_equal_and_independent(family: str, way: Any) -> None:
    ours, _ = fresh(family, do_lower_case=False, **SIDES)
    ours.add_tokens([oxbert.AddedToken(content, **dict(zip(FLAGS, values, strict=True))) for content, *values in ADDED])
    other = way(ours)
    assert type(other) is type(ours) is getattr(oxbert, f"{family}Tokenizer")
    assert_same(other, ours)
    # The copy is independent.
    other.add_tokens(["<later>"])
    other.padding_side = "right"
    assert len(other) == len(ours) + 1 and ours.padding_side == "left"
    assert "<later>" not in ours.get_vocab()


def test_bad_states_are_refused() -> None:
    for state in (b"", b"{", b"[]", b'{"model": {"type": "BPE"}}', b'{"model": {"vocab": {"a": 1}}}'):
        with pytest.raises(OxbertError):
            oxbert.ElectraTokenizer._restore(state)
    with pytest.raises(TokenizerError):
        oxbert.ElectraTokenizer._restore(b"nonsense")


def test_unwritable_targets_are_errors(tmp_path: Path) -> None:
    ours, _ = fresh()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FileError):
        ours.save_pretrained(tmp_path / "file")
    with pytest.raises(FileError):
        ours.save_pretrained(tmp_path / "file" / "folder")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_token_with_a_line_break_is_saved_only_as_an_added_token(tmp_path: Path) -> None:
    """Save it as an added token, and refuse to write it as a line of vocab.txt."""
    ours, _ = fresh()
    ours.add_tokens(["two\nlines", " space "])
    ours.save_pretrained(tmp_path)
    assert_same(oxbert.ElectraTokenizer.from_pretrained(tmp_path), ours)
    assert VOCABULARY.read_bytes() == (tmp_path / "vocab.txt").read_bytes()
    folder = tmp_path / "json"
    folder.mkdir()
    words = {word: number for number, word in enumerate([*WORDS, "two\nlines"])}
    transformers.BertTokenizer(vocab=words).save_pretrained(folder)
    whole = oxbert.ElectraTokenizer.from_pretrained(folder)
    assert whole.convert_tokens_to_ids("two\nlines") == len(WORDS)
    assert pickle.loads(pickle.dumps(whole)).get_vocab() == whole.get_vocab()
    with pytest.raises(TokenizerError, match=r"vocab\.txt"):
        whole.save_pretrained(tmp_path / "refused")


def folder_with(path: Path, name: str, content: str) -> Path:
    shutil.copy(VOCABULARY, path / "vocab.txt")
    (path / name).write_text(content, "utf-8")
    return path


X = '{"content": "<x>", "lstrip": true, "rstrip": false, "single_word": false, "normalized": false, "special": true}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", '{"additional_special_tokens": ["<x>"]}'),
        ("tokenizer_config.json", '{"extra_special_tokens": ["<x>"]}'),
        ("tokenizer_config.json", '{"extra_special_tokens": {"image_token": "<x>"}}'),
        ("special_tokens_map.json", '{"additional_special_tokens": ["<x>", "the"]}'),
        ("added_tokens.json", f'{{"<x>": {len(WORDS)}, "<y>": {len(WORDS) + 1}}}'),
        ("tokenizer_config.json", f'{{"added_tokens_decoder": {{"{len(WORDS)}": {X}}}}}'),
    ],
)
def test_added_tokens_of_every_file_match_transformers(name: str, content: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, name, content)
    ours, theirs = oxbert.ElectraTokenizer.from_pretrained(folder), transformers.BertTokenizer.from_pretrained(folder)
    assert ours.convert_tokens_to_ids("<x>") == len(WORDS)
    assert_same(ours, theirs, settings=False)
    compare(ours, theirs, ["the  <x> a<y>", "<X>"])


def test_an_id_beyond_the_vocabulary_is_kept(tmp_path: Path) -> None:
    """Keep the id of the file; transformers assigns the next free id, which the model does not use."""
    folder = folder_with(tmp_path, "added_tokens.json", '{"<x>": 8192}')
    ours, theirs = oxbert.ElectraTokenizer.from_pretrained(folder), transformers.BertTokenizer.from_pretrained(folder)
    assert (ours("<x>")["input_ids"], theirs("<x>")["input_ids"]) == ([5, 8192, 6], [5, len(WORDS), 6])
    assert len(ours) == len(theirs) == len(WORDS) + 1


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [
        ("tokenizer_config.json", '{"added_tokens_decoder": {"7": {"content": "<x>"}}}', "added_tokens_decoder"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"x": {"content": "<x>"}}}', "added_tokens_decoder"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"312": 5}}', "added_tokens_decoder"),
        ("tokenizer_config.json", '{"added_tokens_decoder": []}', "added_tokens_decoder"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"312": {"content": "<x>", "lstrip": "yes"}}}', "lstrip"),
        ("tokenizer_config.json", '{"padding_side": "up"}', "padding_side"),
        ("tokenizer_config.json", '{"truncation_side": 1}', "truncation_side"),
        ("tokenizer_config.json", '{"do_lower_case": "yes"}', "do_lower_case"),
        ("tokenizer_config.json", '{"model_max_length": -5}', "model_max_length"),
        ("tokenizer_config.json", '{"cls_token": "<cls>"}', "cls_token"),
        ("special_tokens_map.json", '{"additional_special_tokens": 5}', "additional_special_tokens"),
        ("special_tokens_map.json", '{"additional_special_tokens": [5]}', "additional_special_tokens"),
        ("added_tokens.json", "[]", "JSON"),
        ("added_tokens.json", '{"<x>": "a"}', "<x>"),
        ("added_tokens.json", '{"<x>": -1}', "<x>"),
        ("added_tokens.json", "{", "JSON"),
    ],
)
def test_bad_files_are_refused(name: str, content: str, field: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, name, content)
    with pytest.raises(ConfigError) as caught:
        oxbert.ElectraTokenizer.from_pretrained(folder)
    assert caught.value.field == field and Path(caught.value.path) == folder / name


def test_other_spellings_of_special_tokens_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "special_tokens_map.json", '{"cls_token": "<cls>"}')
    assert transformers.BertTokenizer.from_pretrained(folder).cls_token == "<cls>"
    with pytest.raises(ConfigError, match="<cls>"):
        oxbert.ElectraTokenizer.from_pretrained(folder)


def test_flags_in_special_tokens_map_are_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "special_tokens_map.json", f'{{"additional_special_tokens": [{X}]}}')
    ours = oxbert.ElectraTokenizer.from_pretrained(folder)
    assert ours.added_tokens_decoder[len(WORDS)].lstrip


def test_given_settings_override_the_folder(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "tokenizer_config.json", '{"do_lower_case": true, "model_max_length": 9}')
    theirs = transformers.BertTokenizer.from_pretrained(folder, do_lower_case=False, padding_side="left")
    for kind in (oxbert.ElectraTokenizer, oxbert.AutoTokenizer):
        ours = kind.from_pretrained(folder, do_lower_case=False, padding_side="left")
        assert not ours.do_lower_case and ours.padding_side == "left" and ours.model_max_length == 9
        assert ours("The THE the")["input_ids"] == theirs("The THE the")["input_ids"]
    assert oxbert.ElectraTokenizer.from_pretrained(folder, model_max_length=5).model_max_length == 5
    with pytest.raises(InputError, match="padding_side"):
        oxbert.ElectraTokenizer.from_pretrained(folder, padding_side="up")
