"""Test the conversion of checkpoints to `rust_model.ot`: names, values, options, errors and the command."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import oxbert
from oxbert import conversion
from oxbert.errors import FileError, InputError, MissingFileError, OxbertError, WeightsError, WeightsMismatchError

from . import processes
from .reference import BASE, CLASSES, DISTILBERT_BASE

SCRIPT = Path(__file__).parents[2] / "convert" / "convert_model.py"
WORDS = "electra.embeddings.word_embeddings.weight"
DECODER = "generator_lm_head.weight"


def run(*arguments: object, cwd: Path, **options) -> subprocess.CompletedProcess:
    return processes.run([sys.executable, SCRIPT, *arguments], cwd=cwd, **options)


def config() -> oxbert.ElectraConfig:
    return oxbert.ElectraConfig(
        vocab_size=31,
        embedding_size=6,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=16,
        layer_norm_eps=1e-3,
    )


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Return a masked LM as transformers stores it, without the tied decoder."""
    state = oxbert.ElectraForMaskedLM(config(), seed=3).state_dict()
    assert DECODER not in state and WORDS in state
    return {name: tensor.clone() for name, tensor in state.items()}


def save(folder: Path, state: dict[str, torch.Tensor], name: str = "pytorch_model.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if path.suffix in (".bin", ".pt"):
        torch.save(state, path)
    else:
        oxbert.save_weights(state, path)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert other[name].dtype == tensor.dtype and torch.equal(other[name], tensor), name


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "model.safetensors", "other.ot"])
def test_every_format_gives_the_same_file(tmp_path, state, name):
    report = conversion.convert(save(tmp_path, state, name))
    assert report.target == tmp_path / "rust_model.ot"
    assert report.added == {DECODER: WORDS}
    assert (report.tensors, report.kept) == (len(state) + 1, len(state))
    assert report.size == report.target.stat().st_size
    assert_equal(oxbert.load_weights(report.target, "torch"), state | {DECODER: state[WORDS]})


def test_legacy_pickles_are_read(tmp_path, state):
    torch.save(state, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    assert conversion.convert(tmp_path / "old.bin").tensors == len(state) + 1


def test_the_preferred_file_of_a_folder_is_converted(tmp_path, state):
    save(tmp_path, {"x": torch.zeros(1)})
    save(tmp_path, state, "model.safetensors")
    assert conversion.convert(tmp_path).source == tmp_path / "model.safetensors"


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
def test_libtorch_and_oxbert_read_the_same_model(tmp_path, state):
    conversion.convert(save(tmp_path, state))
    # rust_bert reads with TorchScript, which shows the dots of names as |, and needs every parameter.
    read = {
        name.replace("|", "."): value for name, value in torch.jit.load(tmp_path / "rust_model.ot").named_parameters()
    }
    assert_equal({name: value.detach() for name, value in read.items()}, state | {DECODER: state[WORDS]})

    (tmp_path / "pytorch_model.bin").unlink()
    config().save_pretrained(tmp_path)
    ours = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path, strict=True)
    fresh = oxbert.ElectraForMaskedLM(config(), seed=3).eval()
    ids = torch.tensor([[2, 7, 30, 3], [2, 9, 3, 0]])
    assert torch.equal(ours(ids).logits, fresh(ids).logits)


def test_old_names_are_renamed_and_buffers_dropped(tmp_path, state):
    old = {}
    for name, tensor in state.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        old[f"module.{name}"] = tensor
    old["module.electra.embeddings.position_ids"] = torch.arange(16)[None]
    old["module.alphabeta.weight"] = torch.ones(1)
    report = conversion.convert(save(tmp_path, old))
    assert list(report.dropped) == ["module.electra.embeddings.position_ids"]
    assert report.renamed["module.electra.embeddings.LayerNorm.gamma"] == "electra.embeddings.LayerNorm.weight"
    assert (report.kept, len(report.renamed)) == (0, len(state) + 1)
    expected = state | {DECODER: state[WORDS], "alphabeta.weight": torch.ones(1)}
    assert_equal(oxbert.load_weights(report.target, "torch"), expected)


@pytest.mark.parametrize(
    ("head", "backbone"),
    [("generator_lm_head", "electra"), ("vocab_projector", "distilbert")],
    ids=["electra", "distilbert"],
)
def test_missing_half_of_a_tie_is_added(head, backbone):
    decoder, words = f"{head}.weight", f"{backbone}.embeddings.word_embeddings.weight"
    rest = [f"{head}.bias", f"{backbone}.embeddings.position_embeddings.weight"]
    assert conversion.plan_names([words, *rest]).added == {decoder: words}
    assert conversion.plan_names([decoder, *rest]).added == {words: decoder}
    assert conversion.plan_names([decoder, words, *rest]).added == {}
    # An encoder without a head, and a head without an encoder.
    assert conversion.plan_names([words]).added == {}
    assert conversion.plan_names([decoder, rest[0]]).added == {}
    assert conversion.plan_names([words, *rest], conversion.Options(skip_lm_head=True)).added == {}


@pytest.mark.parametrize("prefix", ["electra", "electra."])
def test_prefix_is_added_to_names(tmp_path, prefix):
    path = save(tmp_path, {"embeddings.word_embeddings.weight": torch.ones(2, 3)})
    report = conversion.convert(path, prefix=prefix)
    assert report.renamed == {"embeddings.word_embeddings.weight": WORDS}
    assert list(oxbert.load_weights(report.target)) == [WORDS]


def test_suffix_keeps_the_last_part_of_names():
    plan = conversion.plan_names(["0.linear.weight", "0.linear.bias"], conversion.Options(suffix=True))
    assert plan.written == {"weight": "0.linear.weight", "bias": "0.linear.bias"}


def test_embeddings_and_lm_head_can_be_skipped():
    names = ["encoder.embed_tokens.weight", "lm_head.weight", "lm_head.bias", "shared.weight"]
    plan = conversion.plan_names(names, conversion.Options(skip_embeddings=True, skip_lm_head=True))
    assert list(plan.written) == ["lm_head.bias", "shared.weight"]
    assert list(plan.dropped) == names[:2]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype_changes_floats_only(tmp_path, state, dtype):
    given = state | {"steps": torch.tensor(7), "kept": torch.tensor([True])}
    report = conversion.convert(save(tmp_path, given), dtype=dtype)
    written = oxbert.load_weights(report.target, "torch")
    assert written["steps"].dtype == torch.int64 and written["kept"].dtype == torch.bool
    assert_equal({WORDS: state[WORDS].to(getattr(torch, dtype))}, {WORDS: written[WORDS]})
    assert report.cast == ({} if dtype == "float32" else {("float32", dtype): len(state) + 1})


def test_numbers_that_underflow_are_counted(tmp_path):
    path = save(tmp_path, {"x": torch.tensor([1e-9, 0.0, 1.0, float("inf"), float("nan")])})
    report = conversion.convert(path, dtype="float16")
    assert report.flushed == 1
    assert (
        str(oxbert.load_weights(report.target, "torch")["x"]) == "tensor([0., 0., 1., inf, nan], dtype=torch.float16)"
    )


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("float16", torch.tensor([1.0, -65520.0])), ("float32", torch.tensor([1e39], dtype=torch.float64))],
)
def test_overflow_is_an_error_and_leaves_the_old_file(tmp_path, dtype, value):
    path = save(tmp_path, {"fine": torch.ones(2), "large": value})
    (tmp_path / "rust_model.ot").write_bytes(b"old")
    with pytest.raises(WeightsError, match=r"large \(up to") as caught:
        conversion.convert(path, dtype=dtype)
    assert len(caught.value.tensors) == 1
    assert files(tmp_path) == ["pytorch_model.bin", "rust_model.ot"]
    assert (tmp_path / "rust_model.ot").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["a.LayerNorm.gamma", "a.LayerNorm.weight"], {}),
        (["module.x", "x"], {}),
        (["a.weight", "b.weight"], {"suffix": True}),
    ],
    ids=["gamma", "module", "suffix"],
)
def test_name_collisions_are_refused(names, options):
    with pytest.raises(WeightsError, match="both become") as caught:
        conversion.plan_names(names, conversion.Options(**options))
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize("options", [{"dtype": "int8"}, {"prefix": "a", "suffix": True}])
def test_bad_options_are_refused(options):
    with pytest.raises(InputError):
        conversion.Options(**options)


def test_missing_and_partial_sources_are_refused(tmp_path, state):
    with pytest.raises(MissingFileError, match="no such file"):
        conversion.convert(tmp_path / "no.bin")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(MissingFileError, match=r"has no model\.safetensors, .* or model.*; it holds: notes\.txt"):
        conversion.convert(tmp_path)
    shard = tmp_path / "model-00001-of-00002.safetensors"
    shard.write_text("")
    with pytest.raises(InputError, match="one of several files"):
        conversion.convert(shard)
    broken = save(tmp_path, state)
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(OxbertError, match=r"pytorch_model\.bin"):
        conversion.convert(broken)
    with pytest.raises(WeightsError, match="holds no tensor"):
        conversion.convert(save(tmp_path / "empty", {}))
    with pytest.raises(WeightsError, match="no tensor left"):
        conversion.convert(save(tmp_path / "buffers", {"position_ids": torch.arange(3)}))
    assert not list(tmp_path.rglob("*.ot"))


# torch warns once per process.
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sparse_tensors_are_refused(tmp_path):
    with pytest.raises(OxbertError, match="sparse"):
        conversion.convert(save(tmp_path, {"x": torch.eye(3).to_sparse()}))
    assert files(tmp_path) == ["pytorch_model.bin"]


def test_bad_targets_are_refused(tmp_path, state):
    source = save(tmp_path, state, "rust_model.ot")
    before = source.read_bytes()
    with pytest.raises(InputError, match="is the source itself"):
        conversion.convert(tmp_path, dtype="float16")
    with pytest.raises(InputError, match=r"ends in \.ot"):
        conversion.convert(source, tmp_path / "model.safetensors", to="ot")
    with pytest.raises(InputError, match=r"ends in \.ot, \.safetensors, \.bin"):
        conversion.convert(source, tmp_path / "model.h5")
    with pytest.raises(InputError, match="expected one of ot"):
        conversion.convert(source, tmp_path, to="h5")
    (tmp_path / "folder.ot").mkdir()
    with pytest.raises(InputError, match="expected a file"):
        conversion.convert(source, tmp_path / "folder.ot")
    with pytest.raises(OxbertError, match="cannot write"):
        conversion.convert(source, tmp_path / "no" / "folder" / "x.ot")
    assert files(tmp_path) == ["rust_model.ot"] and source.read_bytes() == before


def test_written_file_is_compared_with_its_source(tmp_path, state, monkeypatch):
    def broken(path, arrays, component=None):
        tensors = oxbert.load_weights(path, arrays)
        if Path(path).suffix == ".ot":
            tensors[WORDS][0, 0] += 1
        return tensors

    monkeypatch.setattr(sys.modules["oxbert.conversion.convert"], "load_weights", broken)
    with pytest.raises(WeightsError, match=f"read back, {WORDS} differed"):
        conversion.convert(save(tmp_path, state))
    assert files(tmp_path) == ["pytorch_model.bin"]


def test_command_converts_and_reports(tmp_path, state):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in state.items()}
    save(tmp_path / "a", old | {"electra.embeddings.position_ids": torch.arange(16)[None]})
    done = run(tmp_path / "a", "--dtype", "Float16", "--skip_lm_head", cwd=elsewhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert "embeddings.LayerNorm.gamma -> electra.embeddings.LayerNorm.weight" in done.stdout
    assert "float32 -> float16" in done.stdout and "electra.embeddings.position_ids" in done.stdout
    assert "--skip-lm-head had nothing to leave out" in done.stdout
    written = oxbert.load_weights(tmp_path / "a" / "rust_model.ot", "torch")
    assert DECODER not in written and written[WORDS].dtype == torch.float16
    # No other file is left in the working folder or beside the source.
    assert files(elsewhere) == [] and files(tmp_path / "a") == ["pytorch_model.bin", "rust_model.ot"]

    done = run(tmp_path / "a" / "pytorch_model.bin", "--output", "here.ot", "--quiet", cwd=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert files(elsewhere) == ["here.ot"]


def test_command_converts_the_others_after_a_failure(tmp_path, state):
    save(tmp_path / "a", state)
    save(tmp_path / "b", state).write_bytes(b"PK\x03\x04 no weights")
    save(tmp_path / "c", state)
    done = run("*/pytorch_model.bin", cwd=tmp_path)
    assert done.returncode == 1
    assert "2 of 3 converted" in done.stderr and "failed: b/pytorch_model.bin" in done.stderr
    assert "Traceback" not in done.stderr
    assert [name for name in files(tmp_path) if name.endswith(".ot")] == ["a/rust_model.ot", "c/rust_model.ot"]


def test_two_sources_of_one_target_are_refused(tmp_path, state):
    save(tmp_path, state)
    save(tmp_path, {"args": torch.ones(1)}, "training.bin")
    done = run("*.bin", cwd=tmp_path)
    assert done.returncode == 1 and "would both be written to" in done.stderr
    assert files(tmp_path) == ["pytorch_model.bin", "training.bin"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["x.bin", "--no-such-option"], 2),
        (["x.bin", "--dtype", "int8"], 2),
        (["a", "b", "--output", "c.ot"], 2),
        (["x.bin", "--output", "c.h5"], 2),
        (["x.bin", "--output", "c.bin", "--to", "ot"], 2),
        (["x.bin", "--prefix", "a", "--suffix"], 2),
        (["x.bin"], 1),
        (["*.bin"], 1),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else str(value),
)
def test_usage_errors_set_the_exit_status(tmp_path, arguments, status):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == status and done.stderr and "Traceback" not in done.stderr
    assert files(tmp_path) == []


def test_every_option_is_documented(tmp_path):
    document = (SCRIPT.parents[1] / "docs" / "conversion.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z_-]+", run("--help", cwd=tmp_path, env=os.environ | {"COLUMNS": "200"}).stdout))
    # The document lists rust_bert's spellings below the table.
    options = {option for option in options if "_" not in option} - {"--help"}
    table = document.partition("## Options")[2].partition("\n## ")[0]
    assert {"--prefix", "--dtype"} <= options == set(re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE))


def test_full_disk_leaves_no_half_file(tmp_path, state):
    save(tmp_path, state)
    (tmp_path / "rust_model.ot").write_bytes(b"old")
    # A limit of the size of files acts like a full disk.
    done = run(tmp_path, cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    assert done.returncode == 1 and "cannot write" in done.stderr and "Traceback" not in done.stderr
    assert files(tmp_path) == ["pytorch_model.bin", "rust_model.ot"]
    assert (tmp_path / "rust_model.ot").read_bytes() == b"old"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_folder_is_an_error(tmp_path, state):
    source = save(tmp_path / "a", state)
    source.parent.chmod(0o555)
    try:
        done = run(source, cwd=tmp_path)
        assert done.returncode == 1 and "cannot write" in done.stderr and "Traceback" not in done.stderr
        assert files(tmp_path / "a") == ["pytorch_model.bin"]
    finally:
        source.parent.chmod(0o755)


# The model of --check, and what is written beside the weights.


@pytest.mark.parametrize("name", CLASSES)
def test_check_runs_the_class_of_the_checkpoint(tmp_path, name):
    family, sizes = ("Electra", BASE) if name.startswith("Electra") else ("DistilBert", DISTILBERT_BASE)
    settings = getattr(oxbert, f"{family}Config")(**sizes)
    getattr(oxbert, name).from_config(settings, seed=1).save_pretrained(tmp_path)
    (tmp_path / "half").mkdir()
    described = json.loads((tmp_path / "config.json").read_bytes())
    # An architecture that oxbert lacks leaves the choice to the tensors. Those of this class tell nothing.
    others = [] if name == "DistilBertForMultipleChoice" else ["ElectraForCausalLM"]
    for architecture in [name, *others]:
        (tmp_path / "config.json").write_text(json.dumps(described | {"architectures": [architecture]}))
        report = conversion.convert(tmp_path, check=True)
        assert (report.checked, report.difference) == (name, 0.0)
        report = conversion.convert(tmp_path, tmp_path / "half", dtype="bfloat16", check=True)
        assert report.checked == name and 0 < report.difference < 1


def test_check_refuses_weights_without_a_model(tmp_path, state):
    source = save(tmp_path, state)
    with pytest.raises(InputError, match=r"expected a config\.json beside") as caught:
        conversion.convert(source, check=True)
    assert caught.value.what == "check"
    described = config().to_dict() | {"architectures": ["ElectraForPreTraining"]}
    (tmp_path / "config.json").write_text(json.dumps(described))
    with pytest.raises(WeightsMismatchError, match="ElectraForPreTraining needs") as caught:
        conversion.convert(source, check=True)
    assert "discriminator_predictions.dense.weight" in caught.value.missing
    assert files(tmp_path) == ["config.json", "pytorch_model.bin"]
    with pytest.raises(InputError) as caught:
        conversion.convert(source, component="both")
    assert caught.value.what == "component"


def test_a_configuration_is_written_only_where_there_is_none(tmp_path, state):
    source, target = save(tmp_path / "source", state), tmp_path / "target"
    target.mkdir()
    assert conversion.convert(source, target).config is None and files(target) == ["rust_model.ot"]
    config().save_pretrained(source.parent)
    assert conversion.convert(source, target).config == target / "config.json"
    assert json.loads((target / "config.json").read_bytes()) == json.loads((source.parent / "config.json").read_bytes())
    (target / "config.json").write_text("{}")
    assert conversion.convert(source, target).config is None
    assert (target / "config.json").read_text() == "{}" and files(target) == ["config.json", "rust_model.ot"]


def test_a_failed_write_leaves_nothing(tmp_path, state, monkeypatch):
    source = save(tmp_path, state)

    def lossy(tensors, path):
        oxbert.save_weights({name: tensor for name, tensor in tensors.items() if name != WORDS}, path)

    def refuse(self, target):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["oxbert.conversion.convert"], "save_weights", lossy)
        with pytest.raises(WeightsError, match=re.escape(WORDS)):
            conversion.convert(source)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(FileError, match="cannot write") as caught:
            conversion.convert(source)
    error = caught.value
    assert (error.path, error.action, error.errno) == (str(tmp_path / "rust_model.ot"), "write", errno.EACCES)
    assert files(tmp_path) == ["pytorch_model.bin"]
