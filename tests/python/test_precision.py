"""Test the precisions of frozen models: their numbers, that these depend on the text alone, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch

import oxbert
from oxbert import _native
from oxbert.errors import InputError

from . import hostile, processes, reference

PRECISIONS = ["float32", "float16", "bfloat16", "int8", "int8_bfloat16"]
DISCRIMINATOR, GENERATOR = "electra-tiny-discriminator", "electra-tiny-generator"

# The largest difference of a logit from float32's, with the random weights of `reference.fresh`.
TOLERANCES = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 0.05, "int8": 0.2, "int8_bfloat16": 0.2}


def emulated(precision: str) -> bool:
    """Return whether this processor needs `emulate=True`."""
    return "bfloat16" in precision and "avx512_bf16" not in Path("/proc/cpuinfo").read_text()


def load(kind: type, folder: str | Path, precision: str) -> oxbert.Model:
    return kind.from_pretrained(folder, trainable=False, precision=precision, emulate=emulated(precision))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["ElectraModel", "ElectraForMaskedLM", "DistilBertForSequenceClassification"])
def test_each_precision_is_near_float32(name: str, precision: str, tmp_path: Path) -> None:
    model = reference.fresh(name)
    model.save_pretrained(tmp_path)
    frozen = load(type(model), tmp_path, precision)
    rows = [[1, 2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12, 13]]
    options = {"output_hidden_states": True, "output_attentions": True}
    for ours, theirs in zip(frozen(rows, **options).to_tuple(), model(rows, **options).to_tuple(), strict=True):
        for one, other in zip(
            *(value if isinstance(value, tuple) else (value,) for value in (ours, theirs)), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCES[precision])
    assert frozen.precision == precision
    assert repr(frozen).endswith(f"frozen, {precision} on cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "count"),
    [("float32", 10_000), ("float16", 2_000), ("bfloat16", 2_000), ("int8", 2_000), ("int8_bfloat16", 2_000)],
)
def test_the_bits_of_a_text_do_not_depend_on_its_neighbours(precision: str, count: int, tmp_path: Path) -> None:
    config = oxbert.ElectraConfig(
        vocab_size=90,
        embedding_size=12,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        max_position_embeddings=512,
    )
    oxbert.ElectraForPreTraining(config, seed=5).save_pretrained(tmp_path)
    model = load(oxbert.ElectraForPreTraining, tmp_path, precision)
    random = np.random.default_rng(6)
    lengths = np.clip(random.lognormal(2.5, 1.0, count), 1, 512).astype(int)
    lengths[:2] = [1, 512]
    texts = [random.integers(0, 90, length).tolist() for length in lengths]
    before = torch.get_num_threads()

    def logits(batch: list[list[int]]) -> list[np.ndarray]:
        output = model(batch)
        values = np.stack([output.logits, output.probabilities], 2)
        return [row[: len(text)] for row, text in zip(values, batch, strict=True)]

    alone = [logits([text])[0] for text in texts[:1000]]
    resident = hostile.resident()
    alone += [logits([text])[0] for text in texts[1000:]]
    assert hostile.resident() - resident < 32 << 20
    try:
        for threads, size in [(1, 256), (2, 100), (3, 17)]:
            torch.set_num_threads(threads)
            order = random.permutation(len(texts))
            for begin in range(0, len(texts), size):
                part = order[begin : begin + size]
                for place, row in zip(part, logits([texts[place] for place in part]), strict=True):
                    np.testing.assert_array_equal(row, alone[place])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("precision", "kernels"),
    [
        *((precision, None) for precision in PRECISIONS[1:]),
        ("int8", "avx2"),
        ("int8", "avx512"),
        ("float16", "portable"),
        ("bfloat16", "portable"),
    ],
)
def test_answers_are_those_of_float32(precision: str, kernels: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels == "avx512" and " avx512_vnni " not in Path("/proc/cpuinfo").read_text():
        pytest.skip("needs a processor with AVX-512 and VNNI")
    docs = Path(__file__).parents[2] / "docs"
    texts = [line for path in sorted(docs.glob("*.md")) for line in path.read_text().splitlines() if len(line) > 60]
    texts = [text[:300] for text in texts if "[MASK]" not in text][:1500]
    least = {"float16": 0.999, "bfloat16": 0.995, "int8": 0.985, "int8_bfloat16": 0.985}[precision]
    # Where bfloat16 can be had, int8 attends in it, and keeps fewer: that is why `auto` takes int8_bfloat16 there.
    is_least = precision == "int8" and kernels is None and not emulated("bfloat16")
    least_of_masks = 0.98 if is_least else least
    if kernels is not None:
        monkeypatch.setenv("OXBERT_KERNELS", kernels)
    options = {"precision": precision, "emulate": emulated(precision) and kernels != "portable"}
    detect = [oxbert.ReplacedTokenDetection.from_pretrained(DISCRIMINATOR, **way) for way in ({}, options)]
    ours, theirs = ([token["probability"] > 0.5 for text in pipeline(texts) for token in text] for pipeline in detect)
    assert np.mean(np.equal(ours, theirs)) >= least
    words = [text.split() for text in texts]
    masked = [" ".join([*some[:3], "[MASK]", *some[4:]]) for some in words if len(some) > 4]
    fill = [oxbert.FillMask.from_pretrained(GENERATOR, **way) for way in ({}, options)]
    ours, theirs = ([mask[0]["candidates"][0]["token"] for mask in pipeline(masked, top_k=1)] for pipeline in fill)
    assert np.mean(np.equal(ours, theirs)) >= least_of_masks


@pytest.mark.parametrize(("name", "answers"), [(GENERATOR, 8), (DISCRIMINATOR, None), ("encoder", 6)])
def test_quality_compares_the_answers(name: str, answers: int | None, tmp_path: Path) -> None:
    texts = [f"Return the number {place} of a list of names." for place in range(6)]
    if name == "encoder":
        tokenizer = oxbert.ElectraTokenizer.from_pretrained(GENERATOR)
        tokenizer.save_pretrained(tmp_path)
        oxbert.ElectraModel.from_pretrained(GENERATOR).save_pretrained(tmp_path)
    found = oxbert.quality(tmp_path if name == "encoder" else name, iter(texts), precisions=["float32", "int8"])
    exact, rough = found["float32"], found["int8"]
    assert exact.difference == 0 < rough.difference < 1
    assert exact.answers == rough.answers > 0
    assert answers in (None, exact.answers)
    if name == "encoder":
        assert exact.equal is rough.equal is None
        assert 0.98 < rough.cosine < exact.cosine == pytest.approx(1, abs=1e-6)
    else:
        assert exact.cosine is rough.cosine is None
        assert 0.8 < rough.equal <= exact.equal == 1
    with pytest.raises(InputError, match=r"^texts: expected at least one text, got none$"):
        oxbert.quality(name if name != "encoder" else tmp_path, [])


def test_quality_tells_of_what_is_not_a_number(tmp_path: Path) -> None:
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(GENERATOR)
    tokenizer.save_pretrained(tmp_path)
    model = oxbert.ElectraModel.from_pretrained(GENERATOR)
    word = tokenizer.convert_tokens_to_ids("number")
    with torch.no_grad():
        # Too large for the float16 of word embeddings.
        model.get_input_embeddings().weight[word] *= 1e7
    model.save_pretrained(tmp_path)
    texts = ["Return a copy.", "the number", "Sort the list."]
    found = oxbert.quality(tmp_path, texts, precisions=["float16"])["float16"]
    assert np.isnan(found.cosine) and not np.isfinite(found.difference)


def test_quality_compares_what_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["The number of elements."]
    assert list(oxbert.quality(GENERATOR, texts)) == ["float16", "bfloat16", "int8_bfloat16", "int8"]
    monkeypatch.setenv("OXBERT_KERNELS", "portable")
    assert list(oxbert.quality(GENERATOR, texts)) == ["float16", "bfloat16"]
    with pytest.raises(InputError, match='got "int8"'):
        oxbert.quality(GENERATOR, texts, precisions=["int8"])
    # Modules that no sentence encoder has: the head is compared.
    oxbert.ElectraForMaskedLM.from_pretrained(GENERATOR).save_pretrained(tmp_path)
    oxbert.ElectraTokenizer.from_pretrained(GENERATOR).save_pretrained(tmp_path)
    (tmp_path / "modules.json").write_text(
        '[{"type": "a.Transformer", "path": ""}, {"type": "a.SpladePooling", "path": ""}]'
    )
    assert oxbert.quality(tmp_path, texts, precisions=["float16"])["float16"].equal == 1


def test_a_pickled_pipeline_keeps_its_precision() -> None:
    text = ["The function returns a [MASK] of strings."]
    fill = oxbert.FillMask.from_pretrained(GENERATOR, precision="int8")
    assert pickle.loads(pickle.dumps(fill))(text) == fill(text)
    assert oxbert.FillMask.from_pretrained(GENERATOR)(text) != fill(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, r'^precision: expected one of "auto", "float32", .*, "int8_bfloat16", got "int4"$'),
        (
            {"precision": "auto", "trainable": True},
            r'^precision: expected "float32" .* got "auto": add trainable=False$',
        ),
        ({"precision": "auto", "emulate": True}, "^emulate: expected False for auto"),
        ({"precision": "int8", "trainable": True}, r'^precision: expected "float32" .* add trainable=False$'),
        ({"precision": "int8", "emulate": True}, "^emulate: expected False for int8, which needs no emulation$"),
        ({"emulate": True}, "^emulate: expected False for float32"),
    ],
)
def test_bad_precisions_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        oxbert.ElectraForPreTraining.from_pretrained(DISCRIMINATOR, **{"trainable": False, **options})
    if "trainable" not in options:
        with pytest.raises(InputError, match=message):
            oxbert.ReplacedTokenDetection.from_pretrained(DISCRIMINATOR, **options)


PROGRAM = """
import json, sys, oxbert
answers = {}
for precision, emulate in json.loads(sys.argv[1]):
    try:
        model = oxbert.ElectraForPreTraining.from_pretrained(
            "electra-tiny-discriminator", trainable=False, precision=precision, emulate=emulate)
        answers[precision] = model([[2, 7, 8, 9, 3], [2, 300, 3]]).logits.tolist()
    except oxbert.errors.OxbertError as error:
        answers[precision] = str(error)
print(json.dumps(answers))
"""


def load_with(kernels: str | None, *ways: tuple[str, bool]) -> dict[str, list[list[float]] | str]:
    """Load and run a model in each way in a process with these kernels; return logits or errors."""
    environment = {name: value for name, value in os.environ.items() if name != "OXBERT_KERNELS"}
    if kernels is not None:
        environment["OXBERT_KERNELS"] = kernels
    command = [sys.executable, "-c", PROGRAM, json.dumps(ways)]
    return json.loads(processes.run(command, env=environment, check=True).stdout)


def test_kernels_can_be_chosen() -> None:
    ways = [("float32", False), ("float16", False), ("int8", False), ("bfloat16", True), ("int8_bfloat16", True)]
    chosen = load_with(None, *ways)
    found = {}
    flags = Path("/proc/cpuinfo").read_text()
    for kernels, flag in [("avx2", "avx2"), ("avx512", "avx512_vnni"), ("avx512bf16", "avx512_bf16")]:
        if f" {flag} " not in flags:
            message = load_with(kernels, ("float32", False))["float32"]
            assert str(message).startswith("OXBERT_KERNELS: expected one of ")
            continue
        found[kernels] = load_with(kernels, *ways)
        for precision in ("float32", "float16"):
            np.testing.assert_allclose(found[kernels][precision], chosen[precision], rtol=0, atol=1e-5)
    # The others round in different places, so they are compared by how far they are from float32.
    for precision in ("bfloat16", "int8", "int8_bfloat16"):
        distances = {
            kernels: np.abs(np.subtract(answers[precision], chosen["float32"])).max()
            for kernels, answers in found.items()
        }
        # With int8, AVX2 has 16 bits for the input of a product, and AVX-512 has 8.
        finer = distances.pop("avx2") if precision != "bfloat16" else 0.0
        assert finer < max(distances.values(), default=0.1) < 0.1, (precision, finer, distances)
        assert max(distances.values(), default=0.0) <= 1.25 * min(distances.values(), default=0.0), (
            precision,
            distances,
        )
    auto = "int8" if emulated("bfloat16") else "int8_bfloat16"
    [same] = load_with(None, (auto, False)).values()
    assert load_with(None, ("auto", False))["auto"] == same
    assert load_with("portable", ("auto", False))["auto"] == load_with("portable", ("float32", False))["float32"]
    portable = load_with("portable", *ways)
    np.testing.assert_allclose(portable["float32"], chosen["float32"], rtol=0, atol=1e-5)
    for precision, most in [("float16", 0.02), ("bfloat16", 0.1)]:
        difference = np.abs(np.subtract(portable[precision], chosen["float32"])).max()
        assert 0 < difference < most, precision
    assert load_with("portable", ("bfloat16", False))["bfloat16"] == portable["bfloat16"]
    for precision in ("int8", "int8_bfloat16"):
        assert str(portable[precision]).startswith('precision: expected "float32", "float16" or "bfloat16" on ')
    assert str(load_with("sse", ("float32", False))["float32"]).startswith("OXBERT_KERNELS: expected one of ")


MEASURE = """
import sys, oxbert
def memory(peak=False):
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM" if peak else "VmRSS"].split()[0]) * 1024
kind = oxbert.ElectraForMaskedLM
kind.from_pretrained("electra-tiny-generator", trainable=False, precision=sys.argv[2])([[2, 5, 3]])
before = memory()
model = kind.from_pretrained(sys.argv[1], trainable=False, precision=sys.argv[2])
print(memory() - before, memory(peak=True) - before)
"""


@pytest.mark.slow
def test_int8_takes_a_third_of_the_memory(tmp_path: Path) -> None:
    # The proportions of ELECTRA-base: a fifth of the values are words.
    config = oxbert.ElectraConfig(
        vocab_size=30_522,
        embedding_size=768,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
    )
    oxbert.ElectraForMaskedLM(config, seed=1).save_pretrained(tmp_path)
    parameters = 4 * 109e6
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "0"}
    for precision, share in [("float32", 1.05), ("int8", 0.35)]:
        command = [sys.executable, "-c", MEASURE, str(tmp_path), precision]
        used, peak = map(int, processes.run(command, env=environment, check=True).stdout.split())
        assert used < share * parameters, precision
        assert peak < 1.1 * share * parameters, precision


class FakeCuda:
    """Note the calls of `torch.cuda` that record a graph, on a machine without a GPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[object] = []
        self.stream = "default"
        self.fails = False
        for name in ("device", "stream", "graph"):
            monkeypatch.setattr(torch.cuda, name, partial(self.context, name))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: self.Stream(self, self.stream))
        monkeypatch.setattr(torch.cuda, "default_stream", lambda *_: self.Stream(self, "default"))
        monkeypatch.setattr(torch.cuda, "Stream", lambda: self.Stream(self, "side"))
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)

    @dataclass(frozen=True)
    class Stream:
        cuda: FakeCuda
        name: str

        def wait_stream(self, other: FakeCuda.Stream) -> None:
            self.cuda.calls.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def context(self, name: str, what: object, **options: object) -> Iterator[None]:
        before = self.stream
        self.stream = what.name if isinstance(what, self.Stream) else before
        self.calls.append((name, getattr(what, "name", what if isinstance(what, int) else None), *options.values()))
        yield
        self.stream = before
        self.calls.append(f"end of {name}")
        if name == "graph" and self.fails:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    def replay(self) -> None:
        self.calls.append("replay")


def test_small_batches_are_recorded_as_torch_records_them(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    work = partial(cuda.calls.append, "work")
    assert _native._record(1, work) is True
    assert cuda.calls == [
        ("device", 1),
        "side waits for default",
        ("stream", "side"),
        *["work"] * 3,
        "end of stream",
        "default waits for side",
        ("graph", None, "thread_local"),
        "work",
        "end of graph",
        "end of device",
        ("device", 1),
        "replay",
        "end of device",
    ]
    cuda.calls.clear()
    cuda.stream = "another"
    assert _native._record(1, work) is None and cuda.calls == []
    cuda.stream = "default"
    cuda.fails = True
    assert _native._record(1, work) is None
    assert cuda.calls[-2:] == ["end of graph", "end of device"]
    cuda.calls.clear()
    with pytest.raises(oxbert.OxbertError, match="out of memory"):
        _native._record(0, Mock(side_effect=RuntimeError("out of memory")))
    # Neither a stream nor a device stays behind.
    assert cuda.calls[-3:] == ["end of stream", "default waits for side", "end of device"]
    assert cuda.stream == "default"


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-3), ("float16", 0.0125), ("bfloat16", 0.1)])
def test_a_gpu_gives_the_numbers_of_the_cpu(precision: str, most: float, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    reference.fresh("ElectraForMaskedLM").save_pretrained(tmp_path)
    exact = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)
    kind = partial(oxbert.ElectraForMaskedLM.from_pretrained, tmp_path, trainable=False, device="cuda")
    model = kind(precision=precision)
    batches = [[[1, 2, 3]], [[1, 2, 3, 4], [5, 6], [7]], [[7], [5, 6], [4, 3, 2, 1]], [[3] * 10] * 3]

    def check(batch: list[list[int]]) -> None:
        for options in ({}, {"output_hidden_states": True}):
            np.testing.assert_allclose(
                np.asarray(model(batch, **options).logits), np.asarray(exact(batch).logits), rtol=0, atol=most
            )

    # Recorded, replayed, on another stream, and by several threads.
    for batch in batches * 3:
        check(batch)
    with torch.cuda.stream(torch.cuda.Stream()):
        check(batches[1])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check, batches * 10))
    assert kind(precision="auto").precision == "float16"


def test_bfloat16_is_refused_where_it_would_be_slow() -> None:
    answers = load_with("avx2", ("bfloat16", False), ("int8_bfloat16", False))
    for message in answers.values():
        assert str(message).startswith("precision: this processor does not multiply bfloat16: choose ")


TORCH_PROGRAM = """
import json, sys, numpy as np, oxbert
name, folder, precision = sys.argv[1:]
rows = [[1, 2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12, 13]]
options = {"output_hidden_states": True, "output_attentions": True}
kind = getattr(oxbert, name)
exact = kind.from_pretrained(folder)
model = kind.from_pretrained(folder, trainable=False, precision=precision)
config = exact.config.to_dict()
found, dtypes = [], set()
def flat(output):
    return [part for value in output.to_tuple() for part in (value if isinstance(value, tuple) else (value,))]
for one, other in zip(flat(model(rows, **options)), flat(exact(rows, **options)), strict=True):
    dtypes.add(str(np.asarray(one).dtype))
    found.append(float(np.abs(np.asarray(one) - np.asarray(other)).max()))
width = config["embedding_size"] if "embedding_size" in config else config["dim"]
vectors = np.random.default_rng(1).normal(size=(2, 5, width)).astype(np.float32)
given = [flat(one(inputs_embeds=vectors))[0] for one in (model, exact)]
print(json.dumps([max(found), sorted(dtypes), float(np.abs(given[0] - given[1]).max())]))
"""


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "name", ["ElectraModel", "ElectraForMaskedLM", "DistilBertForMaskedLM", "DistilBertForTokenClassification"]
)
def test_half_types_on_libtorch_are_near_float32(name: str, precision: str, tmp_path: Path) -> None:
    """What a GPU computes, on the CPU: the encoder in a half type, heads and outputs in float32."""
    reference.fresh(name).save_pretrained(tmp_path)
    command = [sys.executable, "-c", TORCH_PROGRAM, name, str(tmp_path), precision]
    done = processes.run(command, env=os.environ | {"OXBERT_KERNELS": "portable"}, check=True)
    difference, dtypes, of_vectors = json.loads(done.stdout)
    most = {"float16": 0.0125, "bfloat16": 0.1}[precision]
    assert 0 < difference < most and 0 < of_vectors < most
    assert dtypes == ["float32"]
