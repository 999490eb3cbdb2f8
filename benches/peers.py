"""Run one model in each library, all behind the same three calls. Nothing here imports a library before it is used."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benches import exports
from benches.texts import Rows

FLOAT32, FLOAT16, BFLOAT16, INT8, INT8_BFLOAT16 = "float32", "float16", "bfloat16", "int8", "int8_bfloat16"
CANDLE = Path(__file__).with_name("candle") / "target" / "release" / "liboxbert_bench_candle.so"
# The two classes of the comparison: exact to float32's precision (or nearly), and lower.
CLASSES = {"float32": (FLOAT32, FLOAT16), "low": (BFLOAT16, INT8, INT8_BFLOAT16)}


class Runner:
    """Run a model: `prepare` a batch outside the clock, `run` it under the clock.

    `precision` names the arithmetic; `threads` is the number of threads of a call. `replicas` says that as many calls
    run at the same time, each on one thread. `activate` is called before calls of one way, and `enter` in each thread
    of the replicas.
    """

    pads = True

    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        self.folder, self.precision, self.threads, self.replicas = folder, precision, threads, replicas

    def prepare(self, rows: Rows) -> Any:
        """Return padded ids and a mask of the real tokens."""
        width = max(map(len, rows))
        ids = np.array([row + [0] * (width - len(row)) for row in rows], dtype=np.int64)
        return ids, np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows], dtype=np.int64)

    def run(self, batch: Any) -> np.ndarray:
        """Return hidden states `[B, S, H]` in float32."""
        raise NotImplementedError

    def sibling(self) -> Runner:
        """Return the runner for replicas: the same weights in memory if the library can share them."""
        return type(self)(self.folder, self.precision, self.threads, replicas=True)

    def activate(self) -> None:
        """Set the number of threads of the calling thread, if the library has such a setting."""

    enter = activate


class UsesTorch(Runner):
    """Take the number of threads from torch, which has one for each calling thread."""

    model: Any

    def sibling(self) -> Runner:
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"replicas": True}
        return other

    def activate(self) -> None:
        import torch

        torch.set_num_threads(1 if self.replicas else self.threads)

    enter = activate


class Oxbert(UsesTorch):
    pads = False

    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import oxbert

        super().__init__(folder, precision, threads, replicas)
        self.model = oxbert.AutoModel.from_pretrained(folder / exports.WEIGHTS, trainable=False, precision=precision)

    def prepare(self, rows: Rows) -> Rows:
        return rows

    def run(self, batch: Rows) -> np.ndarray:
        return self.model(batch).last_hidden_state


class Transformers(UsesTorch):
    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        super().__init__(folder, precision, threads, replicas)
        self.model = transformers.AutoModel.from_pretrained(
            folder / exports.WEIGHTS, attn_implementation="sdpa", dtype=getattr(torch, precision)
        ).eval()

    def prepare(self, rows: Rows) -> Any:
        import torch

        ids, mask = map(torch.from_numpy, super().prepare(rows))
        return ids, None if bool(mask.all()) else mask

    def run(self, batch: Any) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.model(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state.float().numpy()


class Compiled(Transformers):
    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import torch

        super().__init__(folder, precision, threads, replicas)
        # Otherwise every width of a batch would be compiled for itself, until torch gives up.
        self.model = torch.compile(self.model, dynamic=True)


class OnnxRuntime(Runner):
    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import onnxruntime

        super().__init__(folder, precision, threads, replicas)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if replicas else threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            folder / (exports.ONNX_INT8 if precision == INT8 else exports.ONNX_FUSED),
            options,
            providers=["CPUExecutionProvider"],
        )

    def run(self, batch: Any) -> np.ndarray:
        return self.session.run(None, {"input_ids": batch[0], "attention_mask": batch[1]})[0]


class OpenVino(Runner):
    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import openvino

        super().__init__(folder, precision, threads, replicas)
        core = openvino.Core()
        graph = core.read_model(folder / (exports.OPENVINO_INT8 if precision == INT8 else exports.ONNX))
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32" if precision == FLOAT32 else "bf16"}
        if precision == INT8:
            # The fastest of 0, 32 and 256 on Zen 4. What stays beside the products is in bfloat16.
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "256"
        settings |= {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads if replicas else 1}
        self.compiled = core.compile_model(graph, "CPU", settings)
        self.local = threading.local()

    def run(self, batch: Any) -> np.ndarray:
        if not hasattr(self.local, "request"):
            self.local.request = self.compiled.create_infer_request()
        found = self.local.request.infer({"input_ids": batch[0], "attention_mask": batch[1]}, share_inputs=True)
        return found[0]


class CTranslate2(Runner):
    pads = False

    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        import ctranslate2

        super().__init__(folder, precision, threads, replicas)
        self.encoder = ctranslate2.Encoder(
            str(folder / exports.CTRANSLATE2), device="cpu", compute_type=precision,
            inter_threads=threads if replicas else 1, intra_threads=1 if replicas else threads,
        )  # fmt: skip

    def prepare(self, rows: Rows) -> Rows:
        return rows

    def run(self, batch: Rows) -> np.ndarray:
        return np.asarray(self.encoder.forward_batch(batch).last_hidden_state)


class Candle(Runner):
    def __init__(self, folder: Path, precision: str, threads: int, replicas: bool) -> None:
        super().__init__(folder, precision, threads, replicas)
        self.model = candle_module().Model(str(folder / exports.CANDLE))

    def run(self, batch: Any) -> np.ndarray:
        return self.model.run(*batch)


def candle_module() -> Any:
    """Return the module that `make bench-candle` builds."""
    name = "oxbert_bench_candle"
    loader = importlib.machinery.ExtensionFileLoader(name, str(CANDLE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, CANDLE, loader=loader))
    loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Peer:
    """Describe a library in one precision: what runs it, which packages and which forms of the weights it needs."""

    library: str
    precision: str
    runner: Callable[[Path, str, int, bool], Runner]
    modules: tuple[str, ...] = ()
    # What to import before its memory is measured, if more or less than these.
    imports: tuple[str, ...] = ()
    packages: str = ""
    forms: tuple[str, ...] = ()
    # The models that the library can run; none means all.
    only: tuple[str, ...] = ()
    # Whether `--quick` has it.
    quick: bool = True
    replicas: bool = True
    # The module that is to be built for it, and how.
    module: Path | None = None
    build: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.library}, {self.precision}")

    @property
    def is_ours(self) -> bool:
        return self.library == "oxbert"

    def missing(self) -> list[str]:
        """Return the modules that are not installed."""
        return [module for module in self.modules if importlib.util.find_spec(module) is None]


TRANSFORMERS = tuple(f"transformers.models.{family}.modeling_{family}" for family in ("electra", "distilbert"))
ORT = {"imports": ("onnxruntime",), "modules": ("onnxruntime", "onnx"), "packages": "onnxruntime onnx sympy"}
OPENVINO = {"imports": ("openvino",), "modules": ("openvino", "onnx"), "packages": "openvino onnx"}
CT2 = {
    "modules": ("ctranslate2",), "packages": "ctranslate2", "forms": (exports.CTRANSLATE2,),
    "only": ("base", "distilbert"),
}  # fmt: skip
PEERS = {
    peer.name: peer
    for peer in (
        *(
            Peer("oxbert", precision, Oxbert, imports=("oxbert", "torch"))
            for precision in (FLOAT32, FLOAT16, BFLOAT16, INT8_BFLOAT16, INT8)
        ),
        Peer("transformers", FLOAT32, Transformers, imports=TRANSFORMERS),
        Peer("transformers", BFLOAT16, Transformers, imports=TRANSFORMERS),
        Peer("torch.compile", FLOAT32, Compiled, imports=TRANSFORMERS, quick=False, replicas=False),
        Peer("torch.compile", BFLOAT16, Compiled, imports=TRANSFORMERS, quick=False, replicas=False),
        Peer("ONNX Runtime", FLOAT32, OnnxRuntime, forms=(exports.ONNX_FUSED,), **ORT),
        Peer("ONNX Runtime", INT8, OnnxRuntime, forms=(exports.ONNX_INT8,), **ORT),
        Peer("OpenVINO", FLOAT32, OpenVino, forms=(exports.ONNX,), **OPENVINO),
        Peer("OpenVINO", BFLOAT16, OpenVino, forms=(exports.ONNX,), **OPENVINO),
        Peer(
            "OpenVINO", INT8, OpenVino, ("openvino", "onnx", "nncf"), ("openvino",), "openvino onnx nncf",
            (exports.OPENVINO_INT8,),
        ),
        Peer("CTranslate2", FLOAT32, CTranslate2, **CT2),
        Peer("CTranslate2", INT8, CTranslate2, **CT2),
        Peer(
            "candle", FLOAT32, Candle, imports=("numpy",), forms=(exports.CANDLE,), only=("base", "distilbert"),
            quick=False, replicas=False, module=CANDLE, build="make bench-candle",
        ),
    )
}  # fmt: skip
