"""Run every public callable of oxbert under a mode of torch: `python -m tests.python.torch_modes FOLDER MODE...`.

Each member prints a line of JSON before it runs, the mode and its name, and one after it, with its error or None. A crash of the process is what
`test_modes.py` looks for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

import oxbert
import oxbert.torch
from oxbert import errors

GENERATOR, DISCRIMINATOR = "electra-tiny-generator", "electra-tiny-discriminator"
SIZES: dict[str, Any] = {"vocab_size": 20, "embedding_size": 4, "num_hidden_layers": 1, "intermediate_size": 8}


class Wrapped(torch.Tensor):
    """A tensor without memory of its own, as subclasses of quantization libraries are."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Wrapped:
        wrapped = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.shape, dtype=inner.dtype, device=inner.device
        )
        wrapped.inner = inner
        return wrapped

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map(lambda x: x.inner if isinstance(x, Wrapped) else x, (args, kwargs or {}))
        return func(*args, **kwargs)


class Wrapping(TorchDispatchMode):
    """A mode whose new tensors are wrapped."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        return tree_map(lambda x: Wrapped(x) if type(x) is torch.Tensor else x, result)


def transformed(transform: Callable[..., Any]) -> Callable[[Callable[[], object]], None]:
    def run(work: Callable[[], object]) -> None:
        def inside(number: torch.Tensor) -> torch.Tensor:
            work()
            return number.sum()

        transform(inside)(torch.ones(2))

    return run


def entered(mode: Callable[[], AbstractContextManager[Any]]) -> Callable[[Callable[[], object]], None]:
    def run(work: Callable[[], object]) -> None:
        with mode():
            work()

    return run


@contextmanager
def default_device(name: str) -> Any:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


def traced(work: Callable[[], object]) -> None:
    def inside(number: torch.Tensor) -> torch.Tensor:
        work()
        return number + 1

    torch.jit.trace(inside, (torch.ones(2),), check_trace=False)


def jvp(inside: Callable[..., Any]) -> Callable[..., Any]:
    return lambda number: torch.func.jvp(inside, (number,), (number,))


MODES: dict[str, Callable[[Callable[[], object]], None]] = {
    "none": entered(nullcontext),
    "fake": entered(FakeTensorMode),
    "fake with real inputs": entered(lambda: FakeTensorMode(allow_non_fake_inputs=True)),
    "wrapping": entered(Wrapping),
    "counting": entered(lambda: FlopCounterMode(display=False)),
    "device meta": entered(lambda: torch.device("meta")),
    "default device meta": entered(lambda: default_device("meta")),
    "inference": entered(torch.inference_mode),
    "no grad": entered(torch.no_grad),
    "grad": transformed(torch.func.grad),
    "vmap": transformed(torch.func.vmap),
    "grad of vmap": transformed(lambda inside: torch.func.grad(lambda x: torch.func.vmap(inside)(x).sum())),
    "jvp": transformed(jvp),
    "functionalize": transformed(torch.func.functionalize),
    "trace": traced,
}  # fmt: skip


def add_pooling(folder: Path, width: int) -> None:
    """Make a model's folder one of sentence-transformers, with the mean over tokens."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def members(folder: Path) -> dict[str, Callable[[], object]]:
    """Return what is done with each public name."""
    electra = oxbert.ElectraConfig(hidden_size=8, num_attention_heads=2, **SIZES)
    small = oxbert.ElectraConfig(hidden_size=4, num_attention_heads=1, **SIZES)
    distilbert = oxbert.DistilBertConfig(vocab_size=20, dim=8, n_heads=2, n_layers=1, hidden_dim=8)
    ids = np.array([[1, 2, 3], [4, 5, 0]])
    states = np.ones((2, 3, 8), dtype=np.float32)

    def model(kind: Any) -> Callable[[], object]:
        def work() -> None:
            config = electra if kind.__name__.startswith("Electra") else distilbert
            made = kind.from_config(config, seed=1)
            rows: Any = [ids.tolist()] if "MultipleChoice" in kind.__name__ else ids.tolist()
            labels = {name: [0, 1] for name in ("start_positions", "end_positions") if name in kind.arguments}
            if "labels" in kind.arguments:
                labels["labels"] = [0] if "MultipleChoice" in kind.__name__ else [0, 1]
                if any(head in kind.__name__ for head in ("MaskedLM", "PreTraining", "TokenClassification")):
                    labels["labels"] = [[0, 1, 1], [1, 0, 0]]  # type: ignore[list-item]
            made(rows, output_hidden_states=True, output_attentions=True, **labels)
            made.eval()(np.asarray(rows), np.ones_like(rows))
            made.save_pretrained(folder / kind.__name__)
            made.load_state_dict(made.state_dict())
            again = kind.from_pretrained(folder / kind.__name__)
            assert np.array_equal(again(rows)[0], made(rows)[0])
            kind.from_pretrained(folder / kind.__name__, trainable=False)(rows)
            made.zero_grad()
            made.to("cpu").num_parameters()
            repr(made)

        return work

    def tensors(make: Callable[[], Any]) -> Callable[[], object]:
        """Hand over tensors that the mode makes."""
        return lambda: make()(torch.ones(2, 3, 8))

    def tokenizer(kind: Any) -> Callable[[], object]:
        def work() -> None:
            tokenize = kind.from_pretrained(GENERATOR)
            for kind_of_arrays in ("np", "pt", None):
                tokenize(["a b", "c"], padding=True, return_tensors=kind_of_arrays)
            tokenize.decode([5, 6])

        return work

    def step() -> None:
        networks = oxbert.PretrainingNetworks(small, electra, special_ids=(2, 3, 4), max_predictions=3, seed=0)
        networks.step([[2, 7, 8, 9, 3], [2, 10, 3]], seed=0, step=0)

    def files() -> None:
        oxbert.save_weights({"a": np.ones((2, 3), np.float32), "b": np.arange(3)}, folder / "some.safetensors")
        for path in (folder / "some.safetensors", folder / "some.ot"):
            oxbert.save_weights(oxbert.load_weights(folder / "some.safetensors"), path)
            assert oxbert.load_weights(path)["a"].sum() == 6
            assert oxbert.load_weights(path, "torch")["b"].shape == (3,)

    def convert() -> None:
        oxbert.ElectraModel(electra, seed=1).save_pretrained(folder / "converted")
        oxbert.convert(folder / "converted", check=True)

    def module() -> None:
        module = oxbert.torch.Module(oxbert.ElectraForMaskedLM(electra, seed=1))
        module(ids.tolist())
        module(torch.tensor(ids))

    def sentences(cross: bool) -> Callable[[], object]:
        def work() -> None:
            place = folder / f"sentences-{cross}"
            config = oxbert.ElectraConfig.from_pretrained(GENERATOR, num_labels=1)
            kind: Any = oxbert.ElectraForSequenceClassification if cross else oxbert.ElectraModel
            kind(config, seed=1).save_pretrained(place)
            oxbert.ElectraTokenizer.from_pretrained(GENERATOR).save_pretrained(place)
            if cross:
                oxbert.CrossEncoder.from_pretrained(place).predict([("a", "b")])
            else:
                add_pooling(place, config.hidden_size)
                oxbert.SentenceEncoder.from_pretrained(place).encode(["a", "b c"])

        return work

    def pipelines() -> None:
        for pooling in (None, "mean"):
            oxbert.pipeline("feature-extraction", DISCRIMINATOR, pooling=pooling)(["a", "b c"])
        oxbert.pipeline("fill-mask")("The [MASK] returns.", targets=["list"])
        oxbert.pipeline("replaced-token-detection")("The cat")

    def auto(kind: Any, name: str) -> Callable[[], object]:
        return lambda: kind.from_pretrained(name)([[1, 2, 3]])

    def resize() -> None:
        made = oxbert.ElectraForMaskedLM(electra, seed=1)
        made.resize_token_embeddings(24)
        made.set_input_embeddings(np.zeros((26, 4), np.float32))

    heads: Any = dict(generator_hidden=4, discriminator_hidden=6, vocab_size=9, embedding_size=3, num_classes=2)
    done: dict[str, Callable[[], object]] = {
        "Activation": lambda: [oxbert.Activation(name)([-1.0, 2.0]) for name in oxbert.Activation.names()],
        "Activation of a tensor": tensors(lambda: oxbert.Activation("gelu_new")),
        "FillMask": lambda: oxbert.FillMask.from_pretrained(GENERATOR)(["The [MASK] returns."], top_k=2),
        "ReplacedTokenDetection": lambda: oxbert.ReplacedTokenDetection.from_pretrained(DISCRIMINATOR)(["The cat"]),
        "pipeline": pipelines,
        "SentenceEncoder": sentences(cross=False),
        "CrossEncoder": sentences(cross=True),
        "quality": lambda: oxbert.quality(GENERATOR, ["The cat sat."], precisions=["float32", "int8"]),
        "PretrainingNetworks": step,
        "PretrainerHeads": lambda: oxbert.PretrainerHeads(**heads).disc_logits(torch.zeros(1, 5, 6)),
        "load_weights": files,
        "save_weights": files,
        "convert": convert,
        "resize": resize,
        "describe_weights": lambda: oxbert.describe_weights(folder / "some.ot"),
        "weight_origins": lambda: oxbert.weight_origins(folder / "some.ot"),
        "torch.Module": module,
        "AutoModel": auto(oxbert.AutoModel, GENERATOR),
        "AutoModelForMaskedLM": auto(oxbert.AutoModelForMaskedLM, GENERATOR),
        "AutoModelForPreTraining": auto(oxbert.AutoModelForPreTraining, DISCRIMINATOR),
        "AutoTokenizer": lambda: oxbert.AutoTokenizer.from_pretrained(GENERATOR)("a", return_tensors="pt"),
    }
    for name in oxbert.__all__:
        public = getattr(oxbert, name)
        if isinstance(public, type) and issubclass(public, oxbert.Model) and public is not oxbert.Model:
            done[name] = model(public)
        elif isinstance(public, type) and issubclass(public, oxbert.Tokenizer) and public is not oxbert.Tokenizer:
            done[name] = tokenizer(public)
        elif name.startswith("Electra") and name.endswith(("Head", "Summary")):
            done[name] = lambda public=public: public(electra, seed=1)(states)  # type: ignore[misc]
            done[f"{name} of a tensor"] = tensors(lambda public=public: public(electra, seed=1))  # type: ignore[misc]
    return done


def main(folder: Path, modes: list[str]) -> None:
    """Run all members, one after another, under each mode."""
    oxbert.save_weights({"a": np.ones(2)}, folder / "some.ot")
    for mode in modes:
        for name, work in members(folder).items():
            problem = None
            print(json.dumps([mode, name]), flush=True)
            try:
                MODES[mode](work)
            except errors.OxbertError as error:
                problem = f"{type(error).__name__}: {error}"
            except BaseException as error:
                problem = f"not ours, {type(error).__module__}.{type(error).__name__}: {error}"
            print(json.dumps([mode, name, problem]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
