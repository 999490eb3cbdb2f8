"""Test loading model folders from the hub, which a local server simulates."""

from __future__ import annotations

import itertools
import json
import logging
import os
import pickle
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

import oxbert
import oxbert.hub._download
import oxbert.hub._options
from oxbert import errors, hub
from oxbert._types import HubKeywords
from oxbert.errors import (
    ConfigError,
    DtypeError,
    HubAccessError,
    HubError,
    HubNotFoundError,
    HubOfflineError,
    InputError,
    MissingFileError,
)
from oxbert.hub._folders import find

from . import processes
from .fake_hub import FakeHub, Fault, Files

NAME = "someone/electra-tiny"
EVERYTHING = ("config", "tokenizer", "weights")
TOKENIZER = {"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}
PROXIES = [name for name in os.environ if name.lower().endswith("_proxy")]
# A commit that does not exist.
MISSING_COMMIT = "0" * 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of a model that can be loaded."""
    folder = tmp_path_factory.mktemp("model")
    vocabulary = Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
    tokenizer = oxbert.ElectraTokenizer(vocabulary)
    sizes = {"embedding_size": 6, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = oxbert.ElectraConfig(vocab_size=len(tokenizer.get_vocab()), intermediate_size=5, **sizes)
    oxbert.ElectraForMaskedLM.from_config(config, seed=1).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Run the hub that the library uses in this process, with an empty cache."""
    for name in [*PROXIES, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    with FakeHub() as fake:
        # The library reads these from the environment when it is imported.
        monkeypatch.setattr(constants, "ENDPOINT", fake.endpoint)
        template = fake.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        huggingface_hub.close_session()
        yield fake
        huggingface_hub.close_session()


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the waits between the library's own retries."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Make every new socket raise, and record it in the returned list."""
    opened: list[object] = []

    class Refused(socket.socket):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(arguments)
            raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", Refused)
    return opened


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def read(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def table(*shards: str) -> bytes:
    return json.dumps({"weight_map": {f"tensor.{number}": shard for number, shard in enumerate(shards)}}).encode()


def environment(fake: FakeHub, home: Path, **values: str) -> dict[str, str]:
    """Return the environment of a user who has set only the address of the hub and the cache."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    for name in PROXIES:
        del inherited[name]
    return inherited | {"HF_ENDPOINT": fake.endpoint, "HF_HOME": str(home), **values}


def run(script: str, variables: dict[str, str]) -> str:
    done = processes.run([sys.executable, "-c", script], env=variables, seconds=60, check=True)
    # Without a terminal the library shows no progress bars.
    assert done.stderr == ""
    return done.stdout.strip()


# Whole downloads.


def test_repositories_load_like_local_folders(fake: FakeHub, model: Files, tmp_path: Path) -> None:
    fake.add(NAME, model | {"README.md": b"", "pytorch_model.bin": b"", "tf_model.h5": b"", "onnx/model.onnx": b""})
    folder = find(NAME, EVERYTHING)
    assert read(folder) == model
    assert sorted(fake.requested_files("GET")) == sorted(["listing", *model])
    local = tmp_path / "local"
    local.mkdir()
    for name, data in model.items():
        (local / name).write_bytes(data)
    logits = []
    for place in [folder, local]:
        tokenizer = oxbert.ElectraTokenizer.from_pretrained(place)
        model_there = oxbert.ElectraForMaskedLM.from_pretrained(place)
        logits.append(model_there(**tokenizer("the [MASK] ran", return_tensors="np")).logits)
    assert np.isfinite(logits[0]).all() and (logits[0] == logits[1]).all()


def test_the_files_of_a_sentence_encoder_are_fetched(fake: FakeHub, model: Files) -> None:
    modules = [("models.Transformer", "0_Transformer"), ("models.Pooling", "1_Pooling")]
    listed = [{"type": f"sentence_transformers.{kind}", "path": path} for kind, path in modules]
    files = {f"0_Transformer/{name}": data for name, data in model.items()}
    files |= {
        "modules.json": json.dumps(listed).encode(),
        "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    }
    fake.add(NAME, files | {"README.md": b"", "config.json": b"{}"})
    vector = oxbert.SentenceEncoder.from_pretrained(NAME).encode("the ran")
    assert np.isfinite(vector).all() and vector.shape == (8,)
    assert set(fake.requested_files("GET")) == {"listing", *files}
    fake.forget()
    again = oxbert.SentenceEncoder.from_pretrained(NAME, local_files_only=True)
    assert fake.requests == [] and np.array_equal(again.encode("the ran"), vector)
    del files["1_Pooling/config.json"]
    fake.add(NAME, files)
    with pytest.raises(FileNotFoundError):
        oxbert.SentenceEncoder.from_pretrained(NAME)
    fake.add(NAME, files | {"modules.json": b'[{"type": "a.Transformer", "path": "../up"}]'})
    with pytest.raises(ConfigError, match="below"):
        oxbert.SentenceEncoder.from_pretrained(NAME)
    fake.add(NAME, model)
    with pytest.raises(MissingFileError, match=r"modules\.json"):
        oxbert.SentenceEncoder.from_pretrained(NAME)


def test_environment_variables_of_the_library_are_obeyed(fake: FakeHub, model: Files, tmp_path: Path) -> None:
    script = f"""
import socket, sys
import oxbert
assert "huggingface_hub" not in sys.modules
from oxbert.hub._folders import find
find("electra-tiny-generator")
assert "huggingface_hub" not in sys.modules
if "offline" in sys.argv[1:]:
    class Refused(socket.socket):
        def __init__(self, *arguments, **options):
            raise AssertionError("a socket was opened")
    socket.socket = Refused
folder = find({NAME!r}, {EVERYTHING!r})
oxbert.ElectraForMaskedLM.from_pretrained(str(folder))
print(folder)
"""
    fake.add(NAME, model)
    variables = environment(fake, tmp_path / "home", HF_TOKEN="a-secret")
    first = run(script, variables)
    assert Path(first).is_relative_to(tmp_path / "home" / "hub")
    files = [request for request in fake.requests if NAME in request.path]
    assert {request.headers.get("authorization") for request in files} == {"Bearer a-secret"}
    assert all("oxbert/" in request.headers["user-agent"] for request in files)
    fake.forget()
    offline = script.replace("sys.argv[1:]", "['offline']")
    assert run(offline, variables | {"HF_HUB_OFFLINE": "1"}) == first
    assert fake.requests == []
    elsewhere = run(script, variables | {"HF_HUB_CACHE": str(tmp_path / "elsewhere")})
    assert Path(elsewhere).is_relative_to(tmp_path / "elsewhere")


def through_tensorflow() -> Any:
    return pytest.importorskip("oxbert.tf").TFElectraForMaskedLM


@pytest.mark.parametrize(
    "load",
    [
        oxbert.AutoConfig, oxbert.AutoTokenizer, oxbert.AutoModel, oxbert.AutoModelForMaskedLM, oxbert.ElectraConfig,
        oxbert.ElectraTokenizer, oxbert.ElectraForMaskedLM, oxbert.FillMask, through_tensorflow,
    ],
    ids=lambda load: load.__name__,
)  # fmt: skip
def test_every_option_reaches_the_hub(load: Any, fake: FakeHub, model: Files, tmp_path: Path) -> None:
    kind = load() if load is through_tensorflow else load
    fake.add(NAME, {"config.json": b"none", "vocab.txt": b"", "model.safetensors": b"none"})
    fake.add(NAME, {f"small/{name}": data for name, data in model.items()}, "v2")
    place = {"revision": "v2", "subfolder": "small", "cache_dir": tmp_path / "elsewhere"}
    assert "Electra" in type(kind.from_pretrained(NAME, token="a-secret", **place)).__name__ or load is oxbert.FillMask
    assert {request.headers.get("authorization") for request in fake.requests} == {"Bearer a-secret"}
    assert (tmp_path / "elsewhere").is_dir() and not (tmp_path / "cache").exists()
    fetched = {name for name in fake.requested_files("GET") if name != "listing"}
    assert fetched
    fake.forget()
    kind.from_pretrained(NAME, local_files_only=True, **place)
    assert fake.requests == []
    kind.from_pretrained(NAME, force_download=True, **place)
    assert fetched <= set(fake.requested_files("GET"))


# The choice of files.


@pytest.mark.parametrize("kind", [oxbert.ElectraForMaskedLM, oxbert.AutoModelForMaskedLM])
def test_only_the_chosen_format_is_fetched(kind: Any, fake: FakeHub, model: Files, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(model["model.safetensors"])
    oxbert.save_weights(oxbert.load_weights(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    fake.add(NAME, model | {"pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()})
    for number, (choice, fetched) in enumerate([(False, "pytorch_model.bin"), (True, "model.safetensors")]):
        fake.forget()
        place = {"cache_dir": tmp_path / str(number)}
        assert kind.from_pretrained(NAME, use_safetensors=choice, **place).load_report["missing"] == []
        assert set(fake.requested_files("GET")) == {"listing", "config.json", fetched}
    with pytest.raises(MissingFileError, match="flax_model"):
        kind.from_pretrained(NAME, from_flax=True)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ("config", {"config.json"}),
        ("weights", {"model.safetensors"}),
        ("tokenizer", {"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}),
        (["config", "weights"], {"config.json", "model.safetensors"}),
    ],
)
def test_only_the_needed_files_are_downloaded(needs: Any, expected: set[str], fake: FakeHub, model: Files) -> None:
    fake.add(NAME, model | {"pytorch_model.bin": b"", "README.md": b""})
    assert names(find(NAME, needs)) == expected
    assert set(fake.requested_files("GET")) == expected | {"listing"}


@pytest.mark.parametrize(
    "present",
    [
        TOKENIZER,
        {"vocab.txt"},
        {"tokenizer.json"},
        {"tokenizer.json", "tokenizer_config.json"},
        {"vocab.txt", "added_tokens.json"},
    ],
    ids=lambda present: " ".join(sorted(present)),
)
def test_all_files_of_a_tokenizer_are_downloaded(present: set[str], fake: FakeHub) -> None:
    fake.add(NAME, dict.fromkeys([*present, "merges.txt", "vocab.json"], b"{}"))
    assert names(find(NAME, "tokenizer")) == present


@pytest.mark.parametrize("first", range(len(hub.WEIGHTS)))
def test_the_first_existing_weight_file_is_downloaded(first: int, fake: FakeHub) -> None:
    files = dict.fromkeys(hub.WEIGHTS[first:], table("a-1.part", "a-2.part")) | {"a-1.part": b"1", "a-2.part": b"2"}
    fake.add(NAME, files)
    shards = {"a-1.part", "a-2.part"} if hub.WEIGHTS[first].endswith(".index.json") else set()
    assert names(find(NAME, "weights")) == {hub.WEIGHTS[first], *shards}
    assert set(fake.requested_files("GET")) == {"listing", hub.WEIGHTS[first], *shards}


def test_the_caller_chooses_the_weight_files(fake: FakeHub) -> None:
    fake.add(NAME, dict.fromkeys(["model.safetensors", "pytorch_model.bin"], b""))
    assert names(find(NAME, "weights", weights=["tf_model.h5", "pytorch_model.bin", "model.safetensors"])) == {
        "pytorch_model.bin"
    }
    with pytest.raises(
        MissingFileError, match=r"has no tf_model\.h5; it holds: model\.safetensors, pytorch_model\.bin"
    ):
        find(NAME, "weights", weights=["tf_model.h5"])


def test_only_the_shards_of_the_index_are_downloaded(fake: FakeHub) -> None:
    index = "model.safetensors.index.json"
    used, unused = (
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        "model-00001-of-00001.safetensors",
    )
    fake.add(NAME, dict.fromkeys([*used, unused], b"x") | {index: table(*used, used[0])})
    assert names(find(NAME, "weights")) == {index, *used}
    assert unused not in fake.requested_files()


def test_an_index_with_missing_shards_is_skipped(fake: FakeHub) -> None:
    index = "model.safetensors.index.json"
    fake.add(NAME, {index: table("a.safetensors", "b.safetensors"), "a.safetensors": b"x", "pytorch_model.bin": b"x"})
    assert "pytorch_model.bin" in names(find(NAME, "weights"))
    assert "a.safetensors" not in fake.requested_files()
    with pytest.raises(MissingFileError, match=rf"has no b\.safetensors of {index}; it holds: a\.safetensors"):
        find(NAME, "weights", weights=[index])


@pytest.mark.parametrize(
    "shard",
    [
        "../config.json",
        "/etc/passwd",
        "a/b",
        "..",
        ".",
        "",
        "a\\b",
        "c:a",
        "C:\\a",
        "\\\\host\\share",
        "a\0b",
        "a\n",
        5,
        None,
        ["a"],
    ],
    ids=repr,
)
def test_shard_names_outside_the_folder_are_refused(shard: Any, fake: FakeHub) -> None:
    index = "model.safetensors.index.json"
    fake.add(NAME, {index: json.dumps({"weight_map": {"x": "a", "y": shard}}).encode(), "a": b"x"})
    with pytest.raises(errors.WeightsFormatError, match="names of files in the same folder") as caught:
        find(NAME, "weights")
    assert Path(caught.value.path).name == index and repr(shard) in caught.value.reason
    assert fake.requested_files("GET") == ["listing", index]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"weight_map": {}}', b'{"weight_map": ["a"]}', b"[" * 10**5]
)
def test_invalid_shard_indices_are_refused(content: bytes, fake: FakeHub) -> None:
    fake.add(NAME, {"model.safetensors.index.json": content, "a": b"x"})
    with pytest.raises(errors.WeightsFormatError, match=r"model\.safetensors\.index\.json"):
        find(NAME, "weights")


@pytest.mark.parametrize(
    ("needs", "wanted"),
    [("config", "config.json"), ("tokenizer", "vocab.txt or tokenizer.json"), ("weights", " or ".join(hub.WEIGHTS))],
)
def test_missing_files_of_a_repository_are_named(needs: Any, wanted: str, fake: FakeHub) -> None:
    fake.add(NAME, {"README.md": b"", "notes.txt": b""})
    with pytest.raises(
        MissingFileError, match=re.escape(f"{NAME} at revision main has no {wanted}; it holds: README.md, notes.txt")
    ) as caught:
        find(NAME, needs)
    error: Any = caught.value
    assert (error.folder, error.wanted, error.found) == (NAME, wanted, ["README.md", "notes.txt"])
    assert (error.repo_id, error.revision) == (NAME, "main")
    assert fake.requested_files() == ["listing"]


def test_errors_name_at_most_twenty_files(fake: FakeHub) -> None:
    for count, ending in ((20, "018, 019"), (100, "018, 019 and 80 more")):
        fake.add(NAME, {f"{number:03}": b"" for number in range(count)})
        with pytest.raises(MissingFileError, match=f"{ending}$") as caught:
            find(NAME)
        assert len(caught.value.found) == count


def test_subfolders_of_a_repository_load(fake: FakeHub, model: Files) -> None:
    fake.add(NAME, {f"parts/small/{name}": data for name, data in model.items()} | {"config.json": b"another"})
    folder = find(NAME, EVERYTHING, subfolder="parts/small")
    assert read(folder) == model and folder.parts[-2:] == ("parts", "small")
    fake.forget()
    assert find(NAME, EVERYTHING, subfolder="parts/small", local_files_only=True) == folder
    with pytest.raises(
        MissingFileError,
        match=r"someone/electra-tiny at revision main has no folder part; it holds: config\.json, parts/small/",
    ):
        find(NAME, subfolder="part")
    with pytest.raises(
        MissingFileError, match=r"tiny/parts at revision main has no config\.json; it holds: small/config\.json"
    ):
        find(NAME, subfolder="parts")


# Revisions.


def test_all_files_come_from_one_commit(fake: FakeHub) -> None:
    files = ["config.json", "vocab.txt", "model.safetensors"]
    old = {name: f"old {name}".encode() for name in files}
    new = {name: f"new {name}".encode() for name in [*files, "added_tokens.json"]}
    commit = fake.add(NAME, old)
    fake.after_listing = lambda: fake.add(NAME, new)
    folder = find(NAME, EVERYTHING)
    assert read(folder) == old
    # Two requests per file. The next one is the library's own, which records the commit of the branch.
    requested_files = [request.path for request in fake.requests if "/resolve/" in request.path]
    assert all(f"/resolve/{commit}/" in path for path in requested_files[:6]) and "/resolve/main/" in requested_files[6]
    fake.after_listing = lambda: None
    assert read(find(NAME, EVERYTHING)) == new
    assert read(find(NAME, EVERYTHING, local_files_only=True)) == new
    assert read(folder) == old


def test_branches_tags_and_commits_are_revisions(fake: FakeHub) -> None:
    commits = {
        branch: fake.add(NAME, {"config.json": branch.encode()}, branch)
        for branch in ["main", "v1.0", "refs/pr/1", "tés-t"]
    }
    for branch, commit in commits.items():
        folders = [find(NAME, revision=revision) for revision in [branch, commit, commit[:9]]]
        assert [read(folder) for folder in folders] == [{"config.json": branch.encode()}] * 3
        assert len(set(folders)) == 1
        # The library has recorded the commit of each name.
        fake.forget()
        assert [find(NAME, revision=name, local_files_only=True) for name in [branch, commit, commit[:9]]] == folders
        assert fake.requests == []
    assert find(NAME) == find(NAME, revision="main")


def test_a_branch_moves_only_after_a_complete_download(fake: FakeHub, no_sleep: None) -> None:
    fake.add(NAME, {"config.json": b"old", "model.safetensors": b"old weights"})
    old = find(NAME, ["config", "weights"])
    fake.add(NAME, {"config.json": b"new", "model.safetensors": b"new weights"})
    fake.faults = [Fault("cut", "safetensors", after=0)]
    with pytest.raises(HubError):
        find(NAME, ["config", "weights"])
    assert find(NAME, ["config", "weights"], local_files_only=True) == old
    fake.faults = []
    assert read(find(NAME, ["config", "weights"])) == {"config.json": b"new", "model.safetensors": b"new weights"}
    assert read(find(NAME, ["config", "weights"], local_files_only=True))["config.json"] == b"new"


# The cache.


def test_a_cached_branch_costs_one_request(fake: FakeHub, model: Files) -> None:
    fake.add(NAME, model)
    first = find(NAME, EVERYTHING)
    fake.forget()
    assert find(NAME, EVERYTHING) == first
    assert fake.requested_files() == ["listing"]
    # A new commit with the same files: nothing is downloaded again.
    fake.add(NAME, model)
    fake.forget()
    second = find(NAME, EVERYTHING)
    assert second != first and read(second) == model
    assert fake.requested_files("GET") == ["listing"]


def test_a_cached_commit_costs_no_request(
    fake: FakeHub, model: Files, no_sleep: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    # The missing files, a preferred weight file among them, are not looked up again.
    files = {("pytorch_model.bin" if name.endswith("safetensors") else name): data for name, data in model.items()}
    commit = fake.add(NAME, files)
    first = find(NAME, EVERYTHING, revision=commit)
    assert sorted(fake.requested_files("GET")) == sorted(["listing", *files])
    huggingface_hub.close_session()
    opened = request.getfixturevalue("no_sockets")
    fake.forget()
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    assert find(NAME, EVERYTHING, revision=commit) == first
    assert fake.requests == [] and opened == []
    with pytest.raises(HubError):
        find(NAME, EVERYTHING, revision="main", force_download=True)
    assert opened


def test_a_partly_filled_cache_is_completed(fake: FakeHub, model: Files) -> None:
    commit = fake.add(NAME, model | {"pytorch_model.bin": b"another"})
    for name in ["vocab.txt", "pytorch_model.bin", "config.json"]:
        hf_hub_download(NAME, name, revision=commit)
    assert names(find(NAME, ["tokenizer", "config"], revision=commit)) >= {"tokenizer_config.json", "vocab.txt"}
    assert "model.safetensors" in names(find(NAME, "weights", revision=commit))


def test_cache_dir_moves_the_cache(fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = find(NAME, cache_dir="~/own")
    assert folder.is_relative_to(tmp_path / "own")
    assert find(NAME, cache_dir=tmp_path / "own", local_files_only=True) == folder
    assert not (tmp_path / "cache").exists()
    with pytest.raises(HubOfflineError):
        find(NAME, local_files_only=True)


def test_force_download_downloads_every_file_again(fake: FakeHub) -> None:
    commit = fake.add(NAME, {"config.json": b"good", "model.safetensors.index.json": table("a"), "a": b"good"})
    for revision in ["main", commit]:
        folder = find(NAME, ["config", "weights"], revision=revision)
        (folder / "a").write_bytes(b"worn")
        assert (find(NAME, ["config", "weights"], revision=revision) / "a").read_bytes() == b"worn"
        fake.forget()
        assert (find(NAME, ["config", "weights"], revision=revision, force_download=True) / "a").read_bytes() == b"good"
        assert fake.requested_files("GET") == ["listing", "model.safetensors.index.json", "config.json", "a"]


# Offline.


@pytest.mark.parametrize("how", ["local_files_only", "HF_HUB_OFFLINE"])
def test_offline_loading_opens_no_socket(
    how: str, fake: FakeHub, model: Files, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    fake.add(NAME, model)
    folder = find(NAME, EVERYTHING)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", how == "HF_HUB_OFFLINE")
    options: Any = {"local_files_only": True} if how == "local_files_only" else {}
    huggingface_hub.close_session()
    opened = request.getfixturevalue("no_sockets")
    fake.forget()
    assert find(NAME, EVERYTHING, **options) == folder
    for name, needs in [(NAME, ["weights"]), ("someone/else", EVERYTHING), ("distilbert-base-uncased", ["config"])]:
        weights = ["tf_model.h5"] if needs == ["weights"] else hub.WEIGHTS
        with pytest.raises(HubOfflineError, match=how) as caught:
            find(name, needs, weights=weights, **options)
        wanted = "tf_model.h5" if needs == ["weights"] else "config.json"
        error: Any = caught.value
        assert (error.repo_id, error.revision, error.wanted) == (name, "main", wanted)
        assert error.cache_dir == constants.HF_HUB_CACHE
        assert all(text in str(error) for text in [name, "main", wanted, constants.HF_HUB_CACHE, how])
        assert isinstance(error, ConnectionError)
    assert fake.requests == [] and opened == []
    # Without the setting a socket is opened, so the fixture would have recorded one.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(HubError):
        find("someone/else")
    assert opened


def test_quality_takes_a_cached_model_offline(fake: FakeHub, model: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.add(NAME, model)
    texts = ["The cat sat on the mat."]
    found = oxbert.quality(NAME, texts, precisions=["float16"])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fake.forget()
    assert oxbert.quality(NAME, texts, precisions=["float16"]) == found
    with pytest.raises(HubOfflineError, match="someone/else"):
        oxbert.quality("someone/else", texts)
    assert fake.requests == []


def test_offline_loading_takes_the_first_cached_weights(fake: FakeHub) -> None:
    index = "model.safetensors.index.json"
    files = dict.fromkeys(["model.safetensors", "pytorch_model.bin", "tf_model.h5", "a", "b"], b"x")
    fake.add(NAME, files | {index: table("a", "b")})
    for name in ["tf_model.h5", "pytorch_model.bin", index, "a"]:
        hf_hub_download(NAME, name)
    source: dict[str, Any] = {"weights": [index, "pytorch_model.bin", "tf_model.h5"], "local_files_only": True}
    fake.forget()
    assert names(find(NAME, "weights", local_files_only=True)) == {"tf_model.h5", "pytorch_model.bin", index, "a"}
    with pytest.raises(HubOfflineError, match=rf"no model\.safetensors or b of {index} in the cache"):
        find(NAME, "weights", weights=["model.safetensors", index], local_files_only=True)
    assert fake.requests == []
    hf_hub_download(NAME, "b")
    assert names(find(NAME, "weights", **source)) >= {index, "a", "b"}


def test_a_branch_that_moves_between_look_ups_gives_one_commit(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["config", "weights"]
    fake.add(NAME, {"config.json": b"old config", "model.safetensors": b"old weights"})
    old = find(NAME, both)
    reference = old.parents[1] / "refs" / "main"
    before = reference.read_text()
    fake.add(NAME, {"config.json": b"new config", "model.safetensors": b"new weights"})
    new = find(NAME, both)
    after = reference.read_text()
    # Another process moves the branch after each number of look-ups.
    looked_up: list[str] = []

    def record_look_up(repo_id: str, name: str, **options: Any) -> Any:
        found = try_to_load_from_cache(repo_id, name, **options)
        looked_up.append(name)
        if len(looked_up) == moves_after:
            reference.write_text(after)
        return found

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", record_look_up)
    for moves_after in range(1, 5):
        reference.write_text(before)
        looked_up.clear()
        folder = find(NAME, both, local_files_only=True)
        assert looked_up[:4] == ["config.json", "model.safetensors"] * 2
        assert folder == (new if moves_after < 4 else old)


@pytest.mark.parametrize("how", ["unreachable", "500", "garbage"])
def test_the_cache_is_used_if_the_hub_fails(
    how: str, fake: FakeHub, model: Files, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add(NAME, model)
    folder = find(NAME, EVERYTHING)
    if how == "unreachable":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    else:
        fake.faults = [Fault("body" if how == "garbage" else "status")]
    with caplog.at_level(logging.WARNING, "oxbert.hub"):
        assert find(NAME, EVERYTHING) == folder
    assert any(
        "using the cached files" in record.message and str(folder) in record.message for record in caplog.records
    )
    with pytest.raises(HubError):
        find(NAME, EVERYTHING, force_download=True)
    with pytest.raises(HubError) as caught:
        find(NAME, "weights", weights=["tf_model.h5"])
    assert type(caught.value) is HubError


def test_the_cache_is_not_used_if_the_hub_denies_access(fake: FakeHub) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    find(NAME)
    fake.faults = [Fault("status", status=403, headers={"X-Error-Code": "GatedRepo"})]
    with pytest.raises(HubAccessError):
        find(NAME)
    fake.faults = []
    del fake.repositories[NAME]
    with pytest.raises(HubNotFoundError):
        find(NAME)


# Faults.

API = f"/api/models/{NAME}/revision/main"
DENIED = {"X-Error-Code": "RepoNotFound"}


@pytest.mark.parametrize(
    ("fault", "kind", "reason", "place"),
    [
        (Fault("status", "/api/", status=401, headers=DENIED), HubNotFoundError, "no such repository", API),
        (Fault("status", "/api/", status=404, headers=DENIED), HubNotFoundError, "no such repository", API),
        (Fault("status", "/api/", status=404, headers={"X-Error-Code": "RevisionNotFound"}), HubNotFoundError, "no such revision", API),
        (Fault("status", "/api/", status=401, headers={"X-Error-Code": "GatedRepo"}), HubAccessError, "gated", API),
        (Fault("status", "/resolve/", status=403, headers={"X-Error-Code": "GatedRepo"}), HubAccessError, "gated", "config.json"),
        (Fault("status", "/resolve/", status=401, headers={"X-Error-Code": "GatedRepo"}), HubAccessError, "gated", "config.json"),
        (Fault("status", "/api/", status=403, headers={"X-Error-Message": "Access to this resource is disabled."}), HubAccessError, "disabled", API),
        (Fault("status", "/api/", status=401, headers={"X-Error-Message": "Invalid credentials in Authorization header"}), HubAccessError, "401 Unauthorized.*Invalid credentials", API),
        (Fault("status", "/api/", status=403), HubAccessError, "403 Forbidden", API),
        (Fault("status", "/resolve/", status=404, headers={"X-Error-Code": "EntryNotFound"}), HubNotFoundError, "no such file", "config.json"),
        (Fault("status", "/api/"), HubError, "500 Internal Server Error", API),
        (Fault("status", "/resolve/"), HubError, "500 Internal Server Error", "config.json"),
        (Fault("status", "/resolve/", methods="GET", status=503), HubError, "503 Service Unavailable", "config.json"),
        (Fault("status", "/api/", status=429), HubError, "429 Too Many Requests", API),
        (Fault("status", "/api/", status=302, headers={"Location": "/api/round"}), HubError, "TooManyRedirects", API),
        (Fault("body", "/api/", body=b"<html>"), HubError, "JSON", API),
        (Fault("cut", "/resolve/", after=0), HubError, "RemoteProtocolError", "config.json"),
        (Fault("long", "/resolve/", "GET"), HubError, "RemoteProtocolError", "config.json"),
        (Fault("long", "/resolve/", "HEAD"), HubError, "should be of size", "config.json"),
        (Fault("slow", "/api/"), HubError, "no answer in time", API),
        (Fault("slow", "/resolve/", "GET"), HubError, "no answer in time", "config.json"),
        (Fault("stall", "/resolve/", after=0), HubError, "no answer in time", "config.json"),
    ],
)  # fmt: skip
def test_answers_of_the_hub_become_errors(
    fault: Fault,
    kind: type[HubError],
    reason: str,
    place: str,
    fake: FakeHub,
    no_sleep: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Short timeouts in seconds, because each fault waits for several attempts.
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    content = {"config.json": b"a configuration that is long enough to be cut"}
    commit = fake.add(NAME, content)
    fake.faults = [fault]
    with pytest.raises(HubError) as caught:
        find(NAME)
    error: Any = caught.value
    assert type(error) is kind
    assert re.search(reason, error.reason) and error.reason in str(error)
    assert (error.repo_id, error.revision) == (NAME, "main") and f"{NAME} at revision main" in str(error)
    assert error.url_path == (place if place == API else f"/{NAME}/resolve/{commit}/{place}")
    assert error.url_path in str(error)
    assert isinstance(error.__cause__, Exception)
    assert isinstance(error, OSError) and isinstance(error, errors.OxbertError)
    builtin = {HubNotFoundError: FileNotFoundError, HubAccessError: PermissionError, HubError: OSError}[kind]
    assert isinstance(error, builtin)
    copy: Any = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and str(copy) == str(error) and copy.details == error.details
    # The partial download is not used, and the next attempt succeeds.
    with pytest.raises(HubOfflineError):
        find(NAME, local_files_only=True)
    fake.faults = []
    fake.stopped.set()
    assert read(find(NAME)) == content


def test_missing_repositories_and_revisions_are_errors(fake: FakeHub) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    with pytest.raises(
        HubNotFoundError, match=r"someone/else at revision main: no such local folder and no such repository"
    ):
        find("someone/else")
    for revision in ["v9", MISSING_COMMIT]:
        with pytest.raises(HubNotFoundError, match=f"at revision {revision}: .* no such revision"):
            find(NAME, revision=revision)
    # The id may be a misspelt name of a bundled model.
    with pytest.raises(HubNotFoundError, match=r"bundled models: .*electra-tiny-generator"):
        find("electra-tiny-generater")
    with pytest.raises(HubOfflineError, match=r"bundled models: .*electra-tiny-generator"):
        find("electra-tiny-generater", local_files_only=True)
    fake.faults = [Fault("status")]
    with pytest.raises(HubError, match=r"there is no folder electra-tiny-generater either; bundled models: "):
        find("electra-tiny-generater")


def test_a_cut_download_resumes(fake: FakeHub, no_sleep: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    data = bytes(range(256)) * 40
    fake.add(NAME, {"model.safetensors": data})
    fake.faults = [Fault("cut", "/resolve/", "GET", after=5000, times=1)]
    assert read(find(NAME, "weights")) == {"model.safetensors": data}
    assert [request.headers.get("range") for request in fake.requests if request.method == "GET"][1:] == [
        None,
        "bytes=5000-",
    ]


def test_the_partial_download_of_a_killed_process_is_not_used(fake: FakeHub, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    fake.add(NAME, {"model.safetensors": data})
    fake.faults = [Fault("stall", "/resolve/", after=5000)]
    script = f"from oxbert.hub._folders import find; find({NAME!r}, 'weights')"
    with processes.start([sys.executable, "-c", script], env=environment(fake, tmp_path)):
        assert fake.stalled.wait(60)
    cache = tmp_path / "hub"
    assert list(cache.rglob("*.incomplete"))
    with pytest.raises(HubOfflineError):
        find(NAME, "weights", cache_dir=cache, local_files_only=True)
    fake.faults = []
    assert read(find(NAME, "weights", cache_dir=cache)) == {"model.safetensors": data}


def test_an_unwritable_cache_is_an_error(fake: FakeHub, tmp_path: Path) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(HubError, match=r"(NotADirectory|FileExists)Error") as caught:
        find(NAME, cache_dir=tmp_path / "file")
    assert isinstance(caught.value.__cause__, OSError)


def test_a_branch_moved_during_look_ups_never_mixes_commits(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another process download a part of a commit, and move the branch between any two look-ups."""
    look_up = huggingface_hub.try_to_load_from_cache
    found = []
    # If folders were mixed up, the choice would depend on chance; several repositories make a wrong choice likely.
    for number in range(8):
        name = f"{NAME}-{number}"
        branch = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "refs" / "main"
        commits = []
        for needs in [("config", "weights"), ("weights",), ("config", "weights")]:
            data = b"%d of %d" % (len(commits), number)
            content = {"config.json": data, "model.safetensors": data}
            commits.append(fake.add(name, content))
            find(name, needs)
        for after in range(1, 7):
            places = [commits[0]] * after + [commits[1]] + [commits[2]] * 20

            def look_up_moved(
                *arguments: Any, branch: Path = branch, places: list[str] = places, **options: Any
            ) -> Any:
                branch.write_text(places.pop(0))
                return look_up(*arguments, **options)

            with monkeypatch.context() as patch:
                patch.setattr(huggingface_hub, "try_to_load_from_cache", look_up_moved)
                # The incomplete commit is never returned, but may be an error.
                with suppress(HubOfflineError):
                    folder = find(name, ["config", "weights"], local_files_only=True)
                    assert names(folder) == {"config.json", "model.safetensors"}
                    found.append(commits.index(folder.name))
    assert {0, 2} <= set(found) and len(found) > 24


def test_threads_load_one_repository_at_once(fake: FakeHub, model: Files) -> None:
    fake.add(NAME, model)
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(find(NAME, EVERYTHING))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 4 and len(set(folders)) == 1 and read(folders[0]) == model


@pytest.mark.parametrize(
    "answer",
    [
        {"sha": "../../../elsewhere"},
        {"sha": "main"},
        {"sha": "0" * 41},
        {"sha": None},
        {"siblings": None},
    ],
    ids=str,
)
def test_listings_without_a_commit_or_files_are_errors(answer: dict[str, Any], fake: FakeHub, tmp_path: Path) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    content = {"id": NAME, "sha": MISSING_COMMIT, "siblings": [{"rfilename": "config.json"}]} | answer
    fake.faults = [Fault("body", "/api/", body=json.dumps(content).encode())]
    with pytest.raises(HubError, match="the answer has no commit or no files"):
        find(NAME)
    assert fake.requested_files() == ["listing"] and not (tmp_path / "cache").exists()


# Redirects and tokens.


def test_renamed_repositories_load(fake: FakeHub, model: Files) -> None:
    fake.add("someone/new", model)
    fake.renamed[NAME] = "someone/new"
    folder = find(NAME, EVERYTHING)
    assert read(folder) == model
    assert find(NAME, EVERYTHING, local_files_only=True) == folder


def test_large_files_come_from_another_host_without_the_token(fake: FakeHub, model: Files) -> None:
    fake.add(NAME, model)
    fake.repositories[NAME].large = {"model.safetensors"}
    assert read(find(NAME, EVERYTHING, token="a-secret")) == model
    hosts = {(request.host, request.headers.get("authorization")) for request in fake.requests}
    assert hosts == {("127.0.0.1", "Bearer a-secret"), ("localhost", None)}


def test_a_cut_large_file_is_an_error_without_the_signed_url(fake: FakeHub, no_sleep: None) -> None:
    fake.add(NAME, {"model.safetensors": b"0123456789" * 10})
    fake.repositories[NAME].large = {"model.safetensors"}
    fake.faults = [Fault("cut", "/large/", after=0)]
    with pytest.raises(HubError, match="RemoteProtocolError") as caught:
        find(NAME, "weights")
    assert "signature" not in str(caught.value)
    fake.faults = []
    assert read(find(NAME, "weights")) == {"model.safetensors": b"0123456789" * 10}


def test_tokens_are_sent_only_on_request(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.add(NAME, {"config.json": b"{}"})

    def sent(token: str | bool | None) -> set[str | None]:
        fake.forget()
        find(NAME, token=token, force_download=True)
        return {request.headers.get("authorization") for request in fake.requests}

    assert sent(None) == sent(False) == {None}
    with pytest.raises(HubAccessError, match="no token is stored"):
        sent(True)
    monkeypatch.setenv("HF_TOKEN", "stored")
    assert sent(None) == sent(True) == {"Bearer stored"}
    assert sent(False) == {None}
    assert sent("given") == {"Bearer given"}
    assert "given" not in repr(hub.HubOptions(token="given"))


def test_type_checkers_know_every_option() -> None:
    keywords = get_type_hints(HubKeywords)
    options = get_type_hints(hub.HubOptions)
    # The type of a path has another name there.
    assert {**keywords, "cache_dir": None} == {**options, "cache_dir": None}


# Names and options.

PATHS = [
    "./electra", "../electra", "~/electra", "/electra", "/someone/electra", "someone/electra/small", "someone//electra",
    "someone/electra/", ".electra", "electra.", "-electra", "electra-", "someone/.electra", "a..b", "someone/..", "..", ".",
    "a--b", "", " ", "a b", "someone/a b", "a\\b", "C:\\models\\electra", "C:/models", "c:electra", "\\\\host\\share",
    "https://host/electra", "hf://a/b", "rust_model.ot", "pytorch_model.bin", "someone/model.safetensors", "MODEL.BIN",
    "config.json", "vocab.txt", "electra.git", "a\nb", "a\0b", "électra", "a" * 97, "someone/" + "a" * 97, "a:b", "a@b", "a?b",
]  # fmt: skip


@pytest.mark.parametrize("name", ["electra-tiny-generator", "someone/model"])
def test_an_empty_folder_does_not_hide_a_model(
    name: str, fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir(parents=True)
    with pytest.raises(MissingFileError, match="is empty and hides the"):
        find(name)
    # A path is meant as one, and so is a folder that holds anything.
    assert find(Path(name)) == Path(name)
    Path(name, "config.json").touch()
    assert find(name) == Path(name)
    assert fake.requests == []


@pytest.mark.parametrize("name", PATHS)
def test_paths_never_reach_the_hub(name: str, fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    if Path(name).is_dir() and name:
        assert find(name) == Path(name)
    else:
        with pytest.raises(
            MissingFileError, match="neither a folder, nor a bundled model, nor the id of a repository"
        ) as caught:
            find(name)
        assert caught.value.folder == name and "bundled models" in str(caught.value)
        assert caught.value.found == oxbert.bundled()
    with pytest.raises(MissingFileError, match=r"expected a repository id \(name or owner/name\), got"):
        hub.download(name, "config")
    assert not hub.is_repo_id(name)
    assert fake.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "distilbert-base-uncased",
        "google/electra-small-discriminator",
        "a",
        "a/b",
        "A.b_c-1/x",
        "v1.5",
        "_a_",
        "a" * 96,
        "0/1.bins",
    ],
)
def test_repository_ids_are_accepted(name: str, fake: FakeHub) -> None:
    validate_repo_id(name)
    assert hub.is_repo_id(name)
    fake.add(name, {"config.json": b"{}"})
    assert names(find(name)) == {"config.json"}


def test_refused_ids_are_those_that_the_library_refuses() -> None:
    for name in PATHS:
        try:
            validate_repo_id(name)
        except HFValidationError:
            continue
        # The others look like files, or are refused by later versions of the library only.
        assert not name.isascii() or re.search(r"\.(ot|bin|safetensors|json|txt)$", name, re.IGNORECASE), name


def test_local_folders_precede_repositories(fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("someone") / "electra-tiny"
    (folder / "small").mkdir(parents=True)
    fake.add(NAME, {"config.json": b"{}"})
    assert find(NAME) == find(folder) == folder
    assert find(NAME, subfolder="small", revision="v1", force_download=True) == folder / "small"
    with pytest.raises(MissingFileError, match="has no folder large; it holds: small") as caught:
        find(NAME, subfolder="large")
    assert (caught.value.wanted, caught.value.found) == ("folder large", ["small"])
    fake.add("electra-tiny-generator", {"config.json": b"{}"})
    assert read(find("electra-tiny-generator"))["config.json"] != b"{}"
    with pytest.raises(MissingFileError, match="has no folder small"):
        find("electra-tiny-generator", subfolder="small")
    assert fake.requests == []


def test_path_objects_are_never_repository_ids(fake: FakeHub) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    with pytest.raises(MissingFileError, match="neither a folder"):
        find(Path(NAME))
    assert find(Path("electra-tiny-generator")).is_dir()
    assert fake.requests == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        *[
            ({"revision": name}, "revision")
            for name in ["", " ", "a b", "../a", "a..b", "/a", "a/", "a//b", "a\\b", "a:b", "a\n", "a\0"]
        ],
        *[
            ({"subfolder": name}, "subfolder")
            for name in ["..", ".", "a/../b", "/a", "a/", "a//b", "a\\b", "C:/a", "a\0"]
        ],
        ({"needs": "weight"}, "needs"),
        ({"needs": []}, "needs"),
        ({"needs": ["config", "everything"]}, "needs"),
        ({"needs": "weights", "weights": []}, "weights"),
        ({"force_download": True, "local_files_only": True}, "force_download"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], what: str, fake: FakeHub) -> None:
    with pytest.raises(InputError, match=f"^{what}: ") as caught:
        find(NAME, **options)
    assert caught.value.what == what and caught.value.reason in str(caught.value)
    assert fake.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("revision", 5), ("subfolder", Path("a")), ("cache_dir", 5), ("cache_dir", b"a"), ("local_files_only", "yes"),
     ("local_files_only", None), ("force_download", 1), ("token", 5), ("token", b"a-secret")],
)  # fmt: skip
def test_options_of_other_types_are_refused(name: str, value: Any, fake: FakeHub) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(DtypeError, match=rf"^{name}: expected .*, got {type(value).__name__}$") as caught:
        find(NAME, **options)
    assert (caught.value.what, caught.value.got) == (name, type(value).__name__) and "secret" not in str(caught.value)
    assert fake.requests == []


@pytest.mark.parametrize("name", [5, None, b"a/b", ["a"]])
def test_names_of_other_types_are_refused(name: Any, fake: FakeHub) -> None:
    with pytest.raises(DtypeError, match="expected a string or a path, got"):
        find(name)
    assert fake.requests == []


def test_force_download_is_refused_offline(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        find(NAME, force_download=True)


def test_tokenizer_and_family_come_from_one_commit(fake: FakeHub, model: Files) -> None:
    """Check that one look-up suffices, because a push between two could mix two commits."""
    config = json.dumps({"model_type": "distilbert"}).encode()
    fake.add(NAME, {"vocab.txt": model["vocab.txt"], "config.json": config})
    assert type(oxbert.AutoTokenizer.from_pretrained(NAME)) is oxbert.DistilBertTokenizer
    assert fake.requested_files().count("listing") == 1
    assert type(oxbert.AutoTokenizer.from_pretrained(NAME, local_files_only=True)) is oxbert.DistilBertTokenizer


def test_a_repository_without_config_gives_an_electra_tokenizer(fake: FakeHub, model: Files) -> None:
    commit = fake.add(NAME, {"vocab.txt": model["vocab.txt"]})
    assert type(oxbert.AutoTokenizer.from_pretrained(NAME)) is oxbert.ElectraTokenizer
    assert fake.requested_files().count("listing") == 1
    # Offline the absence of config.json is unknown, so the family is not guessed.
    with pytest.raises(HubOfflineError, match=r"config\.json"):
        oxbert.AutoTokenizer.from_pretrained(NAME, local_files_only=True)
    # For a commit the library records that the file is missing.
    assert type(oxbert.AutoTokenizer.from_pretrained(NAME, revision=commit)) is oxbert.ElectraTokenizer
    fake.requests.clear()
    pinned = oxbert.AutoTokenizer.from_pretrained(NAME, revision=commit, local_files_only=True)
    assert type(pinned) is oxbert.ElectraTokenizer and fake.requests == []


def test_an_empty_subfolder_means_the_repository(fake: FakeHub) -> None:
    fake.add(NAME, {"config.json": b"{}"})
    assert find(NAME, subfolder="") == find(NAME, subfolder=None) == find(NAME)


def test_files_that_a_cached_commit_lacks_are_looked_up_on_the_hub(fake: FakeHub) -> None:
    """Check that the cache, which knows what a commit lacks but not what it has, leaves the error to the hub."""
    commit = fake.add(NAME, {"pytorch_model.bin": b"x"})
    find(NAME, "weights", revision=commit)
    assert "model.safetensors" in fake.requested_files()
    with pytest.raises(MissingFileError, match=r"has no model\.safetensors; it holds: pytorch_model\.bin"):
        find(NAME, "weights", weights=["model.safetensors"], revision=commit)


@pytest.mark.parametrize("kind", [oxbert.AutoTokenizer, oxbert.ElectraTokenizer, oxbert.DistilBertTokenizer])
def test_a_tokenizer_that_only_the_configuration_names_is_refused(kind: Any, fake: FakeHub, model: Files) -> None:
    config = json.loads(model["config.json"]) | {"tokenizer_class": "BertJapaneseTokenizer"}
    settings = json.loads(model["tokenizer_config.json"])
    del settings["tokenizer_class"]
    changed = {"config.json": json.dumps(config).encode(), "tokenizer_config.json": json.dumps(settings).encode()}
    fake.add(NAME, model | changed)
    # Whether `config.json` was in the cache before makes no difference.
    for _ in range(2):
        with pytest.raises(oxbert.errors.ConfigError, match=r"got .BertJapaneseTokenizer") as caught:
            kind.from_pretrained(NAME)
        assert caught.value.field == "tokenizer_class" and Path(caught.value.path).name == "config.json"
        find(NAME, "config")


@pytest.mark.parametrize("argument", ["needs", "weights"])
@pytest.mark.parametrize("endless", [range(10**12), itertools.repeat(None)], ids=["range", "repeat"])
def test_the_first_wrong_name_is_refused_however_many_follow(argument: str, endless: Any) -> None:
    with pytest.raises((InputError, DtypeError), match=f"^{argument}: expected"):
        hub.download(NAME, **{"needs": "weights"} | {argument: endless})
