"""Test the commands as people call them: what they print, their exit codes, and what they import."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import oxbert
from oxbert import _native
from oxbert.cli import _COMMANDS, _shared, app

from . import processes

REPLACED = "Returns the number of elements because the list."
MASKED = "Return the number of [MASK] in the graph."


def call(*arguments: object, **more: Any) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)), **more)


def oxbert_process(*arguments: object, **options: Any) -> Any:
    return processes.run([sys.executable, "-m", "oxbert", *arguments], **options)


def test_detect_marks_replaced_words_with_and_without_colours() -> None:
    done = call("detect", REPLACED, "A <b>[red]text[/]", env={"COLUMNS": "200"})
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first == "Returns the number of elements because <85%> the list."
    assert re.sub(" <[0-9]+%>", "", second) == "A <b>[red]text[/]"
    assert call("detect", REPLACED, "-t", "0.9").stdout.strip() == REPLACED
    done = oxbert_process("detect", REPLACED, env=os.environ | {"FORCE_COLOR": "1", "COLORTERM": "truecolor"})
    assert "\x1b[1;38;2;220;50;40mbecause\x1b[0m" in done.stdout and done.stdout.endswith("because 85%\n")


def test_detect_gives_the_words_of_the_pipeline() -> None:
    done = call("detect", REPLACED, "The embeddings", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    detect = oxbert.pipeline("replaced-token-detection", threshold=0)
    for row, words in zip(rows, detect([REPLACED, "The embeddings"]), strict=True):
        assert row["words"] == [word | {"replaced": word["probability"] >= 0.25} for word in words]
    done = call("detect", REPLACED, "--generator", "electra-tiny-generator", "-k", 3, "--format", "jsonl")
    detect = oxbert.pipeline("replaced-token-detection", threshold=0.25, generator="electra-tiny-generator", top_k=3)
    assert [word for word in json.loads(done.stdout)["words"] if word.pop("replaced")] == detect(REPLACED)
    done = call("detect", REPLACED, "--generator", "electra-tiny-generator", "-k", 2)
    assert re.fullmatch(r"  because 85%: \w+, \w+", done.stdout.splitlines()[1])


def test_fill_mask_gives_the_candidates_of_the_pipeline(tmp_path: Path) -> None:
    fill = oxbert.FillMask.from_pretrained("electra-tiny-generator", precision="int8")
    done = call("fill-mask", MASKED, "-k", 3, "--precision", "int8", "--format", "jsonl")
    assert json.loads(done.stdout) == {"text": MASKED, "masks": fill([MASKED], top_k=3)[0]}
    done = call("fill-mask", MASKED, "-k", 3, "--html", tmp_path / "a.html", "--png", tmp_path / "a.png")
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["nodes", "73%"],
        ["edges", "4%"],
        ["g", "3%"],
    ]
    assert "<th>nodes</th>" in (tmp_path / "a.html").read_text("utf-8")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "a.html").write_text("mine")
    refused = call("fill-mask", MASKED, "--html", tmp_path / "a.html")
    assert refused.exit_code == 1 and "a.html exists; expected --overwrite" in refused.stderr
    assert (tmp_path / "a.html").read_text() == "mine"
    assert call("fill-mask", MASKED, "--html", tmp_path / "a.html", "--overwrite").exit_code == 0
    assert "<th>nodes</th>" in (tmp_path / "a.html").read_text("utf-8")


def test_several_masks_have_numbers() -> None:
    lines = call("fill-mask", f"{MASKED} Then [MASK].", "-k", 2).stdout.splitlines()[1:]
    assert [re.sub(" +[0-9]+%.*", "", line)[:5] for line in lines] == ["  1  ", "     ", "  2  ", "     "]
    # The values of all masks stand below each other.
    assert len({line.index("%") for line in lines}) == 1


def test_long_texts_are_cut_in_messages() -> None:
    done = call("fill-mask", "word " * 100_000)
    assert done.exit_code == 1 and len(done.stderr) < 200


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_texts_reach_a_terminal_of_any_encoding(encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    shown = oxbert_process("detect", "日本", "-t", 1, env=environment)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "\\u65e5\\u672c\n", "")
    # Rows are UTF-8, as in files.
    rows = oxbert_process("detect", "日本", "--format", "jsonl", env=environment, encoding="utf-8")
    assert rows.returncode == 0 and json.loads(rows.stdout)["text"] == "日本"


def test_names_of_options_are_whole_on_a_narrow_terminal() -> None:
    done = oxbert_process("detect", "--help", env=os.environ | {"COLUMNS": "40"})
    assert "--skip-errors " in done.stdout and "…" not in done.stdout


def test_texts_come_from_standard_input() -> None:
    done = call("detect", "--format", "csv", input=f"{REPLACED}\n\nA text.\r\n")
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == ["text", REPLACED, "A text."]
    done = call("detect", "-i", "-", "--input-format", "jsonl", "--column", "t", input='{"t": "A text."}')
    assert done.stdout.startswith("A text.")


def test_control_characters_of_texts_do_not_reach_the_terminal() -> None:
    done = call("detect", "a \x1b[31mtext\x07 \x9b31m\x00"[:-1])
    assert done.exit_code == 0 and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--version"], 0, f"oxbert {oxbert.__version__}\n"),
        (["nothing"], 2, "No such command 'nothing'"),
        (["detect", "--precision", "int4", "a"], 2, "--precision"),
        (["fill-mask", "-k", "0", "a"], 2, "--top-k"),
        (["fill-mask", "a"], 1, "error: texts: expected a [MASK] in every text"),
        (["detect", "-m", "no such model", "a"], 1, "is neither a folder, nor a bundled model"),
        (["detect", "-m", "electra-tiny-generator", "a"], 1, "error: "),
        (["detect", "--device", "nowhere", "a"], 1, "error: "),
        (["detect", "a " * 200], 1, "TEXT: 202 tokens are more than the model's 128 positions; shorten the text"),
        (["embed", "-m", "electra-tiny-generator", "a " * 200], 1, "128 positions; pass --truncate, or shorten"),
        (["tag", "a"], 1, "--model: expected a token classifier: no model of token-classification ships"),
        (["detect", "a", "-i", "b"], 1, "expected texts or --input, got both"),
        (["detect", "a", "--html", "a.txt"], 1, "--html: expected .html at the end, got a.txt"),
        (["detect", "a", "--html", "a.html", "-o", "a.jsonl", "--resume"], 1, "--html: expected none with --resume"),
        (["detect", "a", "--html", "a.html", "-o", "a.html"], 1, "--html: expected a file of its own, got a.html"),
        (["detect"], 1, "standard input: expected texts, found none"),
        (["info", "no such model"], 1, "is neither a folder, nor a bundled model"),
        (["download", "owner/repo"], 1, "error: "),
        (["doctor", "--device", "nowhere"], 1, "error: "),
    ],
)
def test_exit_codes_and_messages(arguments: list[str], code: int, reason: str) -> None:
    done = call(*arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == code and reason in done.output, done.output
    assert "Traceback" not in done.output
    if code == 1:
        assert len(done.stderr.splitlines()) == 1


def test_debug_prints_the_trace_of_every_command() -> None:
    for arguments in (
        ["detect", "-m", "none", "a"],
        ["info", "none"],
        ["pretrain-data", "none", "-o", "x", "--vocab", "none"],
    ):
        assert "Traceback" in call(*arguments, "--debug").output
        assert "Traceback" not in call(*arguments).output
    assert not _shared.is_debugging


def test_help_names_every_command_and_option() -> None:
    done = call("--help", env={"COLUMNS": "200"})
    for name in _COMMANDS:
        assert re.search(rf"{name} +[A-Z]", done.output), name
        page = call(*name.split(), "--help", env={"COLUMNS": "300"})
        assert page.exit_code == 0 and "--debug" in page.output
        # The first sentence of the command stands in the list of commands.
        assert page.output.split("\n\n")[0]


def test_the_shell_completes_commands() -> None:
    script = "import sys; sys.argv = ['oxbert']; from oxbert.cli import main; main()"
    done = processes.run(
        [sys.executable, "-c", script],
        env=os.environ | {"_OXBERT_COMPLETE": "complete_bash", "COMP_WORDS": "oxbert de", "COMP_CWORD": "1"},
    )
    assert done.stdout.split() == ["detect"]


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = processes.run(
        [
            "bash",
            "-c",
            f"yes '{REPLACED}' | head -20000 | {sys.executable} -m oxbert detect | head -1; echo ${{PIPESTATUS[2]}}",
        ]
    )
    assert done.stdout.splitlines()[-1] == "141" and done.stderr == ""


def test_a_sentence_imports_nothing_that_it_does_not_need() -> None:
    script = """
import sys
sys.argv = ["oxbert", "detect", "A text."]
from oxbert.cli import main
try:
    main()
except SystemExit as done:
    assert done.code == 0
heavy = {"torch", "pyarrow", "matplotlib", "tqdm", "yaml", "huggingface_hub", "transformers", "numpy.random"}
print(*heavy & set(sys.modules), *(name for name in sys.modules if name.startswith("oxbert.training")))
"""
    done = processes.run([sys.executable, "-c", script], check=True)
    assert done.stdout.splitlines()[1:] == [""]


def test_threads_are_set() -> None:
    before = _native._threads()
    try:
        assert call("detect", "A text.", "--threads", 3).exit_code == 0
        assert _native._threads() == 3
    finally:
        _native._set_threads(before)
        os.environ.pop("RAYON_NUM_THREADS", None)
    with pytest.raises(oxbert.errors.InputError, match="threads: expected at least 1, got 0"):
        _native._set_threads(0)


# What a model and a machine are.


@pytest.mark.parametrize("family", ["Electra", "DistilBert"])
def test_info_counts_what_the_models_have(family: str, tmp_path: Path) -> None:
    sizes = {"vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    config = getattr(oxbert, f"{family}Config")(**sizes, num_labels=3)
    model = getattr(oxbert, f"{family}ForTokenClassification")(config, seed=0)
    model.save_pretrained(tmp_path)
    found = json.loads(call("info", tmp_path, "--json").stdout)
    assert found["parameters"] == model.num_parameters()
    assert found["encoder"] == getattr(oxbert, f"{family}Model")(config, seed=0).num_parameters()
    assert [name for name, head in found["heads"].items() if head["loaded"]] == [f"{family}ForTokenClassification"]
    assert set(found["heads"]) == {name for name in dir(oxbert) if name.startswith(f"{family}For")} - {
        "DistilBertForSentenceEmbeddings"
    }
    assert found["vocabulary"] == 40 and found["sizes"]["layers"] == 2 and found["sizes"]["hidden"] == 24
    assert found["memory"]["float32"] == 4 * found["parameters"]
    memory = found["memory"]
    assert memory["int8"] < memory["int8_bfloat16"] < memory["float16"] == memory["bfloat16"] < memory["float32"]
    assert found["tokenizer"]["class"].startswith("none: ")
    done = call("info", tmp_path)
    assert re.search(rf"{family}ForMaskedLM: lacks [56] parameters", done.stdout)
    assert f"{family}ForTokenClassification: loaded" in done.stdout


def test_info_of_a_bundled_model_and_of_a_broken_one(tmp_path: Path) -> None:
    done = call("info", "electra-tiny-discriminator", env={"COLUMNS": "200"})
    assert "ElectraForPreTraining: loaded" in done.stdout and "8,192 tokens" in done.stdout
    assert "ElectraTokenizer" in done.stdout
    oxbert.ElectraConfig(vocab_size=40, hidden_size=24, num_hidden_layers=1).save_pretrained(tmp_path)
    oxbert.save_weights({"a": [1.0]}, tmp_path / "model.safetensors")
    done = call("info", tmp_path)
    assert done.exit_code == 1 and "of the encoder, such as" in done.output


def test_doctor_measures_and_tests_every_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    from oxbert.cli import doctor

    monkeypatch.setattr(doctor, "_SECONDS", 0.01)
    done = call("doctor", env={"COLUMNS": "200"})
    assert done.exit_code == 0 and "all tests passed" in done.output, done.output
    for name in ("oxbert", "Python", "torch", "CUDA", "numpy", "pyarrow", "processor", "features"):
        assert re.search(rf"^{name} +\S", done.output, re.MULTILINE), name
    for precision, kernels, refusal in _native._kernels("cpu"):
        [line] = [line for line in done.output.splitlines() if line.split()[:1] == [precision]]
        assert (kernels is None) == (refusal is not None)
        assert "none" in line if kernels is None else re.search(rf"{kernels} +\d+ GFLOP/s +passed", line)
    assert "OXBERT_KERNELS" not in os.environ
    monkeypatch.setattr(doctor, "_REPLACED", "Returns the number of elements in the list.")
    done = call("doctor")
    assert done.exit_code == 1 and "failed: expected 'because' to be replaced" in done.output


def test_kernels_follow_the_instructions_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXBERT_KERNELS", "portable")
    [first, *others] = _native._kernels("cpu")
    assert first == ("float32", "libtorch", None)
    for precision, kernels, reason in others:
        if "int8" in precision:
            assert kernels is None and "AVX2" in str(reason)
        else:
            assert (kernels, reason) == ("libtorch", None)
    has = dict(_native._features())
    monkeypatch.setenv("OXBERT_KERNELS", "avx2")
    if has.get("avx2") and has["fma"] and has["f16c"]:
        assert [kernels for _, kernels, _ in _native._kernels("cpu")] == ["avx2", "avx2", None, "avx2", None]
